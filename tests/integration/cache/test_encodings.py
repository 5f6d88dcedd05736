"""Reports on real servers: as they are read back, replaced, and added where there is none."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis

from redis_rehearsal.cache.encodings import ENCODINGS, Encoding
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import AwaitedBatch, Connection, Reply
from redis_rehearsal.embedded.redis_server import RedisServer, json_module
from redis_rehearsal.errors import ConfigurationError
from tests.conftest import MakeServer

IDENTITY = expected_identity("17:overview")
ENTRIES = {f"name-{number}": number * 7919 - 1 for number in range(15)}
CASES = [
    (server, name)
    for server in ("redis-6.2", "redis-8.2", "valkey-9.1")
    for name in ENCODINGS
    if (server, name) != ("redis-6.2", "json")
]
Ask = Callable[[bytes, int], Any]


@pytest.fixture
def server(make_server: MakeServer, request: pytest.FixtureRequest) -> RedisServer:
    name, encoding = request.param
    if encoding != "json":
        return make_server(name=name)
    try:
        return make_server("--loadmodule", str(json_module(name)), name=name)
    except ConfigurationError:
        pytest.skip("the extra json is not installed")


def last_reply(server: RedisServer, command: bytes, count: int = 1) -> Reply:
    async def ask() -> Reply:
        connection = await Connection.open(Endpoint.parse(server.url), "test", 30, lambda _: None)
        batch = AwaitedBatch(count)
        connection.send(command, batch)
        replies = await batch.replies
        connection.abort("done")
        await asyncio.sleep(0)
        return replies[-1]

    return asyncio.run(ask())


@pytest.mark.parametrize(("server", "encoding"), [(case, ENCODINGS[case[1]]) for case in CASES], indirect=["server"])
def test_a_report_is_stored_read_replaced_and_added(server: RedisServer, encoding: Encoding) -> None:
    def read(key: str) -> Reply:
        return last_reply(server, encoding.read_command(key))

    with redis.Redis(port=server.port, protocol=2) as client:
        for entries in (ENTRIES, {f"much-{number}": number for number in range(600)}, {"few": 1}):
            value = encoding.encode(IDENTITY, entries, 1_795_000_000_000, 300_000)
            last_reply(server, *encoding.write_command("key", value, 300_000))
            found = read("key")
            assert encoding.is_right(found, IDENTITY)
            assert encoding.decode(found) == entries
            assert 290_000 < client.pttl("key") <= 300_000
        # Whatever else is there makes way.
        client.delete("key")
        client.rpush("key", "something", "else")
        last_reply(server, *encoding.write_command("key", value, 300_000))
        assert encoding.is_right(read("key"), IDENTITY)
        # What was read on one server is added on another, and never over something newer.
        last_reply(server, *encoding.add_command("copy", found, 5_000, "spare"))
        assert encoding.is_right(read("copy"), IDENTITY)
        assert 4_000 < client.pttl("copy") <= 5_000
        newer = encoding.encode(IDENTITY, ENTRIES, 1_795_000_000_999, 300_000)
        last_reply(server, *encoding.add_command("copy", newer, 9_000, "spare"))
        assert encoding.decode(read("copy")) == {"few": 1}
        assert client.pttl("copy") <= 5_000
        assert sorted(client.keys()) == [b"copy", b"key"]
        assert encoding.envelope(read("missing")) is None
        client.set("string", "nothing of ours")
        assert encoding.envelope(read("string")) is None
