"""What tests of the comparison need: data of every type, edits of a known class, and comparing."""

import asyncio
import time
from typing import Any

from hypothesis import strategies as st

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.verification.compare.classify import Difference
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Comparison
from redis_rehearsal.verification.compare.rounds import compare

QUICK = CompareOptions(round_interval=0)
PAIRS = [
    ("redis-6.2", "valkey-9.1"),
    ("redis-6.2", "redis-8.2"),
    ("redis-8.2", "valkey-9.1"),
    ("valkey-9.1", "redis-6.2"),
]
SIZES = st.sampled_from([1, 2, 3, 16, 127, 128, 129, 512, 513, 700])
ELEMENT = st.sampled_from([b"", b"\xff\x00", b"short", b"x" * 63, b"x" * 64, b"x" * 65, b"y" * 300])
Value = tuple[str, Any]
Entry = tuple[Value, int | None, str]
"""A value, its time to live in seconds, and what is done to it on the target."""


def compared(source: RedisServer, target: RedisServer, options: CompareOptions = QUICK, **more: Any) -> Comparison:
    return asyncio.run(compare(Endpoint.parse(source.url), Endpoint.parse(target.url), options, **more))


def kinds(source: RedisServer, target: RedisServer, options: CompareOptions = QUICK) -> dict[bytes, str]:
    found: dict[bytes, str] = {}

    def record(difference: Difference, *_: Any) -> None:
        if not difference.benign:
            found[difference.key] = difference.kind.value

    comparison = compared(source, target, options, record=record)
    assert comparison.unexplained == len(found)
    return found


@st.composite
def values(draw: st.DrawFn) -> Value:
    kind = draw(st.sampled_from(["string", "list", "hash", "set", "zset", "stream"]))
    if kind == "string":
        size = draw(st.sampled_from([0, 1, 44, 45, 16_383, 16_384, 16_385, 1_100_000]))
        return kind, draw(st.binary(min_size=1, max_size=3)) * size
    size, element = draw(SIZES), draw(ELEMENT)
    if draw(st.booleans()) and kind == "set":
        return kind, list(range(size))  # integers have an encoding of their own
    elements = [element + b"%d" % number for number in range(size)]
    if kind in ("hash", "stream"):
        return kind, {field: draw(ELEMENT) if place < 3 else b"v" for place, field in enumerate(elements)}
    if kind == "zset":
        scores = draw(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
        return kind, {member: scores[place % len(scores)] for place, member in enumerate(elements)}
    return kind, elements


def put(client: Any, key: bytes, value: Value) -> None:
    kind, content = value
    match kind:
        case "string":
            client.set(key, content)
        case "list":
            client.rpush(key, *content)
        case "hash":
            client.hset(key, mapping=content)
        case "set":
            client.sadd(key, *content)
        case "zset":
            client.zadd(key, content)
        case _:
            pipe = client.pipeline(transaction=False)
            for number, (field, text) in enumerate(content.items(), 1):
                pipe.xadd(key, {field: text}, id=f"{number}-0")
            pipe.xgroup_create(key, "group", "1-0")
            pipe.execute()


def change(client: Any, key: bytes, value: Value) -> None:
    """The least that is another value."""
    kind, content = value
    match kind:
        case "string":
            client.append(key, b"x")
        case "list":
            client.lset(key, -1, b"another")
        case "hash":
            client.hset(key, list(content)[-1], b"another")
        case "set":
            client.srem(key, content[-1])
            client.sadd(key, b"another")
        case "zset":
            member, score = list(content.items())[-1]
            client.zadd(key, {member: 1.0 if score != 1.0 else 1.0000000000000002})
        case _:
            client.xgroup_setid(key, "group", "0-0")


def edit(source: Any, target: Any, key: bytes, value: Value, what: str) -> None:
    match what:
        case "missing":
            target.delete(key)
        case "extra":
            source.delete(key)
        case "type":
            target.delete(key)
            target.set(key, b"1") if value[0] != "string" else target.rpush(key, b"1")
        case "value":
            change(target, key, value)
        case "ttl":
            target.persist(key) if target.ttl(key) >= 0 else target.expire(key, 5000)
        case "value and ttl":
            change(target, key, value)
            target.expire(key, 7000)


EDITS = ["same", "same", "missing", "extra", "type", "value", "ttl", "value and ttl"]
DATA = st.dictionaries(
    st.binary(max_size=5),
    st.tuples(values(), st.sampled_from([None, 1, 1000]), st.sampled_from(EDITS)),
    max_size=12,
)


def fill(source: Any, target: Any, data: dict[bytes, Entry]) -> dict[bytes, str]:
    """Put the same on both servers, edit it on one, and say which differences there are."""
    source.flushall()
    target.flushall()
    expected = {}
    for key, (value, ttl, what) in data.items():
        for client in (source, target):
            put(client, key, value)
        if ttl == 1:  # what expires while it is compared is no edit
            at = int(time.time() * 1000) + 1000
            for client in (source, target):
                client.pexpireat(key, at)
            continue
        if ttl is not None:
            # The same moment for both, however long the test is kept waiting in between.
            at = int(time.time()) + ttl
            for client in (source, target):
                client.expireat(key, at)
        edit(source, target, key, value, what)
        if what != "same":
            expected[key] = "value" if what == "value and ttl" else what
    return expected
