"""Whole runs, simulated: what the tool says of them is so, what goes right passes, and planted defects are found."""

from dataclasses import replace

import pytest

from redis_rehearsal.engine.outcome import Outcome
from tests.simulation.campaign import main
from tests.simulation.defects import AIMS, DEFECTS, finds
from tests.simulation.judging import Judged, judged, smaller, tallied
from tests.simulation.scenario import Aim, Fault, aimed, drawn, faultless, right
from tests.simulation.world import lived

PIECES, PIECE = 20, 10
"""200 seeds; `make simulate` lives as many as one likes."""
RIGHT, MANY_RIGHT = 24, 480
TRIES = 12


def wrong(found: list[Judged]) -> list[tuple[int, tuple[str, ...], list[str]]]:
    return [(each.scenario.seed, each.wrong, each.scenario.lines()) for each in found]


@pytest.mark.parametrize("piece", range(PIECES))
def test_nothing_wrong_is_said_whatever_happens(piece: int) -> None:
    found = tallied(drawn, range(piece * PIECE, (piece + 1) * PIECE))
    assert wrong(found.wrong) == []
    # Where nothing is known, little would be shown.
    assert set(found.verdicts) & {"pass", "fail"}


def test_what_goes_right_passes() -> None:
    found = tallied(faultless, range(RIGHT), must_pass=True)
    assert wrong(found.wrong) == []
    assert found.verdicts == {"pass": RIGHT}


@pytest.mark.matrix
@pytest.mark.parametrize("first", range(RIGHT, MANY_RIGHT, RIGHT))
def test_what_goes_right_always_passes(first: int) -> None:
    assert wrong(tallied(faultless, range(first, first + RIGHT), must_pass=True).wrong) == []


@pytest.mark.parametrize("name", DEFECTS)
def test_each_planted_defect_is_found(name: str) -> None:
    assert any(finds(name, seed) for seed in range(TRIES))


def test_a_number_is_all_that_is_needed_to_see_it_again() -> None:
    seen = []
    for _ in range(2):
        world = lived(drawn(6))
        record = world.record
        assert record is not None
        assert record.assessment is not None
        figures = [(each.name, each.status, each.measured) for each in record.assessment.verdict.criteria]
        seen.append((world.lines(), figures, world.at_audit))
    assert seen[0] == seen[1]


def test_what_counts_on_the_target_before_its_counters_are_there_is_never_let_go() -> None:
    went_back = 0
    for seed in range(20):
        scenario = aimed(seed, Aim(("fallback",), ("cut", "full"), ("SetFallback",), ("source", "target")))
        found = judged(replace(scenario, settings={"workers": 1}))
        assert found.wrong == ()
        assert found.world is not None
        record = found.world.record
        assert record is not None
        if "before anything was counted on the target" in record.migration.reason:
            went_back += 1
            assert found.world.run._control.route.writes == "source"
            assert found.world.run.view.audit is not None
            assert found.world.run.view.audit.result.missing == 0
    assert went_back


@pytest.mark.parametrize("strategy", ["copy", "dual-write"])
def test_who_hears_of_the_move_only_once_the_freeze_is_over_strands_nothing(strategy: str) -> None:
    held_up = 0
    for after_seconds in (0.0002, 0.001, 0.003, 0.01):
        scenario = replace(
            faultless(1),
            strategy=strategy,
            options={"baseline": 4.0, "observe": 7.0, "freeze_bound": 2.0},
            settings={"workers": 2, "operation_timeout": 1.0},
            faults=(Fault("worker-stopped", "Freeze", after_seconds, 4.2, "worker"),),
        )
        found = judged(scenario)
        assert found.wrong == ()
        assert found.world is not None
        audit = found.world.run.view.audit
        assert audit is not None
        assert (audit.result.missing, audit.result.stranded) == (0, 0)
        held_up += found.verdict == "fail"
    assert held_up


@pytest.mark.parametrize("strategy", ["copy", "dual-write"])
def test_a_worker_that_stands_still_for_longer_than_its_timeout_fails_nothing(strategy: str) -> None:
    for after_seconds in (0.2, 0.7, 1.3):
        scenario = replace(
            faultless(1),
            strategy=strategy,
            options={"baseline": 4.0, "observe": 7.0, "freeze_bound": 2.0},
            settings={"workers": 2, "operation_timeout": 1.0},
            faults=(
                # So that there are always some under way.
                Fault("slow", "recovery", 0.0, 4.0, "target", 2),
                Fault("worker-stopped", "recovery", after_seconds, 1.8, "worker"),
            ),
        )
        found = judged(scenario)
        assert found.wrong == ()
        assert found.world is not None
        counts = found.world.run.view.totals.counts
        for recorded in (counts.recorded_queries, counts.recorded_events):
            tally = recorded.whole()
            assert tally.outcomes[Outcome.OK] == tally.offered


def test_a_stall_of_the_generator_is_no_reason_to_give_up() -> None:
    scenario = right(1, "copy")
    options = {**scenario.options, "abort_if": ("p99=500ms",)}
    stall = Fault("worker-stopped", "recovery", 0.5, 1.8, "worker")
    found = judged(replace(scenario, options=options, faults=(stall,)))
    assert found.wrong == ()
    assert found.world is not None
    record = found.world.record
    assert record is not None
    assert record.migration.status == "done"
    # Where a server is the cause, it is one.
    found = judged(replace(scenario, options=options, faults=(Fault("frozen", "recovery", 0.5, 1.8, "target"),)))
    assert found.world is not None
    record = found.world.record
    assert record is not None
    assert record.migration.status == "rolled-back"


@pytest.mark.parametrize("anchor", ["SetRoute", "Freeze", "Hold"])
def test_what_workers_confirmed_while_the_coordinator_stood_still_is_confirmed(anchor: str) -> None:
    scenario = right(1, "dual-write")
    options = {**scenario.options, "freeze_bound": 20.0}
    for after_seconds in (0.00005, 0.0002):
        found = judged(
            replace(
                scenario,
                options=options,
                faults=(Fault("coordinator-stopped", anchor, after_seconds, 5.5, "coordinator"),),
            )
        )
        assert found.wrong == ()
        assert found.world is not None
        record = found.world.record
        assert record is not None
        assert record.migration.status == "done", record.migration.reason


def test_what_is_wrong_is_shown_with_no_more_in_it_than_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    name = "one missing increment forgiven"
    scenario = aimed(3, AIMS[name])
    more = replace(
        scenario,
        faults=(*scenario.faults, Fault("clock-steps", "prepare", 0.5, 0.1, "clock"), Fault("cut", "baseline", 0.5)),
        settings={**scenario.settings, "workers": 2},
    )
    with DEFECTS[name]():
        found = judged(more)
        assert found.wrong
        less = smaller(found)
        assert less.wrong
    assert len(less.scenario.faults) <= 1
    assert less.scenario.settings["workers"] == 1


def test_one_is_replayed_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "6"]) == 0
    said = capsys.readouterr().out
    assert "\n".join(drawn(6).lines()) in said
    assert "phase cutover" in said or "phase failed" in said
    assert said.rstrip().endswith("nothing is wrong about it")
