"""Writes of some organisations that are held only until a bound."""

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from redis_rehearsal.engine.holds import Holds
from redis_rehearsal.engine.messages import Command, Hold, Release
from redis_rehearsal.errors import MigrationError
from tests.integration.migration.idle import IdleApplication, Told, context_of, migrate
from tests.integration.migration.pair import Pair


def test_a_hold_ends_by_itself_and_is_told_of_until_it_is_released() -> None:
    async def held() -> None:
        ended: asyncio.Queue[set[int]] = asyncio.Queue()
        holds = Holds(ended.put_nowait)
        holds.extend({1, 2, 3}, monotonic() + 3600)
        holds.extend({2}, monotonic())
        assert await ended.get() == {2}
        assert holds.lapsed == {2}
        # What is held on beyond its first bound does not end at it.
        holds.extend({4}, monotonic() + 0.01)
        holds.extend({4}, monotonic() + 3600)
        holds.extend({5}, monotonic() + 0.02)
        assert await ended.get() == {5}
        assert holds.released({1, 2}) == {2}
        assert holds.released(None) == {5}
        assert holds.lapsed == set()
        assert ended.empty()

    asyncio.run(held())


def fill(pair: Pair) -> None:
    for organization in (1, 2, 3):
        pair.source.set(f"rehearsal:count:{organization}:page_view:3600", organization)


def run(pair: Pair, directory: Path, told: Told, strategy: str) -> IdleApplication:
    applications: list[Any] = []

    async def moved() -> None:
        context = await context_of(pair.source_server, pair.target_server, directory, told, strategy=strategy)
        applications.append(context.app)
        await migrate(context)

    try:
        asyncio.run(moved())
    except MigrationError as error:
        applications[0].error = str(error)
    found: IdleApplication = applications[0]
    return found


def test_what_was_not_copied_at_rest_is_copied_again(pair: Pair, tmp_path: Path) -> None:
    fill(pair)
    released: list[list[int] | None] = []

    def told(command: Command) -> tuple[int, ...] | None:
        if not isinstance(command, Release):
            return None
        released.append(command.organizations)
        if len(released) > 1:
            return None
        # As if the hold had ended, and a write come through: to the source, and to the mirror.
        pair.source.incr("rehearsal:count:2:page_view:3600")
        pair.target.set("rehearsal:count:2:page_view:3600", "half of it")
        return (2, 3)

    run(pair, tmp_path, told, "dual-write")
    assert released[:3] == [[1, 2, 3], [2], [3]]
    assert pair.target.get("rehearsal:count:2:page_view:3600") == b"3"


@pytest.mark.parametrize(
    ("strategy", "reason", "on"),
    [
        ("dual-write", "could not be copied within the 2 s", "source"),
        ("fallback", "the hold ended at its bound of 5 s", "target"),
    ],
)
def test_what_cannot_be_held_for_long_enough_fails(
    pair: Pair, tmp_path: Path, strategy: str, reason: str, on: str
) -> None:
    fill(pair)
    application: Any = run(pair, tmp_path, lambda told: (2,) if isinstance(told, Release) else None, strategy)
    assert reason in application.error
    assert application.route.writes == on
    bounds = [command.until_seconds for command in application.commands if isinstance(command, Hold)]
    assert all(bound <= monotonic() + 10 for bound in bounds)
    assert bounds
