import asyncio
from typing import Any

import pytest
from redis.exceptions import ResponseError

from redis_rehearsal.cache.client import client_of
from redis_rehearsal.cache.collections import Collections
from redis_rehearsal.cache.endpoint import Endpoint
from tests.conftest import MakeServer

TTL_SECONDS = 100


@pytest.mark.parametrize("name", ["redis-6.2", "redis-8.2", "valkey-9.1"])
def test_parts_of_collections_are_read_and_written(make_server: MakeServer, name: str) -> None:
    server = make_server(name=name)

    async def work() -> None:
        client = client_of(Endpoint.parse(server.url), 5)
        try:
            await hashes_and_lists(Collections(client, TTL_SECONDS))
            await sets_and_scores(Collections(client, TTL_SECONDS))
            await everything_expires(client)
        finally:
            await client.aclose()

    asyncio.run(work())


async def hashes_and_lists(cache: Collections) -> None:
    assert await cache.hash_get("hash", "a") is None
    assert await cache.hash_set("hash", "a", 1)
    assert not await cache.hash_set("hash", "a", b"\xff")
    assert await cache.hash_get("hash", "a") == b"\xff"
    assert [await cache.list_push("list", str(number), 3) for number in range(5)] == [1, 2, 3, 4, 4]
    assert await cache.list_get_all("list") == [b"4", b"3", b"2"]
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await cache.list_push("hash", "x", 3)


async def sets_and_scores(cache: Collections) -> None:
    assert await cache.set_card("set") == 0
    assert await cache.set_add("set", "a", "b") == 2
    assert await cache.set_add("set", "b", "c") == 1
    assert await cache.set_members("set") == {b"a", b"b", b"c"}
    assert await cache.set_card("set") == 3
    assert await cache.zset_add("scores", {"a": 1, "b": 2.5, "c": -1}) == 3
    assert await cache.zset_incr("scores", "c", 10) == 9.0
    assert await cache.zset_incr("scores", "new") == 1.0
    assert await cache.zset_top("scores", 2) == [(b"c", 9.0), (b"b", 2.5)]
    assert await cache.zset_range_by_score("scores", 1, 2.5) == [(b"a", 1.0), (b"new", 1.0), (b"b", 2.5)]


async def everything_expires(client: Any) -> None:
    keys = await client.keys()
    assert sorted(keys) == [b"hash", b"list", b"scores", b"set"]
    for key in keys:
        assert 0 < await client.ttl(key) <= TTL_SECONDS
