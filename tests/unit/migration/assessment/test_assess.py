"""What is told of the seconds around each cutover."""

from dataclasses import replace
from typing import Any

import pytest

from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.fleet.row import Label, Row, Second, Segment
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import Cause
from tests.unit.migration.assessment.made_evidence import EVIDENCE, criterion

USUAL = 100


SLOW = 300
"""More than chance makes of a hundred, with a fifth on top."""


def row(number: int, phase: str, *, misses: int = 5, database_queries: int = USUAL) -> Row:
    queries = Tally(offered=100, hits=100 - misses, misses=misses)
    queries.outcomes[0] = 100
    queries.response.record([0.001] * 100)
    return Row.of(Second(number, queries, database_queries=database_queries), float(number), Label(phase))


def seen(slow: dict[int, int], *, cutovers: list[tuple[float, float | None]]) -> Evidence:
    """A minute of which the first ten seconds are the baseline; `slow`: queries to the database by second."""
    rows = [
        row(second, "baseline" if second < 10 else "recovery", database_queries=slow.get(second, USUAL))
        for second in range(60)
    ]
    return replace(EVIDENCE, rows=rows, cutovers=cutovers, ended_seconds=60.0)


@pytest.mark.parametrize(
    ("slow", "cutovers", "seconds"),
    [
        ({}, [(20.5, 20.6)], 0.0),
        # From the second in which the cutover began until three in a row are as in the baseline.
        ({20: SLOW, 21: SLOW}, [(20.5, 20.6)], 2.0),
        ({20: 119}, [(20.5, 20.6)], 0.0),
        ({19: SLOW}, [(20.5, 20.6)], 0.0),
        # The slowest of several counts, each until the next one begins.
        ({20: SLOW, 40: SLOW, 41: SLOW, 42: SLOW}, [(20.5, 20.6), (40.5, 40.6)], 3.0),
        ({20: SLOW, 21: SLOW, 22: SLOW, 40: SLOW}, [(20.5, 20.6), (40.5, 40.6)], 3.0),
    ],
)
def test_recovery_is_counted_from_each_cutover(
    slow: dict[int, int], cutovers: list[tuple[float, float | None]], seconds: float
) -> None:
    found = assess(seen(slow, cutovers=cutovers)).recovery
    assert found.seconds == seconds
    assert found.measures["database_queries"] == seconds


@pytest.mark.parametrize(
    "evidence",
    [
        seen(dict.fromkeys(range(20, 60), SLOW), cutovers=[(20.5, 20.6)]),
        # The first of two never came back before the second began.
        seen(dict.fromkeys(range(20, 40), SLOW), cutovers=[(20.5, 20.6), (40.5, 40.6)]),
        seen({}, cutovers=[]),
        replace(seen({}, cutovers=[(20.5, 20.6)]), baseline_seconds=(8.5, 10.5)),
        replace(seen({}, cutovers=[(20.5, 20.6)]), saturated=True),
        replace(seen({}, cutovers=[(20.5, 20.6)]), workers_lost=1),
    ],
)
def test_a_recovery_that_was_not_seen_is_unknown(evidence: Evidence) -> None:
    assert criterion("recovery", evidence).status == "unknown"


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({}, Cause.NOT_RECOVERED),
        # It is watched no longer then, since what is late may be the generator's own.
        ({"saturated": True}, Cause.GENERATOR_SATURATED),
        ({"workers_lost": 1}, Cause.WORKER_LOST),
        # More of that would not make it known.
        ({"saturated": True, "cutovers": []}, Cause.NO_CUTOVER),
        ({"saturated": True, "baseline_seconds": (8.5, 10.5)}, Cause.BASELINE_SHORT),
    ],
)
def test_what_was_not_seen_to_recover_is_unknown_for_what_kept_it_from_being_seen(
    changed: dict[str, Any], cause: Cause
) -> None:
    evidence = seen(dict.fromkeys(range(20, 60), SLOW), cutovers=[(20.5, 20.6)])
    found = criterion("recovery", replace(evidence, **changed))
    assert (found.status, found.causes) == ("unknown", (cause,))


@pytest.mark.parametrize("slow", [{}, dict.fromkeys(range(20, 60), SLOW)])
@pytest.mark.parametrize("of", ["query_rates", "event_rates"])
def test_seconds_of_another_load_do_not_compare_with_the_baselines(slow: dict[int, int], of: str) -> None:
    evidence = seen(slow, cutovers=[(20.5, 20.6)])
    for at, changed in ((-5.0, False), (5.0, True), (30.0, True)):
        rates: dict[str, Any] = {of: Rates(((-10.0, 1000.0), (at, 1200.0)))}
        found = criterion("recovery", replace(evidence, **rates))
        assert (found.causes == (Cause.LOAD_CHANGED,)) == changed
        assert changed or found.status == ("unknown" if slow else "passed")


@pytest.mark.parametrize(("at", "changed"), [(-5.0, False), (5.0, True), (30.0, True), (1_000.0, False)])
def test_neither_do_seconds_in_which_something_else_was_asked(at: float, changed: bool) -> None:
    found = criterion("recovery", replace(seen({}, cutovers=[(20.5, 20.6)]), mixes_changed=(at,)))
    assert (found.causes == (Cause.LOAD_CHANGED,)) == changed
    assert changed or found.status == "passed"


def test_who_cannot_keep_up_is_not_told_to_raise_the_rate() -> None:
    rare = replace(EVIDENCE, query_rates=Rates.steady(10.0))
    assert criterion("query_downtime", rare).causes == (Cause.TOO_RARE,)
    assert criterion("query_downtime", replace(rare, saturated=True)).causes == (Cause.GENERATOR_SATURATED,)


def test_a_recovery_that_took_longer_than_allowed_has_failed() -> None:
    slow = dict.fromkeys(range(20, 25), SLOW)
    evidence = seen(slow, cutovers=[(20.5, 20.6)])
    limits = evidence.limits.model_copy(update={"max_recovery": 4.0})
    assert criterion("recovery", replace(evidence, limits=limits)).status == "failed"


@pytest.mark.parametrize(
    ("limit", "status", "measured"), [(6.0, "passed", 5.0), (4.0, "unknown", 5.0), (1.0, "failed", 2.0)]
)
def test_a_recovery_is_judged_by_what_the_generator_cannot_have_hidden(
    limit: float, status: str, measured: float
) -> None:
    slow = dict.fromkeys(range(20, 25), SLOW)
    evidence = replace(seen(slow, cutovers=[(20.5, 20.6)]), stalls=[(22.0 + at, 22.2 + at) for at in range(3)])
    limits = evidence.limits.model_copy(update={"max_recovery": limit})
    found = criterion("recovery", replace(evidence, limits=limits))
    assert (found.status, found.measured) == (status, measured)
    assert (found.reason == "the generator itself stood still meanwhile: at least 2 s") == (status == "unknown")


def test_the_worst_second_after_the_baseline_is_told() -> None:
    rows = [row(9, "baseline", misses=90, database_queries=900), row(10, "sync", misses=30), row(11, "cutover")]
    rows.append(row(12, "recovery", database_queries=300))
    impact = assess(replace(EVIDENCE, rows=rows)).impact
    assert (impact.lowest_hit_ratio, impact.highest_database_queries_per_second) == (0.7, 300)
    assert not impact.generator_saturated
    assert assess(replace(EVIDENCE, saturated=True)).impact.generator_saturated


def test_stretches_of_a_phase_that_follow_one_another_are_one() -> None:
    segments = [
        Segment(Phase.BASELINE, 0, 0.0),
        Segment(Phase.RECOVERY, 1, 10.0),
        Segment(Phase.RECOVERY, 2, 12.5),
        Segment(Phase.BASELINE, 3, 14.0),
    ]
    queries = {place: Tally(offered=place + 1) for place in range(4)}
    rows = [row(second, "recovery", database_queries=second) for second in range(16)]
    found = assess(replace(EVIDENCE, segments=segments, queries=queries, rows=rows, ended_seconds=15.0)).phases
    assert [(each.name, each.duration_seconds, each.queries.offered) for each in found] == [
        ("baseline", 10.0, 1),
        ("recovery", 4.0, 5),
        ("baseline", 1.0, 4),
    ]
    assert found[1].database_queries_per_second == pytest.approx((10 + 11 + 12 + 13) / 4)
