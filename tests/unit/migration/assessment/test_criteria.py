"""What proves nothing is unknown, and not passed."""

from dataclasses import replace
from typing import Any

import pytest

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.fleet.row import Label, Row, Second
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.reasons import COMPARED_LATER, STALLED_BASELINE
from redis_rehearsal.migration.options import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.criterion_names import CRITERIA
from redis_rehearsal.verification.not_carried import NotCarried
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.verification.verdict import Criterion

EVIDENCE = Evidence(
    limits=Limits(),
    status="done",
    reason="",
    unseen=NO_REASON,
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
    query_rates=Rates.steady(1_000.0),
    event_rates=Rates.steady(1_000.0),
    source_cpu_ratio=None,
)

AWAY = Cause.SERVERS_UNREAD.because(error="the target went away")
UNREADABLE = Cause.TYPES_UNREADABLE.because(count=1, types="stream")


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
    cutovers = [(at, at + 1.0) for name, _, at in phases if name == Phase.CUTOVER] or EVIDENCE.cutovers
    return replace(EVIDENCE, phases=phases, queries=due, events=due, cutovers=cutovers)


def test_all_criteria_that_are_declared_are_there_where_there_is_evidence_for_them() -> None:
    everything = replace(
        EVIDENCE,
        broken="something",
        phases=[(Phase.SYNC, 0, 5.0)],
        baseline_seconds=(0.0, 5.0),
        queries={0: tally(ok=1)},
        events={0: tally(ok=1)},
        comparison=KeyComparison(1, {"value": 0}),
        audit=replace(Audit(), structures={"hash": Reconciliation()}),
    )
    assert {each.name for each in assess(everything).verdict.criteria} == set(CRITERIA)


def test_every_limit_is_that_of_a_criterion() -> None:
    assert {declared.limit for declared in CRITERIA.values()} - {None} == set(Limits.model_fields)


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
    moved = replace(EVIDENCE, cutovers=[(30.0, 30.5)], follower="redis://new:6379/0")
    for unattributed in (NO_REASON, Cause.SERVER_NAMELESS.because(sentence="INFO is refused")):
        found = criterion("migration", replace(moved, unattributed=unattributed))
        assert found.status == "failed"
        assert "redis://new:6379/0 reach a replica" in found.reason
    assert criterion("migration", replace(moved, follower="")).status == "passed"


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


def with_p99(usual_seconds: float, measured_seconds: float, *, limit_seconds: float | None = None) -> Evidence:
    fast, slow = tally(ok=100, response_seconds=usual_seconds), tally(ok=100, response_seconds=measured_seconds)
    made = phased(BASELINE=fast, CUTOVER=slow, RECOVERY=fast)
    limits = Limits(max_cutover_p99=limit_seconds, max_event_cutover_p99=limit_seconds)
    return replace(made, limits=limits, rows=baseline_rows(usual_seconds))


def baseline_rows(p99_seconds: float, worst_seconds: float = 0.0) -> list[Row]:
    """Ten seconds of baseline, the last of which may be a bad one."""
    rows = []
    for number in range(10):
        slow = tally(ok=100, response_seconds=worst_seconds if worst_seconds and number == 9 else p99_seconds)
        rows.append(Row.of(Second(number, slow, slow), float(number), Label("baseline")))
    return rows


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
        (replace(phased(BASELINE=tally(ok=9), CUTOVER=tally(failed=9)), rows=baseline_rows(0.001)), "unknown"),
        (phased(CUTOVER=tally(ok=9)), "unknown"),
    ],
)
def test_the_cutovers_p99_is_held_against_the_baselines(evidence: Evidence, status: str) -> None:
    assert criterion("cutover_p99", evidence).status == status
    assert criterion("event_cutover_p99", evidence).status == status


def test_one_bad_second_of_the_baseline_allows_nothing() -> None:
    evidence = replace(with_p99(0.001, 0.24), rows=baseline_rows(0.001, worst_seconds=0.11))
    assert criterion("cutover_p99", evidence).limit == 0.05
    assert criterion("cutover_p99", evidence).status == "failed"


def test_a_limit_is_not_widened_by_what_the_generator_was_late_itself_in_the_baseline() -> None:
    evidence = with_p99(0.020, 0.090)
    began, end = evidence.baseline_seconds
    each_second = [(began + at, began + at + 0.1) for at in range(int(end - began))]
    for stalls, status in (([], "passed"), (each_second[:1], "passed"), (each_second, "unknown")):
        found = criterion("cutover_p99", replace(evidence, stalls=stalls))
        assert (found.status, found.reason == STALLED_BASELINE) == (status, status == "unknown")
    # What is within the limit that holds in any case is, and what is above the widest one is not.
    assert criterion("cutover_p99", replace(with_p99(0.020, 0.049), stalls=each_second)).status == "passed"
    assert criterion("cutover_p99", replace(with_p99(0.020, 0.110), stalls=each_second)).status == "failed"


def test_events_that_were_held_are_downtime_and_not_latency() -> None:
    baseline, cutover = tally(ok=100), tally(ok=95)
    # A tenth of a second of the five that are judged.
    cutover.offered += 5
    cutover.outcomes[0] += 5
    cutover.response.record([0.1] * 5)
    phases = [(Phase.BASELINE, 0, 0.0), (Phase.CUTOVER, 1, 10.0), (Phase.RECOVERY, 2, 15.0), (Phase.RECOVERY, 3, 15.0)]
    due = {0: baseline, 1: cutover}
    evidence = replace(EVIDENCE, phases=phases, queries=due, events=due, rows=baseline_rows(0.001))
    assert criterion("event_cutover_p99", evidence).status == "failed"
    held = replace(evidence, held_seconds=[0.3])
    assert criterion("event_cutover_p99", held).status == "passed"
    assert criterion("cutover_p99", held).status == "failed"
    # What took longer than the freeze and the limit together is not what waited for its end.
    cutover.response.record([0.36] * 2)
    assert criterion("event_cutover_p99", held).status == "failed"


@pytest.mark.parametrize("name", ["cutover_p99", "event_cutover_p99"])
@pytest.mark.parametrize(("touched", "status"), [(0, "failed"), (8, "failed"), (10, "unknown")])
def test_what_a_stall_of_the_generator_explains_is_not_slow(name: str, touched: int, status: str) -> None:
    slow = tally(ok=90)
    slow.offered += 10
    slow.outcomes[0] += 10
    slow.response.record([0.2] * 10)
    slow.stalled.record([0.2] * touched)
    slow.stalled_at_least.record([0.01] * touched)
    phases = [(Phase.BASELINE, 0, 0.0), (Phase.CUTOVER, 1, 10.0), (Phase.RECOVERY, 2, 15.0), (Phase.RECOVERY, 3, 15.0)]
    due = {0: tally(ok=100), 1: slow}
    evidence = replace(EVIDENCE, phases=phases, queries=due, events=due, rows=baseline_rows(0.001))
    assert criterion(name, evidence).status == status


@pytest.mark.parametrize(("kind", "name"), [("queries", "sync_p99"), ("events", "event_sync_p99")])
def test_a_strategy_that_hurts_while_it_copies_hurts(kind: str, name: str) -> None:
    slow, fast = tally(ok=100, response_seconds=0.2), tally(ok=100)
    made = replace(phased(BASELINE=fast, PREPARE=fast, SYNC=slow, CUTOVER=fast), rows=baseline_rows(0.001))
    assert criterion(name, made).status == "failed"
    assert criterion(name, replace(made, limits=Limits(max_sync_p99=0.3))).status == "passed"
    all_fast = dict.fromkeys(range(4), fast)
    quick = replace(made, queries=all_fast) if kind == "queries" else replace(made, events=all_fast)
    assert criterion(name, quick).status == "passed"
    # Where nothing was due there was nothing to hurt; where nothing was answered nobody knows.
    names = {each.name for each in assess(phased(BASELINE=fast, CUTOVER=fast)).verdict.criteria}
    assert name not in names
    silent = replace(phased(BASELINE=fast, SYNC=tally(failed=9), CUTOVER=fast), rows=baseline_rows(0.001))
    assert criterion(name, silent).status == "unknown"


def test_the_cutovers_p99_reaches_five_seconds_into_the_recovery() -> None:
    fast, slow = tally(ok=100), tally(ok=100, response_seconds=0.2)
    phases = [(Phase.BASELINE, 0, 0.0), (Phase.CUTOVER, 1, 10.0), (Phase.RECOVERY, 2, 11.0), (Phase.RECOVERY, 3, 16.0)]
    made = replace(EVIDENCE, phases=phases, rows=baseline_rows(0.001))
    soon = replace(made, queries={0: fast, 1: fast, 2: slow, 3: fast})
    later = replace(made, queries={0: fast, 1: fast, 2: fast, 3: slow})
    assert criterion("cutover_p99", soon).status == "failed"
    assert criterion("cutover_p99", later).status == "passed"


def timed(
    phases: list[tuple[Phase, float]], cutovers: list[tuple[float, float | None]], slow: set[int], **changes: Any
) -> Evidence:
    """Evidence in which all is fast but what is due in some of the segments."""
    due = {number: tally(ok=100, response_seconds=0.2 if number in slow else 0.001) for number in range(len(phases))}
    return replace(
        EVIDENCE,
        phases=[(name, number, at) for number, (name, at) in enumerate(phases)],
        queries=due,
        events=due,
        rows=baseline_rows(0.001),
        cutovers=cutovers,
        **changes,
    )


def statuses(evidence: Evidence) -> dict[str, str]:
    found = {each.name: str(each.status) for each in assess(evidence).verdict.criteria}
    return {name: found[name] for name in ("sync_p99", "event_sync_p99", "cutover_p99", "event_cutover_p99")}


def is_slow(*names: str) -> dict[str, str]:
    every = ("sync_p99", "event_sync_p99", "cutover_p99", "event_cutover_p99")
    return {name: "failed" if name.removeprefix("event_") in names else "passed" for name in every}


SWEPT = [
    (Phase.BASELINE, 0.0),
    (Phase.PREPARE, 10.0),
    (Phase.CUTOVER, 12.0),
    (Phase.SYNC, 13.0),
    (Phase.SYNC, 18.0),
    (Phase.RECOVERY, 30.0),
]


@pytest.mark.parametrize(
    ("slow", "judged_by"),
    [
        (1, ["sync_p99"]),
        (2, ["cutover_p99"]),
        (3, ["cutover_p99"]),
        # More than 5 s after the cutover it is for the recovery to judge, whatever is carried yet.
        (4, []),
        (5, []),
    ],
)
def test_what_is_swept_after_the_cutover_is_not_before_it(slow: int, judged_by: list[str]) -> None:
    assert statuses(timed(SWEPT, [(12.0, 13.0)], {slow})) == is_slow(*judged_by)


THERE_AND_BACK = [
    (Phase.BASELINE, 0.0),
    (Phase.SYNC, 10.0),
    (Phase.CUTOVER, 12.0),
    (Phase.RECOVERY, 13.0),
    (Phase.RECOVERY, 18.0),
    (Phase.SYNC, 30.0),
    (Phase.CUTOVER, 33.0),
    (Phase.RECOVERY, 34.0),
    (Phase.RECOVERY, 39.0),
    (Phase.DONE, 60.0),
]


@pytest.mark.parametrize(
    ("slow", "judged_by"),
    [
        (1, ["sync_p99"]),
        (2, ["cutover_p99"]),
        (3, ["cutover_p99"]),
        (4, []),
        (5, ["sync_p99"]),
        (6, ["cutover_p99"]),
        (7, ["cutover_p99"]),
        (8, []),
        (9, []),
    ],
)
def test_the_way_back_is_judged_as_the_way_there_is(slow: int, judged_by: list[str]) -> None:
    evidence = timed(THERE_AND_BACK, [(12.0, 13.0), (33.0, 34.0)], {slow})
    assert statuses(evidence) == is_slow(*judged_by)
    back = {each.reason for each in assess(evidence).verdict.criteria if each.reason.endswith("on the way back")}
    assert bool(back) is (slow in (5, 6, 7))


def test_a_long_way_there_hides_no_slow_way_back() -> None:
    evidence = timed(THERE_AND_BACK, [(12.0, 13.0), (33.0, 34.0)], {5, 6})
    many = {**evidence.queries, 1: tally(ok=100_000), 2: tally(ok=100_000)}
    evidence = replace(evidence, queries=many, events=many)
    assert statuses(evidence) == is_slow("sync_p99", "cutover_p99")


def test_a_sweep_is_not_what_is_carried_back() -> None:
    """The way back begins while the first cutover is still judged."""
    phases = [*SWEPT[:4], (Phase.RECOVERY, 14.0), (Phase.SYNC, 15.0), (Phase.SYNC, 18.0), (Phase.CUTOVER, 20.0)]
    for slow, judged_by in ((3, ["cutover_p99"]), (5, ["sync_p99", "cutover_p99"]), (6, ["sync_p99"])):
        assert statuses(timed(phases, [(12.0, 13.0), (20.0, 21.0)], {slow})) == is_slow(*judged_by)


def test_a_cutover_that_did_not_end_is_judged_as_far_as_it_came() -> None:
    phases = [*SWEPT[:3], (Phase.ROLLED_BACK, 13.0)]
    for slow, judged_by in ((2, ["cutover_p99"]), (3, [])):
        assert statuses(timed(phases, [(12.0, None)], {slow})) == is_slow(*judged_by)


def test_downtime_while_data_is_carried_back_is_before_a_cutover_too() -> None:
    evidence = timed(THERE_AND_BACK, [(12.0, 13.0), (33.0, 34.0)], set())
    for at, name in ((11.0, "sync_query_downtime"), (31.0, "sync_query_downtime"), (20.0, "query_downtime")):
        down = replace(evidence, query_gaps=[Gap(at, at + 0.5)])
        assert criterion(name, down).status == "failed"
    swept = timed(SWEPT, [(12.0, 13.0)], set(), query_gaps=[Gap(14.0, 14.5)])
    assert criterion("sync_query_downtime", swept).status == "passed"
    assert criterion("query_downtime", swept).status == "failed"


def test_what_was_held_is_counted_by_what_was_due_in_the_cutover() -> None:
    """Ten times as many events are due once it is over: of those that are slow then none was held."""
    phases = [(Phase.BASELINE, 0.0), (Phase.CUTOVER, 10.0), (Phase.RECOVERY, 11.0), (Phase.RECOVERY, 16.0)]
    evidence = timed(phases, [(10.0, 11.0)], set(), held_seconds=[0.5])
    after = tally(ok=4_550)
    after.merge(tally(ok=450, response_seconds=0.2))
    assert criterion("event_cutover_p99", replace(evidence, events={**evidence.events, 2: after})).status == "failed"


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
