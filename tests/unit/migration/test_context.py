"""A segment begins where what counts as a cutover's own ends, whatever goes on then."""

import asyncio
from dataclasses import replace
from time import monotonic
from typing import Any, cast

import pytest

from redis_rehearsal.fleet.control import BOUNDARY_LEAD_SECONDS, FleetControl
from redis_rehearsal.fleet.row import Segment
from redis_rehearsal.migration import context as under_test
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.phases import Phase

TAIL_SECONDS = 0.3


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Context:
    """Of a migration that has no servers."""
    monkeypatch.setattr(under_test, "CUTOVER_TAIL_SECONDS", TAIL_SECONDS)
    nothing = cast("Any", None)
    app = FleetControl(lambda _: None, 1)
    return Context(nothing, app, nothing, nothing, nothing, nothing, 1, 0.0, [], nothing, nothing)


def names(context: Context) -> list[str]:
    return [segment.phase for segment in context.app.segments]


async def cut_over(context: Context, then: Phase) -> float:
    """A cutover and the phase after it; returns when it ended."""
    context.cutovers.append((await context.phase(Phase.CUTOVER), None))
    ended = monotonic()
    context.end_cutover(ended)
    await context.phase(then)
    return ended


async def until_segment(context: Context) -> Segment:
    """The next segment."""
    many = len(context.app.segments)
    async with asyncio.timeout(10):
        while len(context.app.segments) == many:
            await asyncio.sleep(0.005)
    return context.app.segments[-1]


def test_a_sweep_that_outlasts_the_tail_goes_on_in_a_segment_of_its_own(context: Context) -> None:
    async def work() -> None:
        ended = await cut_over(context, Phase.SYNC)
        name, number, at = await until_segment(context)
        assert (name, number, at) == (str(Phase.SYNC), 2, ended + TAIL_SECONDS)
        # It is not announced earlier, since until then other phases may begin.
        assert monotonic() >= ended + TAIL_SECONDS - 2 * BOUNDARY_LEAD_SECONDS

    asyncio.run(work())
    assert names(context) == [Phase.CUTOVER, Phase.SYNC, Phase.SYNC]


def test_what_begins_within_the_tail_goes_on_after_it_too(context: Context) -> None:
    async def work() -> None:
        ended = await cut_over(context, Phase.RECOVERY)
        await context.phase(Phase.ROLLED_BACK)
        name, number, at = await until_segment(context)
        assert (name, number, at) == (str(Phase.ROLLED_BACK), 3, ended + TAIL_SECONDS)

    asyncio.run(work())


def test_no_segment_begins_once_the_migration_is_over(context: Context) -> None:
    async def work() -> None:
        await cut_over(context, Phase.RECOVERY)
        back = replace(context)
        await cut_over(back, Phase.DONE)
        context.forget_cutovers()
        await asyncio.sleep(2 * TAIL_SECONDS)

    asyncio.run(work())
    assert names(context) == [Phase.CUTOVER, Phase.RECOVERY, Phase.CUTOVER, Phase.DONE]


def test_none_begins_where_the_tail_is_over_already(context: Context) -> None:
    async def work() -> None:
        context.cutovers.append((await context.phase(Phase.CUTOVER), None))
        ended = monotonic() - 2 * TAIL_SECONDS
        context.end_cutover(ended)
        await asyncio.sleep(TAIL_SECONDS)
        assert context.cutovers[0][1] == ended

    asyncio.run(work())
    assert names(context) == [Phase.CUTOVER]
