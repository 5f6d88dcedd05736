"""A tool that attaches the target as a replica, and promotes it at the end."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from redis_rehearsal.cache.client import client_of
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.lock import RunLock, new_owner
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.errors import LockedError, MigrationError, ServerRefusedError
from redis_rehearsal.migration.preflight.finding import SWITCHING
from tests.conftest import MakeServer
from tests.integration.migration.idle import KEYS, context_of, migrate
from tests.integration.migration.pair import Pair
from tests.support import wait_for

ROOT = str(Path(__file__).parents[3])


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
    for strategy in sorted(SWITCHING - {"external"}):
        assert "holds" in asyncio.run(refused(strategy))
    assert attached.target.info("replication")["role"] == "slave"


def test_a_lock_comes_to_a_replica_from_its_primary(attached: Pair) -> None:
    async def locked() -> None:
        endpoints = [Endpoint.parse(server.url) for server in (attached.source_server, attached.target_server)]
        clients = [client_of(endpoint, 5.0) for endpoint in endpoints]
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


@pytest.mark.parametrize("through", ["command", "ready_command"])
def test_what_a_tool_prints_is_kept_without_passwords(make_server: MakeServer, tmp_path: Path, through: str) -> None:
    secret = "p@ss/geheim%1"  # of nobody
    source, target = make_server(password=secret), make_server(password=secret)
    said = 'echo "$SOURCE_URL <$TARGET_PASSWORD>"; echo "again $TARGET_URL" >&2; '
    options: dict[str, Any] = {"command": "exit 3", through: said + "exit 3"}
    if through == "ready_command":
        options["command"] = "sleep 0.5; exit 3"

    async def failing() -> str:
        context = await context_of(source, target, tmp_path, strategy="external", **options)
        with pytest.raises(MigrationError) as raised:
            await migrate(context)
        return str(raised.value)

    reason = asyncio.run(failing())
    kept = (tmp_path / "external.log").read_text()
    assert "<***>" in kept
    assert f"redis://:***@127.0.0.1:{source.port}" in kept
    assert "again redis://:***@" in kept
    assert "geheim" not in kept + reason
    assert "exit code 3" in reason


def processes_of(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("RUN_DIRECTORY") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.parametrize("how", ["we end it", "we are killed"])
def test_nothing_that_comes_of_a_tool_outlives_it(make_server: MakeServer, tmp_path: Path, how: str) -> None:
    source, target = make_server(), make_server()
    # One in a session of its own, whose parent is gone.
    tool = "setsid sh -c 'sleep 600 & sleep 600' & sleep 600 & touch began; wait"
    script = (
        "import asyncio; from pathlib import Path\n"
        "from tests.integration.migration.idle import context_of\n"
        "from redis_rehearsal.migration.strategies.running.external import _tool\n"
        "class At:\n    def __init__(self, url): self.url = url\n"
        "async def main():\n"
        f"    context = await context_of(At({source.url!r}), At({target.url!r}), Path({str(tmp_path)!r}),"
        " strategy='external', command='true')\n"
        f"    async with _tool(context, {tool!r}) as tool:\n"
        "        while not Path('end it').exists(): await asyncio.sleep(0.01)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": ROOT}) as run:
        wait_for((tmp_path / "began").exists, "the tool")
        mark = str(tmp_path.resolve())
        wait_for(lambda: len(processes_of(mark)) >= 5, "all of its processes")
        if how == "we are killed":
            run.kill()
        else:
            (tmp_path / "end it").touch()
        run.wait(30)
    wait_for(lambda: not processes_of(mark), "the end of all of them")
