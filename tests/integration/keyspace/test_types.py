"""The table of types holds on servers."""

import asyncio
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, heads, lengths
from redis_rehearsal.keyspace.types import JSON, TYPES

_MADE: dict[bytes, tuple[tuple[Any, ...], Any]] = {
    b"string": (("SET", "key", "four"), b"four"),
    b"list": (("RPUSH", "key", "a", "b", "a", "b"), [b"a", b"b", b"a", b"b"]),
    b"set": (("SADD", "key", 1, 2, 3, 4), [b"1", b"2", b"3", b"4"]),
    b"zset": (("ZADD", "key", 1, "a", 2, "b", 3, "c", 4, "d"), [b"a", b"1", b"b", b"2", b"c", b"3", b"d", b"4"]),
    b"hash": (("HSET", "key", *"aabbccdd"), [b"a", b"a", b"b", b"b", b"c", b"c", b"d", b"d"]),
    b"stream": (("EVAL", "for i=1,4 do redis.call('XADD', KEYS[1], i, 'field', i) end", 1, "key"), None),
}
"""How four of each are made, and what reading all of it says."""


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != JSON])
def test_each_type_is_read_by_its_commands(source: RedisServer, client: Any, kind: bytes) -> None:
    made, whole = _MADE[kind]
    client.execute_command(*made)

    async def work() -> None:
        async with Asker("source", Endpoint.parse(source.url), "test", 5.0) as server:
            names = bulk([b"key", b"none"])
            types, ttls = await heads(server, names)
            assert (types, ttls) == ([kind, b"none"], [-1, -2])
            assert await lengths(server, names, types) == [4, None]
            # A key that has another type by now has no length of the one that it had.
            other = b"list" if kind != b"list" else b"set"
            assert await lengths(server, names[:1], [other]) == [None]
            read_by = TYPES[kind]
            if read_by.whole:
                assert await server.ask(read_by.whole[0], "key", *read_by.whole[1:]) == whole
            if read_by.scan:
                _, items = await server.ask(read_by.scan, "key", 0, "COUNT", 100)
                assert sorted(items) == sorted(whole)

    asyncio.run(work())
