"""A tool that attaches the target as a replica, and promotes it at the end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.cache.control import control_client
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.lock import RunLock, new_owner
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.errors import LockedError, MigrationError, ServerRefusedError
from tests.integration.migration.idle import KEYS, context_of, migrate
from tests.integration.migration.pair import Pair
from tests.support import wait_for


@pytest.fixture
def attached(pair: Pair) -> Pair:
    pair.source.set("rehearsal:key", "value")
    pair.target.replicaof("127.0.0.1", pair.source_server.port)
    wait_for(lambda: pair.target.get("rehearsal:key"), "the replica")
    return pair


def test_a_tool_that_promotes_the_target_moves_the_application_there(
    attached: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def moved() -> list[str]:
        context = await context_of(
            attached.source_server,
            attached.target_server,
            tmp_path,
            strategy="external",
            command="touch began; until [ -e promoted ]; do sleep 0.01; done",
        )
        moving = asyncio.create_task(migrate(context))
        await asyncio.to_thread(wait_for, (tmp_path / "began").exists, "the tool")
        attached.target.replicaof("NO", "ONE")
        (tmp_path / "promoted").touch()
        await moving
        assert (context.app.route.reads, context.app.route.writes) == ("target", "target")
        return context.warnings

    (warning,) = asyncio.run(moved())
    assert f"is a replica of 127.0.0.1:{attached.source_server.port} already" in warning
    assert attached.target.get("rehearsal:key") == b"value"


def test_a_tool_that_leaves_it_a_replica_fails_and_other_strategies_refuse_it(attached: Pair, tmp_path: Path) -> None:
    async def refused(strategy: str, **options: Any) -> str:
        servers = attached.source_server, attached.target_server
        context = await context_of(*servers, tmp_path, strategy=strategy, allow_server_wide=True, **options)
        with pytest.raises(MigrationError) as raised:
            await migrate(context)
        assert context.app.route.writes == "source"
        return str(raised.value)

    assert "is a read-only replica" in asyncio.run(refused("external", command="true"))
    for strategy in ("cold", "replicate", "copy", "dual-write", "fallback"):
        assert "holds" in asyncio.run(refused(strategy))
    assert attached.target.info("replication")["role"] == "slave"


def test_a_lock_comes_to_a_replica_from_its_primary(attached: Pair) -> None:
    async def locked() -> None:
        endpoints = [Endpoint.parse(server.url) for server in (attached.source_server, attached.target_server)]
        clients = [control_client(endpoint, 5.0) for endpoint in endpoints]
        owner, other = new_owner(), f"elsewhere:1:{'0' * 16}"
        first, second = (RunLock(client, KEYS.lock, "here", owner) for client in clients)
        with pytest.raises(ServerRefusedError, match="read-only replica"):
            await second.take()
        await first.take()
        await second.take(may_follow=True)
        await check_permissions("target", endpoints[1], KEYS, ["string"], 5.0, may_follow=True)
        with pytest.raises(ServerRefusedError, match="read-only replica"):
            await check_permissions("target", endpoints[1], KEYS, ["string"], 5.0)
        assert await second.refresh()
        await second.release()
        attached.source.set(KEYS.lock, other)
        await asyncio.to_thread(wait_for, lambda: attached.target.get(KEYS.lock) == other.encode(), "the other's lock")
        assert not await second.refresh()
        with pytest.raises(LockedError):
            await second.take(may_follow=True)
        for client in clients:
            await client.aclose()

    asyncio.run(locked())
