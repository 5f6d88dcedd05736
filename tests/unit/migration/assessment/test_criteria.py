"""What proves nothing is unknown, and not passed."""

from dataclasses import replace

import pytest

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.options import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.verification.verdict import Criterion

EVIDENCE = Evidence(
    limits=Limits(),
    status="done",
    reason="",
    unseen=False,
    phases=[],
    ended_seconds=100.0,
    queries={},
    events={},
    rows=[],
    began_seconds=0.0,
    query_gaps=[],
    event_gaps=[],
    baseline_seconds=(0.0, 10.0),
    cutovers=[(10.0, 11.0)],
    audit=Audit(),
    checks=Checks(),
    saturated=False,
    workers_lost=0,
    query_rate=1_000.0,
    event_rate=1_000.0,
    source_cpu_ratio=None,
)


def criterion(name: str, evidence: Evidence) -> Criterion:
    return next(each for each in assess(evidence).verdict.criteria if each.name == name)


def tally(ok: int = 0, failed: int = 0, unknown: int = 0, shed: int = 0, response_seconds: float = 0.001) -> Tally:
    made = Tally(offered=ok + failed + unknown + shed)
    made.outcomes = [ok, failed, unknown, shed]
    made.response.record([response_seconds] * ok)
    return made


def phased(**tallies: Tally) -> Evidence:
    """Evidence whose queries and events are due in a segment for each of the phases."""
    phases = [(Phase[name], place, 10.0 * place) for place, name in enumerate(tallies)]
    due = dict(enumerate(tallies.values()))
    return replace(EVIDENCE, phases=phases, queries=due, events=due)


@pytest.mark.parametrize(
    ("gaps", "status"),
    [
        ([], "passed"),
        ([(20.0, 20.2)], "passed"),
        ([(20.0, 20.3)], "failed"),
        # A baseline that stood still itself excuses nothing.
        ([(5.0, 6.2), (20.0, 21.1)], "unknown"),
        ([(5.0, 5.13)], "unknown"),
        ([(5.0, 5.12), (20.0, 20.2)], "passed"),
        ([(5.0, 6.2), (20.0, 21.3)], "failed"),
        # What is not over may become longer.
        ([(99.9, 100.0)], "unknown"),
        ([(99.5, 100.0)], "failed"),
    ],
)
def test_downtime_is_judged_only_by_a_baseline_that_stood_up(gaps: list[tuple[float, float]], status: str) -> None:
    assert criterion("query_downtime", replace(EVIDENCE, query_gaps=gaps)).status == status
    assert criterion("event_downtime", replace(EVIDENCE, event_gaps=gaps)).status == status


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        (EVIDENCE, "passed"),
        (replace(EVIDENCE, cutovers=[], reason="nothing moved"), "failed"),
        (replace(EVIDENCE, cutovers=[], unseen=True), "unknown"),
        (replace(EVIDENCE, status="failed"), "failed"),
        (replace(EVIDENCE, status="rolled-back"), "failed"),
    ],
)
def test_a_migration_that_did_not_come_to_its_end_has_not_passed(evidence: Evidence, status: str) -> None:
    assert criterion("migration", evidence).status == status


@pytest.mark.parametrize("name", ["lost", "duplicated", "stranded"])
@pytest.mark.parametrize(
    ("least", "most", "unverified", "error", "allowed", "status"),
    [
        (0, 0, 0, "", 0, "passed"),
        (1, 1, 0, "", 0, "failed"),
        (1, 1, 0, "", 1, "passed"),
        (0, 1, 0, "", 0, "unknown"),
        (0, 1, 0, "", 1, "passed"),
        (0, 0, 1, "", 0, "unknown"),
        (0, 0, 0, "away", 0, "unknown"),
        # What was found stands, whatever could not be read.
        (2, 2, 1, "", 1, "failed"),
        (2, 2, 1, "away", 1, "failed"),
        (1, 2, 0, "away", 1, "unknown"),
    ],
)
def test_a_count_is_judged_by_its_bounds(
    name: str, least: int, most: int, unverified: int, error: str, allowed: int, status: str
) -> None:
    result = Reconciliation(unverified_counters=unverified)
    setattr(result, name, least)
    setattr(result, f"{name}_at_most", most)
    limits = Limits.model_validate({f"max_{name}": allowed, "max_wrong_elements": allowed})
    judged = criterion(name, replace(EVIDENCE, limits=limits, audit=Audit(result, error=error)))
    assert judged.status == status
    assert error in judged.reason or status == "failed"
    audit = Audit(structures={"hash": result, "list": Reconciliation()}, error=error)
    assert criterion("structures", replace(EVIDENCE, limits=limits, audit=audit)).status == status


@pytest.mark.parametrize(
    ("found", "workers_lost", "status"),
    [
        ({"reports_checked": 9}, 0, "passed"),
        ({}, 0, "unknown"),
        ({"reports_checked": 9}, 1, "unknown"),
        *(({"reports_checked": 9, name: 1}, lost, "failed") for name in ("wrong", "stale") for lost in (0, 1)),
        *(({"reports_checked": 9, name: 1}, 0, "failed") for name in ("resurrected", "misplaced")),
        # Nothing that was right was seen, but something that was wrong.
        ({"misplaced": 1}, 0, "failed"),
    ],
)
def test_one_wrong_report_is_enough(found: dict[str, int], workers_lost: int, status: str) -> None:
    evidence = replace(EVIDENCE, checks=Checks(**found), workers_lost=workers_lost)
    assert criterion("wrong_reports", evidence).status == status


@pytest.mark.parametrize(
    ("checked", "regressions", "workers_lost", "status"),
    [(9, 0, 0, "passed"), (0, 0, 0, "unknown"), (9, 0, 1, "unknown"), (9, 1, 0, "failed"), (9, 1, 1, "failed")],
)
def test_a_counter_that_went_back_is_seen(checked: int, regressions: int, workers_lost: int, status: str) -> None:
    checks = Checks(counters_checked=checked, counter_regressions=regressions)
    evidence = replace(EVIDENCE, checks=checks, workers_lost=workers_lost)
    assert criterion("counter_regressions", evidence).status == status


@pytest.mark.parametrize("kind", ["queries", "events"])
@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        (phased(BASELINE=tally(ok=9), CUTOVER=tally(ok=9)), "passed"),
        # What failed before the migration began is not its own.
        (phased(BASELINE=tally(ok=9, failed=9), CUTOVER=tally(ok=9)), "passed"),
        *(
            (phased(BASELINE=tally(ok=9), **{phase: tally(ok=9, **{outcome: 1})}), "failed")
            for phase in ("PREPARE", "SYNC", "CUTOVER", "RECOVERY", "ROLLED_BACK", "FAILED")
            for outcome in ("failed", "unknown", "shed")
        ),
        (phased(BASELINE=tally(ok=9), CUTOVER=tally(ok=9_999, failed=1)), "passed"),
        (phased(BASELINE=tally(ok=9), CUTOVER=tally(ok=9_998, failed=2)), "failed"),
        (phased(BASELINE=tally(ok=9), CUTOVER=tally()), "unknown"),
        # A generator that cannot keep up sheds by itself.
        (replace(phased(CUTOVER=tally(ok=9, shed=1)), saturated=True), "unknown"),
        (replace(phased(CUTOVER=tally(ok=9, failed=1)), saturated=True), "failed"),
        (replace(phased(CUTOVER=tally(ok=9)), workers_lost=1), "unknown"),
        (replace(phased(CUTOVER=tally(ok=9, failed=1)), workers_lost=1), "failed"),
    ],
)
def test_failures_count_from_the_end_of_the_baseline(kind: str, evidence: Evidence, status: str) -> None:
    assert criterion(f"failed_{kind}", evidence).status == status


def with_p99(usual_seconds: float, measured_seconds: float, *, limit_seconds: float | None = None) -> Evidence:
    fast, slow = tally(ok=100, response_seconds=usual_seconds), tally(ok=100, response_seconds=measured_seconds)
    made = phased(BASELINE=fast, CUTOVER=slow, RECOVERY=fast)
    return replace(made, limits=Limits(max_cutover_p99=limit_seconds))


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        (with_p99(0.001, 0.049), "passed"),
        (with_p99(0.001, 0.060), "failed"),
        (with_p99(0.020, 0.090), "passed"),
        (with_p99(0.020, 0.110), "failed"),
        # A baseline that was as slow itself excuses nothing, and a limit of the user's is the user's.
        (with_p99(0.060, 0.200), "unknown"),
        (with_p99(0.060, 0.400), "failed"),
        (with_p99(0.060, 0.200, limit_seconds=0.3), "passed"),
        (with_p99(0.001, 0.049, limit_seconds=0.01), "failed"),
        (replace(with_p99(0.001, 0.060), saturated=True), "unknown"),
        (replace(with_p99(0.001, 0.060), workers_lost=1), "unknown"),
        (replace(with_p99(0.001, 0.001), cutovers=[]), "unknown"),
        (phased(BASELINE=tally(ok=9), CUTOVER=tally(failed=9)), "unknown"),
        (phased(CUTOVER=tally(ok=9)), "unknown"),
    ],
)
def test_the_cutovers_p99_is_held_against_the_baselines(evidence: Evidence, status: str) -> None:
    assert criterion("cutover_p99", evidence).status == status


def test_the_cutovers_p99_reaches_five_seconds_into_the_recovery() -> None:
    fast, slow = tally(ok=100), tally(ok=100, response_seconds=0.2)
    phases = [(Phase.BASELINE, 0, 0.0), (Phase.CUTOVER, 1, 10.0), (Phase.RECOVERY, 2, 11.0), (Phase.RECOVERY, 3, 16.0)]
    soon = replace(EVIDENCE, phases=phases, queries={0: fast, 1: fast, 2: slow, 3: fast})
    later = replace(EVIDENCE, phases=phases, queries={0: fast, 1: fast, 2: fast, 3: slow})
    assert criterion("cutover_p99", soon).status == "failed"
    assert criterion("cutover_p99", later).status == "passed"


def test_a_run_that_broke_proves_nothing() -> None:
    found = criterion("run", replace(EVIDENCE, broken="The database did not take 318 event rows."))
    assert (found.status, found.reason) == ("unknown", "The database did not take 318 event rows.")


@pytest.mark.parametrize(
    ("comparison", "status"),
    [
        (KeyComparison(10, {"value": 0}), "passed"),
        (KeyComparison(10, {"value": 1}), "failed"),
        (KeyComparison(10, {"value": 0}, unreadable="1 key"), "unknown"),
        (KeyComparison(10, {"value": 1}, unreadable="1 key"), "failed"),
        (KeyComparison(error="away"), "unknown"),
        (KeyComparison(10, {"value": 1}).and_then(KeyComparison(10, {"value": 0})), "failed"),
        (KeyComparison(10, {"value": 0}).and_then(KeyComparison(10, {"value": 0})), "passed"),
        # What was found stands, whatever could not be compared later.
        (KeyComparison(10, {"value": 1}).and_then(KeyComparison(error="away")), "failed"),
        (KeyComparison(10, {"value": 0}).and_then(KeyComparison(error="away")), "unknown"),
        (KeyComparison(10, {"value": 0}, unreadable="1 key").and_then(KeyComparison(10, {"value": 0})), "unknown"),
    ],
)
def test_keys_that_could_not_be_compared_are_not_the_same(comparison: KeyComparison, status: str) -> None:
    assert criterion("comparison", replace(EVIDENCE, comparison=comparison)).status == status
