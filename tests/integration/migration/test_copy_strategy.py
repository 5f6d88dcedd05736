"""What others do on the source while it is copied, and what the target has no room for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_rehearsal.engine.messages import Command, Freeze, SetRoute
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.strategies.running.copy import return_with_data
from tests.conftest import MakeServer
from tests.integration.migration.idle import IdleApplication, Told, context_of, migrate, using
from tests.integration.migration.pair import Pair

STREAM, GROUP = "rehearsal:jobs", "workers"


def fill(source: Any) -> None:
    """A stream of which one entry is read."""
    for number in range(100):
        source.xadd(STREAM, {"number": number}, id=f"{number + 1}-0")
    source.xadd("rehearsal:plain", {"number": 1})
    source.xgroup_create(STREAM, GROUP, id="0")
    source.xreadgroup(GROUP, "one", {STREAM: ">"}, count=1)


def consume(source: Any) -> None:
    """Read, acknowledge and claim, of which no server tells anybody."""
    source.xreadgroup(GROUP, "one", {STREAM: ">"}, count=50)
    source.xack(STREAM, GROUP, *(f"{number}-0" for number in range(1, 20)))
    source.xclaim(STREAM, GROUP, "one", 0, ["30-0"], idle=0, justid=True)


def group_of(client: Any) -> tuple[Any, ...]:
    (group,) = client.xinfo_groups(STREAM)
    rows = client.xpending_range(STREAM, GROUP, "-", "+", 1000)
    pending = [(row["message_id"], row["consumer"], row["times_delivered"]) for row in rows]
    return group["last-delivered-id"], pending


def once(kind: type[Command], do: Any) -> Told:
    """Do something when the application is first told such a thing."""
    left = [do]

    def told(command: Command) -> tuple[int, ...] | None:
        if isinstance(command, kind) and left:
            left.pop()()
        return None

    return told


def run(pair: Pair, directory: Path, told: Told = lambda _: None, **options: Any) -> Any:
    async def moved() -> Any:
        context = await context_of(
            pair.source_server, pair.target_server, directory, told, allow_server_wide=True, **options
        )
        await migrate(context)
        return context

    return asyncio.run(moved())


def detail(context: Any, name: str) -> str:
    (step,) = (step for step in context.steps if step.name == name)
    return str(step.detail)


@pytest.mark.parametrize(("strategy", "when"), [("copy", Freeze), ("dual-write", Freeze)])
def test_what_a_group_read_and_acknowledged_during_the_copy_does_not_come_again(
    pair: Pair, tmp_path: Path, strategy: str, when: type[Command]
) -> None:
    fill(pair.source)
    context = run(pair, tmp_path, once(when, lambda: consume(pair.source)), strategy=strategy)
    assert group_of(pair.source)[0] == b"51-0"
    assert group_of(pair.target) == group_of(pair.source)
    if strategy == "copy":
        assert detail(context, "final pass") == "0 keys, as the source told, and 1 streams with groups"


def test_the_way_back_carries_what_a_group_read_meanwhile(pair: Pair, tmp_path: Path) -> None:
    fill(pair.source)

    async def there_and_back() -> None:
        told = once(Freeze, lambda: consume(pair.source))
        context = await context_of(
            pair.source_server, pair.target_server, tmp_path, told, strategy="copy", allow_server_wide=True
        )
        async with using(context):
            await return_with_data(context)

    asyncio.run(there_and_back())
    assert group_of(pair.target) == group_of(pair.source)


@pytest.mark.parametrize("command", ["FLUSHDB", "FLUSHALL", "SWAPDB 0 5"])
def test_a_source_that_is_emptied_meanwhile_is_noticed_though_it_tells_nobody(
    pair: Pair, tmp_path: Path, command: str
) -> None:
    pair.source.set("rehearsal:there", 1)
    context = run(pair, tmp_path, once(Freeze, lambda: pair.source.execute_command(command)), strategy="copy")
    assert detail(context, "final pass") == "0 of 0 keys had changed, 1 were gone"
    assert pair.target.keys("rehearsal:*") == []


@pytest.mark.parametrize(
    ("source", "target"), [("redis-6.2", "valkey-9.1"), ("valkey-9.1", "redis-6.2"), ("redis-8.2", "valkey-9.1")]
)
def test_a_time_to_live_that_alone_changed_is_carried_where_nobody_tells_of_it(
    make_server: MakeServer, tmp_path: Path, source: str, target: str
) -> None:
    old, new = make_server(name=source), make_server(name=target)
    with redis.Redis(port=old.port, protocol=2) as ours, redis.Redis(port=new.port, protocol=2) as theirs:
        ours.execute_command("CONFIG", "SET", "notify-keyspace-events", "")
        for number in range(300):
            ours.set(f"rehearsal:{number}", "value", px=100_000)
        ours.set("rehearsal:lasting", "value")

        def renew() -> None:
            ours.pexpire("rehearsal:1", 500_000)
            ours.pexpire("rehearsal:2", 99_000)
            ours.persist("rehearsal:3")
            ours.pexpire("rehearsal:lasting", 500_000)

        async def moved() -> Any:
            context = await context_of(old, new, tmp_path, once(Freeze, renew), strategy="copy")
            await migrate(context)
            return context

        context = asyncio.run(moved())
        assert "keys had changed" in detail(context, "final pass")
        assert theirs.pttl("rehearsal:3") == -1
        for name in ("1", "2", "4", "lasting"):
            lives = [client.pttl(f"rehearsal:{name}") for client in (ours, theirs, ours)]
            assert lives[0] + 5 >= lives[1] >= lives[2] - 5


@pytest.mark.parametrize("notified", [True, False])
def test_a_rate_slows_the_copy_and_nothing_that_is_done_while_writes_are_held(
    pair: Pair, tmp_path: Path, notified: bool
) -> None:
    pair.source.set("rehearsal:before", 1)

    def write() -> None:
        pair.source.mset({f"rehearsal:{number}": number for number in range(3_000)})

    # At this rate the final pass alone would take five minutes.
    options: dict[str, Any] = {"strategy": "copy", "copy_rate": 10.0, "freeze_bound": 20.0}
    if not notified:
        pair.source.config_set("notify-keyspace-events", "")
        options["allow_server_wide"] = False

    async def moved() -> None:
        given = {"allow_server_wide": True} | options
        context = await context_of(pair.source_server, pair.target_server, tmp_path, once(Freeze, write), **given)
        await migrate(context)

    asyncio.run(moved())
    assert pair.target.dbsize() == 3_001


@pytest.mark.parametrize("strategy", ["copy", "dual-write", "the way back"])
def test_a_target_without_room_is_given_up_before_anything_is_frozen(
    make_server: MakeServer, tmp_path: Path, strategy: str
) -> None:
    source = make_server(name="valkey-9.1")
    target = make_server("--maxmemory", "8mb", name="valkey-9.1")
    with redis.Redis(port=source.port, protocol=2) as ours, redis.Redis(port=target.port, protocol=2) as theirs:
        ours.mset({f"rehearsal:{number}": "x" * 8_000 for number in range(2_000)})
        applications: list[IdleApplication] = []

        async def moved() -> None:
            back = strategy == "the way back"
            context = await context_of(source, target, tmp_path, strategy="copy" if back else strategy)
            assert isinstance(context.app, IdleApplication)
            applications.append(context.app)
            async with using(context):
                await (return_with_data if back else migrate)(context)

        with pytest.raises(MigrationError) as raised:
            asyncio.run(moved())
        missing = 2_000 - theirs.dbsize()
        assert missing > 0
        assert f"{missing:,} keys could not be copied" in str(raised.value)
        assert "OOM" in str(raised.value)
        (application,) = applications
        assert not any(isinstance(command, Freeze) for command in application.commands)
        routes = [command.route for command in application.commands if isinstance(command, SetRoute)]
        assert all(route.writes == route.reads == "source" for route in routes)
