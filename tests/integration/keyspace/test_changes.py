import asyncio

import pytest
import redis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.keyspace.changes import ChangeFeed
from tests.conftest import MakeServer
from tests.support import wait_for


@pytest.mark.parametrize("name", ["redis-6.2", "redis-8.2", "valkey-9.1"])
def test_every_key_that_changes_under_the_prefix_is_told(make_server: MakeServer, name: str) -> None:
    server = make_server("--notify-keyspace-events", "KA", name=name)
    asyncio.run(tells_all(server))


async def tells_all(server: RedisServer) -> None:
    with redis.Redis(port=server.port, protocol=2) as client:
        client.set("mine:before", 1)
        async with ChangeFeed.open(Endpoint.parse(server.url), b"mine:") as feed:
            client.incr("mine:count")
            client.hset("mine:hash", "a", 1)
            client.delete("mine:before")
            client.set(b"mine:\xff\x00", 1)
            client.set("other:key", 1)
            client.rename("mine:hash", "mine:renamed")
            assert await feed.is_complete()
            told = feed.take()
            assert told == {b"mine:count", b"mine:hash", b"mine:renamed", b"mine:before", b"mine:\xff\x00"}
            client.config_set("notify-keyspace-events", "Kx")
            client.pexpire(b"mine:\xff\x00", 20)
            wait_for(lambda: not client.exists(b"mine:\xff\x00"), "the expiry")
            assert await feed.is_complete()
            assert feed.take() == {b"mine:\xff\x00"}
            client.config_set("notify-keyspace-events", "KA")
            for number in range(5_000):
                client.set(f"mine:{number % 100}", number)
            assert await feed.is_complete()
            assert len(feed.take()) == 100
        wait_for(lambda: client.pubsub_numpat() == 0, "the end of the subscription")


def test_a_feed_that_was_cut_off_says_so_for_ever(make_server: MakeServer) -> None:
    asyncio.run(is_cut_off(make_server("--notify-keyspace-events", "KA")))


async def is_cut_off(server: RedisServer) -> None:
    with redis.Redis(port=server.port, protocol=2) as client:
        async with ChangeFeed.open(Endpoint.parse(server.url), b"mine:") as feed:
            assert await feed.is_complete()
            (listener,) = (each for each in client.client_list() if each["name"] == "redis-rehearsal:changes")
            client.client_kill_filter(_id=listener["id"])
            client.set("mine:key", 1)
            assert not await feed.is_complete()
            assert not await feed.is_complete()


def test_who_may_not_listen_is_told(make_server: MakeServer) -> None:
    asyncio.run(may_not_listen(make_server()))


async def may_not_listen(server: RedisServer) -> None:
    with redis.Redis(port=server.port, protocol=2) as client:
        client.execute_command("ACL", "SETUSER", "some", "on", ">word", "~*", "resetchannels", "+@all")
    endpoint = Endpoint.parse(server.url.replace("//", "//some:word@"))
    with pytest.raises(ConnectionRefusedError, match="NOPERM"):
        async with ChangeFeed.open(endpoint, b"mine:"):
            pass
