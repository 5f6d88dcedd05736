"""Whether the server that the application came from may follow the other one, which erases what it has."""

import asyncio
from pathlib import Path
from typing import Any, cast

import redis

from redis_rehearsal.cache.client import client_of, identify
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.journal import Journal
from redis_rehearsal.cache.route import Role
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.reached import Watch
from redis_rehearsal.migration.site import Site
from redis_rehearsal.migration.strategies.running.replicate import why_not_return
from redis_rehearsal.workload.keys import Keys
from tests.conftest import MakeServer


def outside(server: RedisServer) -> Any:
    return redis.Redis(port=server.port, protocol=2)


def why_not(left: RedisServer, back: RedisServer, databases: tuple[int, int] = (0, 0)) -> str:
    async def handle(role: Role, server: RedisServer, database: int) -> Site:
        endpoint = Endpoint.parse(f"redis://127.0.0.1:{server.port}/{database}")
        identity = await identify(role, "REDIS_URL", endpoint, 5)
        return Site(role, endpoint, endpoint, identity, client_of(endpoint, 5), process=server)

    async def work() -> str:
        servers = await handle("target", left, databases[0]), await handle("source", back, databases[1])
        # Nobody asks the application where to go, nor who answers there.
        application = cast("FleetControl", None)
        watch = cast("Watch", None)
        options = MigrationOptions(strategy="copy")
        keys = Keys("rehearsal:", "1")
        context = Context(options, application, *servers, keys, Path(), 1, 0.0, [], watch, Journal(keys, None))
        try:
            return await why_not_return(context)
        finally:
            for server in servers:
                await server.client.aclose()

    return asyncio.run(work())


def test_only_what_can_be_read_there_and_erases_nothing_of_others_is_replicated_back(make_server: MakeServer) -> None:
    left, back = make_server(name="valkey-9.1"), make_server(name="redis-8.2")
    with outside(left) as there, outside(back) as here:
        here.set("rehearsal:old", 1)
        assert why_not(left, back) == ""
        assert "database 3" in why_not(left, back, (3, 0))
        there.hset("rehearsal:h", "field", "value")
        there.hexpire("rehearsal:h", 1000, "field")
        reason = why_not(left, back)
        assert reason.startswith(f"the target redis://127.0.0.1:{left.port}/0")
        assert "holds 1 hashes with fields that expire by themselves (rehearsal:h)" in reason
        there.delete("rehearsal:h")
        here.set("others", 1)
        assert "holds 1 keys of others" in why_not(left, back)
