from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.preflight.finding import (
    ALL,
    CARRYING,
    COPYING,
    FOLLOWING,
    STRATEGY_NAMES,
    SWITCHING,
    blocker,
    ok,
    remaining_strategies,
    stands_in_the_way,
    unseen,
    warning,
)
from redis_rehearsal.migration.preflight.options import PreflightOptions
from redis_rehearsal.migration.strategies import STRATEGIES


def test_every_strategy_that_there_is_is_judged() -> None:
    assert set(STRATEGIES) <= set(STRATEGY_NAMES) == ALL
    assert CARRYING < SWITCHING < ALL


def test_the_flags_are_those_of_a_migration() -> None:
    assert set(PreflightOptions.model_fields) <= set(MigrationOptions.model_fields)


def test_what_is_blocked_does_not_remain() -> None:
    findings = [ok("a", "Fine."), warning("b", "Hm.", "Look."), blocker("c", "No.", "Stop.", FOLLOWING)]
    assert remaining_strategies(findings) == tuple(name for name in STRATEGY_NAMES if name != "replicate")
    assert remaining_strategies([]) == STRATEGY_NAMES
    assert remaining_strategies([blocker("c", "No.", "Stop.", ALL)]) == ()


def test_one_strategy_that_carries_the_data_is_enough_unless_another_is_wanted() -> None:
    replicate, copying = blocker("a", "No.", "Stop.", FOLLOWING), blocker("b", "No.", "Stop.", COPYING)
    assert stands_in_the_way([replicate], None) == []
    assert stands_in_the_way([replicate], "copy") == []
    assert stands_in_the_way([replicate], "replicate") == [replicate]
    assert stands_in_the_way([replicate, copying], None) == [replicate, copying]
    assert stands_in_the_way([replicate, copying], "cold") == []


def test_what_is_not_seen_is_a_warning_with_its_reason() -> None:
    found = unseen("modules", "The modules of the source", "MODULE is not permitted")
    assert found.level == "warning"
    assert found.sentence == "The modules of the source could not be seen: MODULE is not permitted."
