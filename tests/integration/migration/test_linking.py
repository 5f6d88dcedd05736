import asyncio
from collections.abc import Callable

import pytest
import redis

from redis_rehearsal.cache.client import client_of, identify
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.linking import Syncs, why_not_linked
from redis_rehearsal.migration.site import Site
from tests.conftest import MakeServer
from tests.support import wait_for


def outside(server: RedisServer) -> redis.Redis:
    return redis.Redis(port=server.port, protocol=2)


def why(source: RedisServer, target: RedisServer, attempts: Callable[[], int]) -> str:
    """What is said of a target that was told to follow, once there were some attempts."""

    async def handle(role: Role, server: RedisServer) -> Site:
        endpoint = Endpoint.parse(server.url)
        identity = await identify(role, "REDIS_URL", endpoint, 5)
        return Site(role, endpoint, endpoint, identity, client_of(endpoint, 5))

    async def work() -> str:
        old, new = await handle("source", source), await handle("target", target)
        try:
            before = await Syncs.of(old)
            await new.client.replicaof("127.0.0.1", str(source.port))
            await asyncio.to_thread(wait_for, lambda: attempts() >= 2, "a second attempt")
            return await why_not_linked(old, new, (await Syncs.of(old)).since(before))
        finally:
            await old.client.aclose()
            await new.client.aclose()

    return asyncio.run(work())


@pytest.mark.parametrize(("old", "new"), [("redis-8.2", "valkey-9.1"), ("valkey-9.1", "redis-8.2")])
def test_fields_that_expire_are_named_where_they_are_why(make_server: MakeServer, old: str, new: str) -> None:
    relaxed = ("--rdb-version-check", "relaxed") if new == "valkey-9.1" else ()
    source = make_server("--repl-diskless-sync-delay", "0", name=old)
    target = make_server(*relaxed, name=new)
    with outside(source) as client:
        client.hset("ending", mapping={"a": 1, "b": 2})
        client.hexpire("ending", 1000, "a")
        said = why(source, target, lambda: int(client.info("stats")["sync_full"]))
    assert said.startswith(f"The source redis://127.0.0.1:{source.port}/0")
    assert "holds 1 hashes with fields that expire by themselves (ending)" in said
    assert "cannot read from its RDB." in said


@pytest.mark.parametrize("name", ["redis-6.2", "redis-8.2", "valkey-9.1"])
def test_an_output_buffer_that_is_too_small_is_named_with_the_server_whose_log_has_it(
    make_server: MakeServer, name: str
) -> None:
    source = make_server(
        *("--client-output-buffer-limit", "replica", "200kb", "100kb", "1", "--repl-backlog-size", "16kb"),
        *("--repl-diskless-sync-delay", "0", "--rdb-key-save-delay", "1000"),
        name=name,
    )
    with outside(source) as client:
        client.mset({f"key:{number}": 1 for number in range(10_000)})

        def attempts() -> int:
            client.mset({f"big:{number}": b"x" * 100_000 for number in range(10)})
            return int(client.info("stats")["sync_full"])

        said = why(source, make_server(name="valkey-9.1"), attempts)
    assert "does not fit into the output buffer of a replica: raise its client-output-buffer-limit (200 KiB" in said
    assert f"The log of the source redis://127.0.0.1:{source.port}/0" in said
    assert "of the target" not in said
    assert "overcoming of output buffer limits" in (source.directory / "server.log").read_text()


def test_where_nothing_tells_both_logs_are_named(make_server: MakeServer) -> None:
    source = make_server("--requirepass", "geheim", "--repl-diskless-sync-delay", "0")
    source_url = f"redis://:geheim@127.0.0.1:{source.port}/0"

    async def work() -> str:
        handles = []
        for role, url in (("source", source_url), ("target", make_server(name="valkey-9.1").url)):
            endpoint = Endpoint.parse(url)
            identity = await identify(role, "REDIS_URL", endpoint, 5)
            handles.append(Site("source", endpoint, endpoint, identity, client_of(endpoint, 5)))
        said = await why_not_linked(handles[0], handles[1], Syncs(0, 0, None))
        for handle in handles:
            await handle.client.aclose()
        return said

    said = asyncio.run(work())
    assert said.startswith("The logs of the source")
    assert said.endswith("say more; look there.")
