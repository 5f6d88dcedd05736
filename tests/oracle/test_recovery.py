"""A second opinion on the recovery, second by second: naive, and written from the documentation's sentences."""

import os
from dataclasses import replace
from math import floor
from typing import Any, Final

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from redis_rehearsal.migration.assessment.assess import Assessment, assess
from redis_rehearsal.verification.verdict import Criterion, Status
from tests.oracle.naive_recovery import NAMES, TWENTIETH, both_ranges, close_calls, status, told
from tests.oracle.timelines import Seen, Stretch, Timeline, evidence_of, seconds_of, timelines

EXAMPLES: Final = 125
"""Of each of the four, so that there are 500 timelines in all."""
MANY: Final = 5_000
ORDER: Final = {Status.FAILED: 0, Status.UNKNOWN: 1, Status.PASSED: 2}
_PROBED_SECONDS: Final = 9
_READS: Final = 1_000_000

pytestmark = pytest.mark.timeout(600)


def criterion(found: Assessment) -> Criterion:
    return next(each for each in found.verdict.criteria if each.name == "recovery")


def status_of(timeline: Timeline) -> Status:
    return criterion(assess(evidence_of(timeline))).status


def with_figure(seen: Seen, name: str, value: float) -> Seen:
    figures: dict[str, Any] = {name: value}
    return replace(seen, **figures)


def it_takes_as_long_as_it_is_said_to(timeline: Timeline) -> None:
    assume(not close_calls(timeline))
    expected, found = told(timeline), assess(evidence_of(timeline))
    event(criterion(found).status)
    assert found.recovery.at_least_seconds == max(one.lower for one in expected)
    uppers = [one.upper for one in expected if one.upper is not None]
    assert found.recovery.at_most_seconds == (max(uppers) if len(uppers) == len(expected) else None)
    if len(expected) == 1:
        assert found.recovery.measures == expected[0].measures
    assert criterion(found).status is status(timeline)


def a_range_ends_where_it_is_said_to(timeline: Timeline, name: str) -> None:
    baseline, _ = seconds_of(timeline)
    ends = [allowed[name] for allowed in both_ranges(baseline)]
    # All else is as good as can be.
    best = Seen(0.0, 0.0, 0.0, 0, _READS, 0)
    alone = replace(timeline, cutovers=(0.0,), cut_off=0.0)
    for place, end in enumerate(ends):
        assume(end is not None)
        assert end is not None
        if name in ("p50", "p99", "event_p99"):
            values: tuple[float, float] = (end * (1 - 1e-6), end * (1 + 1e-6))
        else:
            most = end * (_READS if name == "misses" else 1)
            # Where the end is a whole number but for its rounding, that number is neither in it nor out of it.
            values = (floor(most * (1 - 1e-9)), floor(most * (1 + 1e-9)) + 1)
        inside, outside = (with_figure(best, name, value) for value in values)
        for seen, back in ((inside, True), (outside, False)):
            found = assess(evidence_of(alone, (baseline, [seen] * _PROBED_SECONDS))).recovery
            if place == 0:
                assert found.at_most_seconds == (0.0 if back else None)
            else:
                assert found.at_least_seconds == (0.0 if back else _PROBED_SECONDS)


def a_worse_second_improves_nothing(timeline: Timeline, number: int, name: str) -> None:
    before, after = seconds_of(timeline)
    assume(number < len(after))
    if getattr(after[number], name) is None:
        return
    value = 2 * getattr(after[number], name) + (0.1 if "p" in name else 1)
    worse = with_figure(after[number], name, value)
    worse = replace(worse, misses=min(worse.misses, worse.reads))
    harmed = (before, [*after[:number], worse, *after[number + 1 :]])
    assert ORDER[criterion(assess(evidence_of(timeline, harmed))).status] <= ORDER[status_of(timeline)]


def a_stall_only_makes_it_unknown(timeline: Timeline, stalls: tuple[tuple[int, float], ...]) -> None:
    # A baseline is known by its seconds: where they differ by chance, that of fewer is another one.
    alike = (Stretch(3 + sum(each.seconds for each in timeline.baseline) // 4),)
    after = tuple(replace(each, stalled_seconds=0.0) for each in timeline.after)
    awake = replace(timeline, baseline=alike, after=after, noise=0.0)
    # Shorter stalls of the baseline are taken for the machine's usual lateness, which is there after it too.
    telling = tuple((number, length) for number, length in stalls if number >= alike[0].seconds or length > TWENTIETH)
    assert status_of(replace(awake, stalls=telling)) in (status_of(awake), Status.UNKNOWN)


names = st.sampled_from(NAMES)
with_a_baseline = timelines.filter(
    lambda each: (
        sum(stretch.seconds for stretch in each.baseline) >= 3
        and any(stretch.stalled_seconds <= 0.05 for stretch in each.baseline)
    )
)
numbers = st.integers(0, 25)
# Above all in the baseline, which is short.
stalls = st.lists(
    st.tuples(st.integers(0, 5) | st.integers(0, 30), st.sampled_from([0.02, 0.045, 0.06, 0.3, 0.7])),
    max_size=8,
    unique_by=lambda stall: stall[0],
).map(tuple)

some = settings(max_examples=EXAMPLES, derandomize=True)
test_it_takes_as_long_as_it_is_said_to = some(given(timelines)(it_takes_as_long_as_it_is_said_to))
test_a_range_ends_where_it_is_said_to = some(given(with_a_baseline, names)(a_range_ends_where_it_is_said_to))
test_a_worse_second_improves_nothing = some(given(timelines, numbers, names)(a_worse_second_improves_nothing))
test_a_stall_only_makes_it_unknown = some(given(timelines, stalls)(a_stall_only_makes_it_unknown))


@pytest.mark.matrix
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(4))
def test_many_timelines(part: int) -> None:
    """The same, thousands of times."""
    many = settings(max_examples=int(os.environ.get("ORACLE_EXAMPLES", MANY)))
    (
        many(given(timelines)(it_takes_as_long_as_it_is_said_to)),
        many(given(with_a_baseline, names)(a_range_ends_where_it_is_said_to)),
        many(given(timelines, numbers, names)(a_worse_second_improves_nothing)),
        many(given(timelines, stalls)(a_stall_only_makes_it_unknown)),
    )[part]()


def test_two_stalls_in_a_baseline_of_three_seconds_are_no_excuse_for_a_server() -> None:
    usual = Seen(0.0004, 0.002, 0.002, 50, 1_000, 30)
    slow = Timeline(usual, (Stretch(3),), (Stretch(9, "p99", times=100.0),))
    assert status_of(slow) is Status.FAILED
    assert status_of(replace(slow, stalls=((0, 0.3), (1, 0.3)))) is Status.UNKNOWN


def test_who_asks_once_a_second_or_less_is_not_told_that_nothing_came_back() -> None:
    usual = Seen(0.0004, 0.002, 0.002, 50, 1_000, 30)
    assert status_of(Timeline(usual, (Stretch(5),), (Stretch(1), Stretch(1, "no queries")) * 10)) is Status.PASSED


def test_what_a_long_stall_held_up_may_be_answered_in_the_next_second() -> None:
    usual = Seen(0.0004, 0.002, 0.002, 50, 1_000, 30)
    for stalled_seconds, expected in ((0.0, Status.FAILED), (0.7, Status.UNKNOWN)):
        busy = (Stretch(1, stalled_seconds=stalled_seconds), Stretch(1, "database_queries", times=40.0))
        assert status_of(Timeline(usual, (Stretch(5),), (Stretch(3), *busy, Stretch(3)), max_recovery=0.5)) is expected
