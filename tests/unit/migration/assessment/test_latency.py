"""What was slow, and when, is judged by the criterion of that time."""

from dataclasses import replace
from typing import Any

import pytest

from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.fleet.row import Segment
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.reasons import STALLED_BASELINE
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.phases import Phase
from tests.unit.migration.assessment.made_evidence import EVIDENCE, criterion, phased, tally
from tests.unit.migration.assessment.made_rows import baseline_rows


def with_p99(usual_seconds: float, measured_seconds: float, *, limit_seconds: float | None = None) -> Evidence:
    fast, slow = tally(ok=100, response_seconds=usual_seconds), tally(ok=100, response_seconds=measured_seconds)
    made = phased(BASELINE=fast, CUTOVER=slow, RECOVERY=fast)
    limits = Limits(max_cutover_p99=limit_seconds, max_event_cutover_p99=limit_seconds)
    return replace(made, limits=limits, rows=baseline_rows(usual_seconds))


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
    segments = [
        Segment(Phase.BASELINE, 0, 0.0),
        Segment(Phase.CUTOVER, 1, 10.0),
        Segment(Phase.RECOVERY, 2, 15.0),
        Segment(Phase.RECOVERY, 3, 15.0),
    ]
    due = {0: baseline, 1: cutover}
    evidence = replace(EVIDENCE, segments=segments, queries=due, events=due, rows=baseline_rows(0.001))
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
    segments = [
        Segment(Phase.BASELINE, 0, 0.0),
        Segment(Phase.CUTOVER, 1, 10.0),
        Segment(Phase.RECOVERY, 2, 15.0),
        Segment(Phase.RECOVERY, 3, 15.0),
    ]
    due = {0: tally(ok=100), 1: slow}
    evidence = replace(EVIDENCE, segments=segments, queries=due, events=due, rows=baseline_rows(0.001))
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
    segments = [
        Segment(Phase.BASELINE, 0, 0.0),
        Segment(Phase.CUTOVER, 1, 10.0),
        Segment(Phase.RECOVERY, 2, 11.0),
        Segment(Phase.RECOVERY, 3, 16.0),
    ]
    made = replace(EVIDENCE, segments=segments, rows=baseline_rows(0.001))
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
        segments=[Segment(name, number, at) for number, (name, at) in enumerate(phases)],
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
        # More than 5 s after the cutover it is for who carries data to answer for what that hurts.
        (4, ["sync_p99"]),
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
