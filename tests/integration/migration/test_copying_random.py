"""Whatever is on a server, its copy is equal."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.settings import default_source_server
from tests.integration.migration.copying_data import assert_equal, has_stream_counts, take
from tests.integration.migration.pair import Pair

TEXT = st.binary(max_size=80)
SCORE = st.floats(allow_nan=False)
STREAM = st.fixed_dictionaries(
    {
        "entries": st.lists(st.tuples(TEXT, TEXT), max_size=25),
        "deleted": st.sets(st.integers(1, 25), max_size=8),
        "groups": st.lists(
            st.tuples(st.integers(0, 25), st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=4)),
            max_size=3,
        ),
    }
)
VALUE = st.one_of(
    st.tuples(st.just("string"), st.binary(max_size=3000)),
    st.tuples(st.just("string"), st.integers(-(2**63), 2**63 - 1).map(lambda number: str(number).encode())),
    st.tuples(st.just("list"), st.lists(TEXT, min_size=1, max_size=40)),
    st.tuples(st.just("set"), st.sets(TEXT, min_size=1, max_size=40)),
    st.tuples(st.just("zset"), st.dictionaries(TEXT, SCORE, min_size=1, max_size=40)),
    st.tuples(st.just("hash"), st.dictionaries(TEXT, TEXT, min_size=1, max_size=40)),
    st.tuples(st.just("stream"), STREAM),
)
DATA = st.dictionaries(TEXT, st.tuples(VALUE, st.none() | st.integers(5, 10**6)), max_size=12)


@pytest.fixture(scope="module")
def random_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    place: Path = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        source = RedisServer(default_source_server(), place / "source")
        target = RedisServer("valkey-9.1", place / "target")
        for server in (source, target):
            stack.callback(server.kill)
            server.start()
        yield Pair(source, target, stack)


def write(client: Any, key: bytes, kind: str, value: Any) -> None:
    if kind == "string":
        client.set(key, value)
    elif kind == "list":
        client.rpush(key, *value)
    elif kind == "set":
        client.sadd(key, *value)
    elif kind == "zset":
        for member, score in value.items():
            client.execute_command("ZADD", key, repr(score), member)
    elif kind == "hash":
        client.hset(key, mapping=value)
    else:
        write_stream(client, key, **value)


def write_stream(client: Any, key: bytes, entries: list[Any], deleted: set[int], groups: list[Any]) -> None:
    client.xgroup_create(key, "made", "0", mkstream=True)
    client.xgroup_destroy(key, "made")
    for number, (field, value) in enumerate(entries, 1):
        client.xadd(key, {field: value}, id=f"{number}-{number % 2}")
    for number, (start, reads) in enumerate(groups):
        client.xgroup_create(key, f"g{number}", f"{start}-0")
        for consumer, count in reads:
            client.xreadgroup(f"g{number}", consumer, {key: ">"}, count=count)
    if deleted:
        client.xdel(key, *(f"{number}-{number % 2}" for number in deleted))


@given(DATA, st.sampled_from(["auto", "types"]), st.sampled_from([1, 64, 500, 1024 * 1024]))
@settings(max_examples=50)
def test_a_copy_is_equal(
    random_pair: Pair,
    data: dict[bytes, tuple[tuple[str, Any], int | None]],
    method: Literal["auto", "types"],
    piece_bytes: int,
) -> None:
    pair = random_pair
    pair.source.flushall()
    pair.target.flushall()
    for key, ((kind, value), seconds) in data.items():
        write(pair.source, key, kind, value)
        if seconds is not None:
            pair.source.expireat(key, int(time.time()) + seconds)
    # What the target had before must not show through.
    for key in list(data)[::2]:
        pair.target.rpush(key, "old")
    before = take(pair.source)
    result = pair.copy_all(method=method, piece_bytes=piece_bytes)
    assert result.failed == []
    same = has_stream_counts(pair.source)
    assert_equal(before, take(pair.target), field_ttls=same, stream_counts=same)
    assert not pair.temporary_keys()


def test_many_copies_of_one_key_at_the_same_time_end_right(random_pair: Pair) -> None:
    pair = random_pair
    pair.source.flushall()
    pair.target.flushall()
    pair.source.rpush("l", *range(5000))

    async def copy() -> None:
        async with pair.copier(method="types", piece_bytes=2000) as copier:
            results = await asyncio.gather(*(copier.copy([b"l"], replace=False) for _ in range(20)))
            assert sum(result.copied for result in results) == 1
            assert sum(result.skipped for result in results) == 19

    asyncio.run(copy())
    assert pair.source.lrange("l", 0, -1) == pair.target.lrange("l", 0, -1)
    assert not pair.temporary_keys()
