"""A migration after others in the same run, and what was before it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.messages import SetTruth
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.fleet.row import Label, Row, Second
from redis_rehearsal.migration.strategies.dual_write import DUAL_WRITE
from tests.integration.migration.hindered import begun, until
from tests.integration.migration.idle import IdleApplication, context_of, using
from tests.integration.migration.pair import Pair

OPTIONS: dict[str, Any] = {"strategy": "cold", "baseline": 60.0, "observe": 60.0, "clear_target": True}


def test_what_an_earlier_one_promoted_is_the_truth_of_the_next_no_more(pair: Pair, tmp_path: Path) -> None:
    async def go() -> IdleApplication:
        async with using(
            await context_of(pair.source_server, pair.target_server, tmp_path, **OPTIONS | {"baseline": 0.1})
        ) as context:
            app = context.app
            assert isinstance(app, IdleApplication)
            await app.set_truth("source", frozen=False, within_seconds=5.0)  # as a way back by replication leaves it
            migration = begun(context)
            running = asyncio.create_task(migration.run())
            await until(lambda: app.route.writes == "target")
            truths = [command.role for command in app.commands if isinstance(command, SetTruth)]
            assert truths == ["source", None, "target"]
            migration.interrupt("enough")
            await running
            return app

    assert asyncio.run(go()).truth is None


def test_one_that_is_ended_in_its_baseline_is_judged_by_that_alone(pair: Pair, tmp_path: Path) -> None:
    async def go() -> None:
        async with using(await context_of(pair.source_server, pair.target_server, tmp_path, **OPTIONS)) as context:
            before = monotonic()
            migration = begun(context)
            running = asyncio.create_task(migration.run())
            await until(lambda: migration.baseline_seconds != (0.0, 0.0))
            migration.interrupt("a person asked for it")
            await running
            began, ended = migration.baseline_seconds
            assert before - 1 < began == ended < monotonic()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("phase", "at_least", "ends"),
    [("load", 0.9, False), ("done", 0.9, False), ("baseline", 0.9, False), ("sync", 0.9, True), ("sync", 0.2, False)],
)
def test_a_second_of_before_it_or_of_which_the_generator_is_the_cause_does_not_end_it(
    pair: Pair, tmp_path: Path, phase: str, at_least: float, ends: bool
) -> None:
    async def go() -> None:
        options = OPTIONS | {"abort_if": ("p99=300ms",)}
        async with using(await context_of(pair.source_server, pair.target_server, tmp_path, **options)) as context:
            migration = begun(context)
            row = replace(Row.of(Second(3), 1.5, Label(phase)), query_response_p99=0.9, queries_ok=1)
            migration.on_row(row, at_least)
            assert migration._interrupt.done() == ends

    asyncio.run(go())


def test_a_source_cannot_hold_back_what_goes_to_a_mirror_too(pair: Pair, tmp_path: Path) -> None:
    async def go() -> None:
        options: dict[str, Any] = {"strategy": "dual-write", "freeze": "server", "allow_server_wide": True}
        async with using(await context_of(pair.source_server, pair.target_server, tmp_path, **options)) as context:
            await DUAL_WRITE.check(context)

    with pytest.raises(MigrationError, match="would be counted twice"):
        asyncio.run(go())
