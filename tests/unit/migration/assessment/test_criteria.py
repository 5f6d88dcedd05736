"""What proves nothing is unknown, and not passed."""

from dataclasses import replace

import pytest

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.fleet.row import Segment
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.reasons import COMPARED_LATER
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.not_carried import NotCarried
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.verification.reconcile import Reconciliation
from tests.unit.migration.assessment.made_evidence import EVIDENCE, criterion, phased, tally
from tests.unit.migration.assessment.made_reasons import UNREADABLE

AWAY = Cause.SERVERS_UNREAD.because(error="the target went away")


def test_all_criteria_that_are_declared_are_there_where_there_is_evidence_for_them() -> None:
    everything = replace(
        EVIDENCE,
        broken="something",
        segments=[Segment(Phase.SYNC, 0, 5.0)],
        baseline_seconds=(0.0, 5.0),
        queries={0: tally(ok=1)},
        events={0: tally(ok=1)},
        comparison=KeyComparison(1, {"value": 0}),
        audit=replace(Audit(), structures={"hash": Reconciliation()}),
    )
    assert {each.name for each in assess(everything).verdict.criteria} == set(CRITERIA)


def test_every_limit_is_that_of_a_criterion() -> None:
    assert {declared.limit_name for declared in CRITERIA.values()} - {None} == set(Limits.model_fields)


@pytest.mark.parametrize(
    ("gaps", "status"),
    [
        ([], "passed"),
        ([(20.0, 20.2)], "passed"),
        ([(20.0, 20.3)], "failed"),
        # A baseline that stood still itself excuses nothing.
        ([(5.0, 6.2), (20.0, 21.1)], "failed"),
        ([(5.0, 6.2), (20.0, 20.2)], "unknown"),
        ([(5.0, 5.13)], "unknown"),
        ([(5.0, 5.12), (20.0, 20.2)], "passed"),
        ([(5.0, 6.2), (20.0, 21.3)], "failed"),
        # What is not over may become longer.
        ([(99.9, 100.0)], "unknown"),
        ([(99.5, 100.0)], "failed"),
    ],
)
def test_downtime_is_judged_only_by_a_baseline_that_stood_up(gaps: list[tuple[float, float]], status: str) -> None:
    found = [Gap(*gap) for gap in gaps]
    assert criterion("query_downtime", replace(EVIDENCE, query_gaps=found)).status == status
    assert criterion("event_downtime", replace(EVIDENCE, event_gaps=found)).status == status
    # Before a cutover that comes later it is judged by itself.
    later = replace(EVIDENCE, cutovers=[(100.0, 100.5)], ended_seconds=110.0)
    # What goes on beyond the cutover is known as far as it comes before it.
    status = "passed" if gaps == [(99.9, 100.0)] else status
    for more in (0.0, 0.2):
        found = [Gap(start, end + more if end == 100.0 else end) for start, end in gaps]
        assert criterion("sync_query_downtime", replace(later, query_gaps=found)).status == status
        assert criterion("sync_event_downtime", replace(later, event_gaps=found)).status == status


@pytest.mark.parametrize(
    ("gap", "saturated", "status"),
    [
        (Gap(20.0, 20.8, ((20.05, 20.8),)), False, "unknown"),
        (Gap(20.0, 20.8, ((20.3, 20.8),)), False, "failed"),
        (Gap(20.0, 20.2, ((20.0, 20.2),)), False, "passed"),
        # What is sure stands, however busy the generator was otherwise.
        (Gap(20.0, 28.0), True, "failed"),
        (Gap(20.0, 20.2), True, "unknown"),
    ],
)
def test_what_the_generator_slept_through_is_nobodys_downtime(gap: Gap, saturated: bool, status: str) -> None:
    found = criterion("query_downtime", replace(EVIDENCE, query_gaps=[gap], saturated=saturated))
    assert found.status == status


def test_a_downtime_where_operations_are_rare_is_unknown_unless_it_is_long() -> None:
    rare = replace(EVIDENCE, query_rates=Rates.steady(10.0))
    assert criterion("query_downtime", rare).status == "unknown"
    assert criterion("query_downtime", replace(rare, query_gaps=[Gap(20.0, 20.5)])).status == "unknown"
    assert criterion("query_downtime", replace(rare, query_gaps=[Gap(20.0, 25.0)])).status == "failed"


@pytest.mark.parametrize("kind", ["query", "event"])
def test_a_load_that_was_slower_for_a_while_leaves_the_downtime_unknown(kind: str) -> None:
    slower = Rates(((0.0, 400.0), (40.0, 0.5), (50.0, 400.0)))
    changed = replace(EVIDENCE, cutovers=[(30.0, 31.0)], **{f"{kind}_rates": slower})  # type: ignore[arg-type]
    other = "event" if kind == "query" else "query"
    for gap in (Gap(20.0, 20.06), Gap(43.0, 44.2)):
        seen = replace(changed, **{f"{kind}_gaps": [gap]})  # type: ignore[arg-type]
        assert criterion(f"{kind}_downtime", seen).status == "unknown"
        assert criterion(f"{kind}_downtime", seen).measured is None
        assert criterion(f"{other}_downtime", seen).status == "passed"
        assert criterion(f"sync_{kind}_downtime", seen).status == "passed"
    # What is too long at any rate has failed.
    down = replace(changed, **{f"{kind}_gaps": [Gap(60.0, 60.3)]})  # type: ignore[arg-type]
    assert criterion(f"{kind}_downtime", down).status == "failed"


@pytest.mark.parametrize(
    ("evidence", "status"),
    [
        (EVIDENCE, "passed"),
        (replace(EVIDENCE, cutovers=[], reason="nothing moved"), "failed"),
        (replace(EVIDENCE, cutovers=[], unseen=Cause.ENDED_EARLY.because()), "unknown"),
        (replace(EVIDENCE, status="failed"), "failed"),
        (replace(EVIDENCE, status="rolled-back"), "failed"),
    ],
)
def test_a_migration_that_did_not_come_to_its_end_has_not_passed(evidence: Evidence, status: str) -> None:
    assert criterion("migration", evidence).status == status


def test_where_new_connections_reach_a_replica_the_migration_has_failed_whatever_the_open_ones_do() -> None:
    moved = replace(EVIDENCE, cutovers=[(30.0, 30.5)], replica="redis://new:6379/0")
    for unattributed in (NO_REASON, Cause.SERVER_NAMELESS.because(sentence="INFO is refused")):
        found = criterion("migration", replace(moved, unattributed=unattributed))
        assert found.status == "failed"
        assert "redis://new:6379/0 reach a replica" in found.reason
    assert criterion("migration", replace(moved, replica="")).status == "passed"


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
    why = Cause.COUNTERS_UNREAD.because(error=error) if error else NO_REASON
    judged = criterion(name, replace(EVIDENCE, limits=limits, audit=Audit(result, error=why)))
    assert judged.status == status
    assert error in judged.reason or status == "failed"
    audit = Audit(structures={"hash": result, "list": Reconciliation()}, error=why)
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
        # What it shed itself hides no failure, and what has no answer may be one.
        (replace(phased(CUTOVER=tally(ok=9, failed=1, shed=1)), saturated=True), "failed"),
        (phased(CUTOVER=Tally(offered=11, outcomes=[10, 0, 0, 0])), "unknown"),
        (replace(phased(CUTOVER=tally(ok=9)), workers_lost=1), "unknown"),
        (replace(phased(CUTOVER=tally(ok=9, failed=1)), workers_lost=1), "failed"),
    ],
)
def test_failures_count_from_the_end_of_the_baseline(kind: str, evidence: Evidence, status: str) -> None:
    assert criterion(f"failed_{kind}", evidence).status == status


def test_a_run_that_broke_proves_nothing() -> None:
    found = criterion("run", replace(EVIDENCE, broken="The database did not take 318 event rows."))
    assert (found.status, found.reason) == ("unknown", "The database did not take 318 event rows.")


def test_times_to_live_may_be_apart_by_no_more_than_the_limit() -> None:
    for apart_ms, status in (((), "passed"), ((2_000,), "passed"), ((1, 2_001), "failed")):
        drift = Drift()
        for each in apart_ms:
            drift.add(each)
        found = criterion("ttl_drift", replace(EVIDENCE, comparison=KeyComparison(10, {"ttl": 0}, drift=drift)))
        assert (found.status, found.limit, found.measured) == (status, 2.0, max(apart_ms, default=0) / 1000)
    for comparison in (KeyComparison(error=AWAY), KeyComparison(0, {"ttl": 0}), KeyComparison(error=COMPARED_LATER)):
        assert criterion("ttl_drift", replace(EVIDENCE, comparison=comparison)).status == "unknown"
    with_drift = KeyComparison(10, {"ttl": 1}, drift=drift)
    both = with_drift.and_then(KeyComparison(10, {"ttl": 0}))
    assert criterion("ttl_drift", replace(EVIDENCE, comparison=both)).status == "failed"
    # What was seen before it could not be compared any more still counts.
    broken = with_drift.and_then(KeyComparison(error=AWAY))
    assert criterion("ttl_drift", replace(EVIDENCE, comparison=broken)).status == "failed"


def test_until_the_servers_are_compared_it_is_unknown() -> None:
    found = criterion("comparison", replace(EVIDENCE, comparison=KeyComparison(error=COMPARED_LATER)))
    assert (found.status, found.reason) == ("unknown", COMPARED_LATER)


@pytest.mark.parametrize(
    ("comparison", "status"),
    [
        (KeyComparison(10, {"value": 0}), "passed"),
        (KeyComparison(10, {"value": 1}), "failed"),
        (KeyComparison(10, {"value": 0}, unreadable=UNREADABLE), "unknown"),
        (KeyComparison(10, {"value": 1}, unreadable=UNREADABLE), "failed"),
        (KeyComparison(error=AWAY), "unknown"),
        (KeyComparison(0, {"value": 0}), "unknown"),
        (KeyComparison(10, {"value": 0}, unsettled=1), "unknown"),
        (KeyComparison(10, {"value": 0}, written_behind=1), "unknown"),
        (KeyComparison(10, {"value": 1}, unsettled=1, written_behind=1), "failed"),
        (KeyComparison(10, {"value": 0}, written_behind=1).and_then(KeyComparison(10, {"value": 0})), "unknown"),
        (KeyComparison(10, {"value": 1}).and_then(KeyComparison(10, {"value": 0})), "failed"),
        (KeyComparison(10, {"value": 0}).and_then(KeyComparison(10, {"value": 0})), "passed"),
        # What was found stands, whatever could not be compared later.
        (KeyComparison(10, {"value": 1}).and_then(KeyComparison(error=AWAY)), "failed"),
        (KeyComparison(10, {"value": 0}).and_then(KeyComparison(error=AWAY)), "unknown"),
        (KeyComparison(10, {"value": 0}, unreadable=UNREADABLE).and_then(KeyComparison(10, {"value": 0})), "unknown"),
    ],
)
def test_keys_that_could_not_be_compared_are_not_the_same(comparison: KeyComparison, status: str) -> None:
    assert criterion("comparison", replace(EVIDENCE, comparison=comparison)).status == status


LOST = NotCarried(2, ("theirs", "ours"))


@pytest.mark.parametrize(
    ("carried", "comparison", "status", "measured"),
    [
        (NotCarried(), None, "passed", 0),
        (LOST, None, "failed", 2),
        (None, KeyComparison(10), "passed", 0),
        (None, KeyComparison(10, not_carried=LOST), "failed", 2),
        (LOST, KeyComparison(10, not_carried=LOST), "failed", 2),
        (NotCarried(1, ("ours",)), KeyComparison(10, not_carried=LOST), "failed", 2),
        (None, KeyComparison(error=AWAY), "unknown", None),
        (NotCarried(), KeyComparison(error=AWAY), "passed", 0),
        (LOST, KeyComparison(error=AWAY), "failed", 2),
    ],
)
def test_what_the_target_cannot_hold_is_counted_once_whoever_saw_it(
    carried: NotCarried | None, comparison: KeyComparison | None, status: str, measured: int | None
) -> None:
    evidence = replace(EVIDENCE, not_carried=carried, comparison=comparison)
    found = criterion("not_carried", evidence)
    assert (found.status, found.measured) == (status, measured)
    assert status != "failed" or "theirs, ours" in found.reason
    allowed = criterion("not_carried", replace(evidence, limits=Limits(max_not_carried=2)))
    assert allowed.status == ("unknown" if status == "unknown" else "passed")


def test_where_nothing_was_carried_or_compared_there_is_nothing_to_hold() -> None:
    assert "not_carried" not in {each.name for each in assess(EVIDENCE).verdict.criteria}


def test_what_was_lost_on_both_ways_adds_up_and_what_is_not_remembered_is_unknown() -> None:
    both = KeyComparison(5, not_carried=LOST, notes=("a",)).and_then(
        KeyComparison(5, not_carried=NotCarried(1, ("ours",)), notes=("a", "b"))
    )
    assert (both.not_carried, both.notes) == (NotCarried(3, ("theirs", "ours")), ("a", "b"))
    forgotten = Audit(structures={"recent": Reconciliation(lost_at_most=50, forgotten=50)})
    found = criterion("structures", replace(EVIDENCE, audit=forgotten))
    assert (found.status, found.measured) == ("unknown", 0)
    assert "50 elements of lists" in found.reason
    turned = Audit(structures={"recent": Reconciliation(disordered=199)})
    assert criterion("structures", replace(EVIDENCE, audit=turned)).status == "failed"
