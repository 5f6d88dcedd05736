import asyncio
import itertools
import time
from contextlib import ExitStack

import pytest
import redis

from redis_rehearsal.embedded.redis_server import server_binary
from redis_rehearsal.errors import ConfigurationError, MigrationError
from redis_rehearsal.migration.copying import CopyResult
from redis_rehearsal.migration.copying.streams import NO_COUNTS, NO_IDLE_TIME
from redis_rehearsal.migration.copying.values import NO_FIELD_TTLS
from tests.conftest import MakeServer
from tests.integration.migration.copying_data import (
    assert_equal,
    fill,
    has_field_ttls,
    has_stream_counts,
    take,
)
from tests.integration.migration.pair import Method, Pair


def installed() -> list[str]:
    names = []
    for name in ("redis-6.2", "redis-8.2", "valkey-9.1"):
        try:
            server_binary(name)
        except ConfigurationError:
            continue
        names.append(name)
    return names


def check_everything(pair: Pair, method: Method, piece_bytes: int, *, big: bool) -> None:
    fill(pair.source, big=big)
    pair.target.set("theirs", "stays")
    before = take(pair.source)
    result = pair.copy_all(method=method, piece_bytes=piece_bytes)
    after = take(pair.target)
    assert after.pop(b"theirs")["value"] == b"stays"
    field_ttls, counts = (has(pair.source) and has(pair.target) for has in (has_field_ttls, has_stream_counts))
    # A source without counts is given them by the target.
    assert_equal(before, after, field_ttls=field_ttls, stream_counts=counts)
    assert result.failed == []
    assert result.copied >= len(after)
    assert not pair.temporary_keys()
    lost = result.losses
    if has_field_ttls(pair.source) and not field_ttls:
        assert lost[NO_FIELD_TTLS] == 4
    if has_stream_counts(pair.source) and not counts:
        assert lost[NO_COUNTS] == 3
    if method == "types":
        assert lost[NO_IDLE_TIME] == 5


# Between them: DUMP, DUMP that is refused, older and newer targets, pieces, and pieces of everything.
@pytest.mark.parametrize(
    ("source", "target", "method", "piece_bytes"),
    [
        ("redis-6.2", "valkey-9.1", "auto", 1024),
        ("redis-8.2", "valkey-9.1", "auto", 1024 * 1024),
        ("valkey-9.1", "valkey-9.1", "types", 200),
        ("redis-8.2", "redis-6.2", "auto", 100_000),
    ],
)
def test_everything_arrives(
    make_server: MakeServer, stack: ExitStack, source: str, target: str, method: Method, piece_bytes: int
) -> None:
    if {source, target} - set(installed()):
        pytest.skip("not installed here")
    check_everything(Pair(make_server(name=source), make_server(name=target), stack), method, piece_bytes, big=False)


@pytest.mark.matrix
@pytest.mark.parametrize("method", ["auto", "types"])
@pytest.mark.parametrize(("source", "target"), list(itertools.product(installed(), repeat=2)))
def test_everything_arrives_between_all_servers(
    make_server: MakeServer, stack: ExitStack, source: str, target: str, method: Method
) -> None:
    pair = Pair(make_server(name=source), make_server(name=target), stack)
    check_everything(pair, method, 1024 * 1024, big=True)


def test_large_values_arrive_in_pieces(pair: Pair) -> None:
    pair.source.set("s", b"\x00big" * 2_500_000)
    pair.source.hset("h", mapping={b"%d" % number: b"%01000d" % number for number in range(10_000)})
    pair.source.hset("one field", "f", b"\x01" * 20_000_000)
    before = take(pair.source)
    for method in ("auto", "types"):
        assert pair.copy_all(method=method).copied == 3
        assert_equal(before, take(pair.target))
        calls = pair.target.info("commandstats")
        # Only that which found out whether RESTORE can be used.
        assert calls["cmdstat_restore"]["calls"] == 1
        assert calls["cmdstat_append"]["calls"] >= 10
        assert calls["cmdstat_hset"]["calls"] >= 10
        pair.target.flushall()


def test_copying_again_changes_nothing(pair: Pair) -> None:
    fill(pair.source, big=False)
    first = pair.copy_all(method="types", piece_bytes=5000)
    assert first.failed == []
    pair.copy_all(method="auto")
    assert_equal(take(pair.source), take(pair.target))


def test_what_is_gone_on_the_source_is_deleted_on_the_target(pair: Pair) -> None:
    for key in ("a", "b"):
        pair.target.set(key, "old")
    pair.source.set("c", "1")
    result = pair.copy(b"a", b"c", b"c", b"d")
    assert (result.copied, result.deleted, result.absent, result.skipped, result.failed) == (1, 1, 1, 0, [])
    assert sorted(pair.target.keys("*")) == [b"b", b"c"]


@pytest.mark.parametrize("method", ["dump", "types"])
def test_without_replacing_nothing_of_the_target_is_touched(pair: Pair, method: Method) -> None:
    for key in ("s", "gone", "new"):
        pair.target.set(key, "kept")
    pair.target.rpush("l", "kept")
    pair.target.delete("new")
    pair.source.mset({"s": "source", "new": "source"})
    pair.source.rpush("l", "source")
    pair.source.sadd("big", *range(5000))
    pair.target.sadd("big", "kept")
    result = pair.copy(b"s", b"l", b"gone", b"new", b"big", replace=False, method=method, piece_bytes=10_000)
    assert (result.copied, result.skipped, result.absent, result.deleted) == (1, 3, 1, 0)
    assert pair.target.mget("s", "gone", "new") == [b"kept", b"kept", b"source"]
    assert pair.target.lrange("l", 0, -1) == [b"kept"]
    assert pair.target.smembers("big") == {b"kept"}
    assert not pair.temporary_keys()


def test_a_write_to_the_target_during_the_copy_wins_where_nothing_is_to_be_replaced(pair: Pair) -> None:
    pair.source.rpush("l", *(b"x" * 1000 for _ in range(20_000)))

    async def copy() -> CopyResult:
        async with pair.copier(piece_bytes=20_000) as copier:
            task = asyncio.create_task(copier.copy([b"l"], replace=False))
            while not pair.temporary_keys():
                await asyncio.sleep(0.001)
            pair.target.rpush("l", "theirs")
            return await task

    result = asyncio.run(copy())
    assert (result.copied, result.skipped) == (0, 1)
    assert pair.target.lrange("l", 0, -1) == [b"theirs"]
    assert not pair.temporary_keys()


def test_a_key_expires_at_the_same_moment_on_both(make_server: MakeServer, stack: ExitStack) -> None:
    for name in installed():
        pair = Pair(make_server(name=name), make_server(name="valkey-9.1"), stack)
        at = int(time.time() * 1000) + 100_000
        pair.source.set("s", "x", pxat=at)
        pair.source.hset("h", "f", "x")
        pair.source.pexpireat("h", at)
        for method in ("auto", "types"):
            assert pair.copy(b"s", b"h", method=method).copied == 2
            for key in ("s", "h"):
                # Redis 6.2 only says how much is left, in the same pipeline as what time it is.
                assert abs(pair.target.pexpiretime(key) - at) <= (100 if name == "redis-6.2" else 0)


def test_a_pass_under_writes_and_a_last_one_at_rest_end_right(pair: Pair) -> None:
    fill(pair.source, big=False)

    async def copy() -> None:
        async with pair.copier(method="types", piece_bytes=2000) as copier:
            seen: set[bytes] = set()
            rounds = 0
            async for keys in copier.scan("*"):
                task = asyncio.create_task(copier.copy(keys))
                while not task.done():
                    rounds += 1
                    pair.source.rpush("l:3000", rounds)
                    pair.source.lpop("l:513")
                    pair.source.incr("counter")
                    pair.source.delete("turns")
                    if rounds % 2:
                        pair.source.set("turns", rounds)
                    else:
                        pair.source.zadd("turns", {"m": rounds})
                    pair.source.xadd("x:many", {"n": rounds})
                    await asyncio.sleep(0.001)
                assert (await task).failed == []
                seen.update(keys)
            seen.update(pair.source.keys("*"))
            assert (await copier.copy(sorted(seen))).failed == []

    asyncio.run(copy())
    assert_equal(take(pair.source), take(pair.target))


def test_auto_says_which_method_it_took_and_why(make_server: MakeServer, stack: ExitStack) -> None:
    if "redis-8.2" not in installed():
        pytest.skip("not installed here")
    pair = Pair(make_server(name="redis-8.2"), make_server(name="valkey-9.1"), stack)

    async def copy() -> None:
        async with pair.copier() as copier:
            method, reason = copier.what_method()
            assert method == "types"
            assert "ERR DUMP payload version or checksum are wrong" in reason
        with pytest.raises(MigrationError, match=r"DUMP and RESTORE cannot be used: .* refused the source's DUMP"):
            async with pair.copier(method="dump"):
                pass

    asyncio.run(copy())
    assert pair.source.keys("*") == pair.target.keys("*") == []


def test_a_type_that_cannot_be_carried_is_named(make_server: MakeServer, stack: ExitStack) -> None:
    if "redis-8.2" not in installed():
        pytest.skip("not installed here")
    pair = Pair(make_server(name="redis-8.2"), make_server(name="valkey-9.1"), stack)
    try:
        pair.source.execute_command("VADD", "v", "VALUES", 2, "0.5", "0.1", "element")
    except redis.ResponseError:
        pytest.skip("this server has no vector sets")
    pair.source.set("s", "x")
    pair.target.set("v", "old")
    result = pair.copy(b"v", b"s")
    assert result.copied == 1
    assert result.failed == [(b"v", "a value of the type vectorset cannot be copied without DUMP")]
    assert pair.target.get("v") == b"old"


def test_progress_is_told(pair: Pair) -> None:
    pair.source.mset({f"k:{number}": "x" * 10 for number in range(3000)})

    async def copy() -> None:
        async with pair.copier(method="types", rate_keys_per_second=1e6) as copier:
            assert await copier.estimate() == 3000
            seen = [key async for keys in copier.scan("k:*") for key in keys]
            await copier.copy(seen)
            assert (copier.progress.keys, copier.progress.bytes) == (3000, 30_000)
            assert copier.progress.eta_seconds(1e9) == 0

    asyncio.run(copy())
