"""After a failure each thing is put right by itself: that one cannot be is no reason to leave the others."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.engine.messages import Command, Freeze, Release, SetRoute, SetTruth, Thaw
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration import migration as migrations
from redis_rehearsal.migration.migration import Migration
from tests.integration.migration.hindered import begun, until
from tests.integration.migration.idle import IdleApplication, context_of, using
from tests.integration.migration.pair import Pair

SOURCE, TARGET = Route("source", "source"), Route("target", "target")


@pytest.mark.parametrize("broken", ["set_fallback", "release", "freeze"])
def test_a_return_to_the_source_goes_on_where_one_part_fails(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(migrations, "_ROLLED_BACK_SECONDS", 0.0)

    async def fails(*_: Any) -> None:
        raise MigrationError(f"A worker did not confirm {broken}.")

    async def go() -> tuple[Migration, IdleApplication]:
        options: dict[str, Any] = {"strategy": "cold", "baseline": 0.1, "observe": 60.0, "clear_target": True}
        async with using(await context_of(pair.source_server, pair.target_server, tmp_path, **options)) as context:
            migration, app = begun(context), context.app
            assert isinstance(app, IdleApplication)
            running = asyncio.create_task(migration.run())
            await until(lambda: app.route.writes == "target" and app.phase == "recovery")
            app.commands.clear()
            monkeypatch.setattr(app, broken, fails)
            migration.interrupt("a person asked for it")
            await running
            return migration, app

    migration, app = asyncio.run(go())
    assert (migration.status, app.route, app.truth) == ("rolled-back", SOURCE, None)
    said = [warning for warning in migration.context.warnings if broken in warning]
    assert len(said) == (broken != "freeze")
    kinds = {type(command) for command in app.commands}
    assert (Release in kinds) == (broken != "release")
    assert (Freeze in kinds) == (broken != "freeze")


def test_a_failure_with_reads_elsewhere_gives_them_back_though_the_fallback_stays(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(role: Role | None) -> None:
        raise MigrationError("A worker did not confirm the fallback.")

    async def go() -> tuple[Migration, IdleApplication]:
        options: dict[str, Any] = {"strategy": "dual-write", "baseline": 0.1, "observe": 60.0, "clear_target": True}
        async with using(await context_of(pair.source_server, pair.target_server, tmp_path, **options)) as context:
            migration, app = begun(context), context.app
            assert isinstance(app, IdleApplication)
            monkeypatch.setattr(app, "set_fallback", fails)

            async def refuses(*_: Any, **__: Any) -> list[int]:
                raise MigrationError("A worker did not hold.")

            monkeypatch.setattr(app, "hold", refuses)
            pair.source.set("rehearsal:count:1:page_view:3600", 5)
            await migration.run()
            return migration, app

    migration, app = asyncio.run(go())
    assert (migration.status, app.route) == ("failed", SOURCE)
    assert "did not hold" in migration.reason
    assert any("did not confirm the fallback" in warning for warning in migration.context.warnings)
    assert any(isinstance(command, Release) for command in app.commands)


def is_told(kind: type[Command], **values: Any) -> Callable[[Command], bool]:
    """Whether a command is of a kind and has some values."""
    return lambda command: (
        isinstance(command, kind) and all(getattr(command, name) == value for name, value in values.items())
    )


TO_TARGET = is_told(SetRoute, route=TARGET)
TO_SOURCE = is_told(SetRoute, route=SOURCE)


@pytest.mark.parametrize(
    ("strategy", "freeze", "refused", "route", "astray"),
    [
        # A worker does not take the target for the truth, and confirms nothing of what is to undo that.
        ("replicate", "client", [is_told(SetTruth, role="target"), is_told(SetTruth, role=None)], SOURCE, False),
        ("replicate", "client", [is_told(SetTruth, role="target"), TO_SOURCE], SOURCE, True),
        ("replicate", "client", [is_told(SetTruth, role="target"), is_told(Thaw)], SOURCE, False),
        ("copy", "client", [is_told(SetTruth, role="target")], SOURCE, False),
        ("cold", "client", [is_told(SetTruth, role="target"), is_told(Thaw)], SOURCE, False),
        # It does not move, where nothing is held and nothing was promoted: all of it is undone.
        ("copy", "none", [TO_TARGET], SOURCE, False),
        ("copy", "none", [TO_TARGET, TO_SOURCE], SOURCE, True),
        # It does not move though the target is the truth: it belongs there.
        ("replicate", "client", [TO_TARGET], TARGET, True),
        ("replicate", "none", [TO_TARGET], TARGET, True),
        ("copy", "client", [TO_TARGET], TARGET, True),
    ],
)
def test_a_move_that_one_does_not_confirm_is_undone_part_by_part(
    pair: Pair,
    tmp_path: Path,
    strategy: str,
    freeze: str,
    refused: list[Callable[[Command], bool]],
    route: Route,
    astray: bool,
) -> None:
    async def go() -> tuple[Migration, IdleApplication]:
        options: dict[str, Any] = {"strategy": strategy, "baseline": 0.1, "observe": 60.0, "clear_target": True}
        options |= {"allow_server_wide": True, "freeze": freeze}
        async with using(await context_of(pair.source_server, pair.target_server, tmp_path, **options)) as context:
            migration, app = begun(context), context.app
            assert isinstance(app, IdleApplication)
            app.refused = lambda command: "it will not" if any(is_it(command) for is_it in refused) else ""
            await migration.run()
            return migration, app

    migration, app = asyncio.run(go())
    assert migration.status == "failed"
    assert "it will not" in migration.reason
    assert (app.route, app.astray) == (route, astray)
    moved = route != SOURCE
    assert (app.truth == "target") == moved
    assert ("went on with the source" in migration.reason) == (not astray)
    # Whatever of it was refused, all of it was said.
    kinds = [type(command) for command in app.commands]
    assert moved or (SetTruth in kinds and (Thaw in kinds) == (freeze == "client"))
    assert moved or any(TO_SOURCE(command) for command in app.commands)
