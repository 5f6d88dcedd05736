import asyncio
import inspect
from dataclasses import replace
from typing import cast

import pytest

from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.options import MigrationOptions, RehearsalOptions
from redis_rehearsal.migration.preflight.needs import ONLY_DRY, PROBES
from redis_rehearsal.migration.strategies import ALL, STRATEGIES, SUGGESTED, either, listed, using
from redis_rehearsal.migration.strategy import Strategy


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_what_a_strategy_declares_is_there(strategy: Strategy) -> None:
    assert strategy.summary
    assert strategy.goes_wrong
    named = (*strategy.uses, *strategy.requires, *strategy.refuses, *strategy.defaults)
    assert set(named) <= MigrationOptions.model_fields.keys()
    assert strategy.advice.keys() <= CRITERIA.keys()
    assert set(strategy.acts_on) | strategy.needs.keys() <= {"source", "target"}
    assert {command for each in strategy.needs.values() for command in each} <= PROBES.keys() | ONLY_DRY.keys()
    running = strategy.running()
    assert inspect.iscoroutinefunction(running.check)
    assert inspect.iscoroutinefunction(running.run)


def test_they_stand_in_one_order_and_one_is_suggested() -> None:
    assert list(STRATEGIES) == ["cold", "replicate", "copy", "dual-write", "fallback", "external", "observe"]
    assert [name for name, strategy in STRATEGIES.items() if strategy.suggested] == [SUGGESTED]


def test_all_are_those_that_can_be_rehearsed_with_what_was_given() -> None:
    def rehearsed(**given: str) -> list[str]:
        return [each.strategy for each in RehearsalOptions(strategy=ALL, **given).each()]  # type: ignore[arg-type]

    assert rehearsed() == ["cold", "replicate", "copy", "dual-write", "fallback"]
    assert rehearsed(command="./my-tool.sh") == [*rehearsed(), "external"]


def test_sentences_name_them() -> None:
    assert using("copy_rate") == ("copy", "dual-write", "fallback")
    assert using("strategy") == ()
    assert either(frozenset({"copy", "cold"})) == "`cold` or `copy`"
    assert [listed(frozenset(some)) for some in (["copy"], ["copy", "cold", "observe"])] == [
        "copy",
        "cold, copy and observe",
    ]


class Failing:
    async def check(self, _: object) -> None:
        raise MigrationError("the target is full")

    async def run(self, _: object) -> None:
        raise ZeroDivisionError("of what")


def test_what_fails_in_a_strategy_of_others_fails_the_migration_and_of_ours_is_a_bug() -> None:
    ours = replace(STRATEGIES["cold"], running=Failing)
    theirs = replace(ours, package="example")
    context = cast("Context", None)
    for strategy in (ours, theirs):
        with pytest.raises(MigrationError, match="The target is full"):
            asyncio.run(strategy.check(context))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ours.run(context))
    said = r"The strategy cold of the package example failed \(ZeroDivisionError: of what\)\."
    with pytest.raises(MigrationError, match=said):
        asyncio.run(theirs.run(context))
