from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.recovery import (
    ALL_STALLED,
    MEASURES,
    SHORT_BASELINE,
    STALLED,
    STEADY_SECONDS,
    Measured,
    Recovery,
    recovery,
    slowest,
    upper_bounds,
)

USUAL = Measured(0.0005, 0.002, 0.002, 50, 1_000, 30, 0)
SLOW = replace(USUAL, p99=0.205)
BASELINE = [USUAL] * 10


def after(*seconds: Measured) -> Recovery:
    return recovery(BASELINE, seconds)


def test_never_left_is_zero() -> None:
    assert after(*[USUAL] * 5).seconds == 0.0


def test_it_is_back_with_the_first_of_three_seconds_running() -> None:
    assert after(SLOW, USUAL, SLOW, *[USUAL] * 20).seconds == 3.0
    assert after(*[SLOW] * 8, *[USUAL] * 3).seconds == 8.0


def test_an_observation_that_ends_before_is_not_known() -> None:
    for seconds in ((SLOW, USUAL, USUAL), (USUAL, USUAL), ()):
        assert after(*seconds).seconds is None


def test_a_relapse_that_lasts_until_the_end_is_no_recovery() -> None:
    found = after(replace(USUAL, p99=0.033), *[replace(USUAL, p99=0.003)] * 5, *[SLOW] * 15)
    assert (found.seconds, found.at_least_seconds) == (None, 21.0)
    assert "p99" in found.reason


def test_recovered_is_what_does_not_relapse_any_more() -> None:
    assert after(*[USUAL] * 5, *[SLOW] * 3, *[USUAL] * 40).seconds == 8.0
    # More than a tenth of what is left, though never three running.
    flickering = [USUAL, USUAL, USUAL, USUAL, SLOW, SLOW] * 5
    assert after(*flickering).seconds is None
    assert after(*flickering, *[USUAL] * 60).seconds is not None
    assert after(*[USUAL] * 30, SLOW, *[USUAL] * 9).seconds == 0.0


def worse_in(name: str, value: float) -> Measured:
    found = replace(USUAL)
    object.__setattr__(found, name, value)
    return found


@pytest.mark.parametrize(
    ("name", "worse"),
    [("p50", 0.046), ("p99", 0.3), ("event_p99", 0.2), ("misses", 400), ("database_queries", 300), ("failed", 5)],
)
def test_each_measure_must_be_back_and_in_the_same_seconds(name: str, worse: float) -> None:
    bad = worse_in(name, worse)
    found = after(*[bad] * 4, *[USUAL] * 30)
    assert found.seconds == 4.0
    assert found.measures == {each: 4.0 if each == name else 0.0 for each in found.measures}
    assert after(*[bad] * 30).seconds is None
    # Each by itself has its three seconds, but never all of them.
    other = replace(USUAL, failed=9) if name != "failed" else SLOW
    assert after(*[bad, bad, bad, other, other, other] * 5).seconds is None


def test_one_bad_second_does_not_spoil_the_baseline() -> None:
    spoiled = [*[USUAL] * 9, replace(USUAL, p50=0.05, p99=0.11, misses=900, database_queries=900, failed=900)]
    slower = replace(USUAL, p50=0.0455, p99=0.047)
    assert recovery(spoiled, [slower] * 30).seconds is None
    assert recovery(spoiled, [USUAL] * 30).seconds == 0.0


def test_a_second_in_which_nothing_was_answered_is_not_as_before() -> None:
    assert after(replace(USUAL, p50=None, p99=None), *[USUAL] * 20).seconds == 1.0
    # Where no event was due there is nothing to answer.
    assert after(*[replace(USUAL, event_p99=None, events_due=False)] * 5).seconds == 0.0
    assert after(*[replace(USUAL, event_p99=None)] * 5).seconds is None
    idle = replace(USUAL, p50=None, p99=None, misses=0, reads=0, database_queries=0)
    assert after(*[replace(idle, queries_due=False)] * 5).seconds == 0.0
    assert after(*[idle] * 5).seconds is None
    # What is answered in it all the same is held against the baseline.
    assert after(*[replace(SLOW, event_p99=0.2, queries_due=False, events_due=False)] * 5).measures == {
        name: None if name in ("p99", "event_p99") else 0.0 for name in MEASURES
    }


def test_a_baseline_that_is_too_short_proves_nothing() -> None:
    found = recovery(BASELINE[:2], BASELINE)
    assert (found.seconds, found.reason) == (None, SHORT_BASELINE)


def test_what_nobody_notices_is_as_before() -> None:
    assert after(*[replace(USUAL, p50=0.0049, p99=0.0099, event_p99=0.0099)] * 5).seconds == 0.0
    assert after(*[replace(USUAL, p99=0.011)] * 5).seconds is None


def test_where_the_generator_stood_still_a_slow_second_is_nobodys() -> None:
    stalled = replace(SLOW, stalled=True)
    found = after(*[USUAL] * 3, *[stalled] * 4, *[USUAL] * 5)
    assert (found.seconds, found.at_least_seconds, found.at_most_seconds, found.reason) == (None, 0.0, 7.0, STALLED)
    assert after(*[USUAL] * 3, *[stalled] * 2).at_most_seconds is None
    assert after(*[USUAL] * 30, stalled, *[USUAL] * 9).seconds == 0.0
    # It never makes good what a server did.
    assert after(*[SLOW] * 5, stalled, *[SLOW] * 5).seconds is None


def test_of_a_latency_what_the_generator_held_up_is_not_sure() -> None:
    # 30 ms of a second are no stalled one, but what a p99 shows.
    for held_up, p99, sure in ((0.06, 0.06, 0.0), (0.06, 0.08, 9.0), (0.0, 0.06, 9.0)):
        found = after(*[replace(USUAL, p99=p99, held_up_seconds=held_up)] * 9)
        assert (found.at_least_seconds, found.at_most_seconds) == (sure, None)
    failed = replace(USUAL, failed=1)
    assert after(*[replace(failed, held_up_seconds=0.06)] * 9).at_least_seconds == 9.0
    # A stall that ended with the second before is caught up with in this one, which may have come to anything.
    assert after(*[replace(failed, held_up_seconds=1.0)] * 9).at_least_seconds == 0.0


def test_what_the_generators_own_stalls_made_of_a_baseline_widens_no_sure_range() -> None:
    stalled = replace(SLOW, stalled=True)
    # By two of the three seconds 205 ms would be as usual, by the third they are not.
    found = recovery([stalled, stalled, USUAL], [SLOW] * 9)
    assert (found.at_least_seconds, found.at_most_seconds, found.reason) == (0.0, None, STALLED)
    assert recovery([stalled, stalled, USUAL], [replace(SLOW, p99=2.0)] * 9).at_least_seconds == 9.0
    assert recovery([stalled, stalled, USUAL], [USUAL] * 9).seconds == 0.0
    # As few as are left of five make no count likelier to be chance.
    few = [replace(USUAL, database_queries=100, stalled=place < 2) for place in range(5)]
    assert recovery(few, [replace(USUAL, database_queries=180)] * 9).seconds is None
    assert recovery(few, [replace(USUAL, database_queries=177)] * 9).seconds == 0.0
    assert recovery([stalled] * 3, [USUAL] * 9) == Recovery(0.0, None, dict.fromkeys(MEASURES), ALL_STALLED)


def test_of_several_recoveries_the_slowest_one_counts() -> None:
    quick, slow = after(*[USUAL] * 9), after(*[SLOW] * 4, *[USUAL] * 9)
    doubtful = after(*[replace(SLOW, stalled=True)] * 4, *[USUAL] * 9)
    unseen = after(*[SLOW] * 5)
    assert slowest([slow, quick]) == slow
    assert slowest([quick, unseen, slow]) == unseen
    assert slowest([doubtful, quick]) == doubtful
    # As long for sure as the other one, and no longer: known again.
    assert slowest([doubtful, slow]).seconds == 4.0
    assert slowest([doubtful, slow]).reason == ""


@given(st.lists(st.sampled_from((USUAL, SLOW)), max_size=40), st.lists(st.booleans(), max_size=40))
def test_what_the_generator_hides_lies_between(seconds: list[Measured], stood: list[bool]) -> None:
    hidden = after(*(replace(second, stalled=stalled) for second, stalled in zip(seconds, stood, strict=False)))
    known = after(*seconds[: len(stood)])
    assert hidden.at_least_seconds <= known.at_least_seconds
    assert hidden.at_most_seconds == known.at_most_seconds


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 39))
def test_a_worse_second_is_never_better(within: list[bool], worse: int) -> None:
    def seconds(kept: list[bool]) -> float:
        found = after(*(USUAL if good else SLOW for good in kept)).seconds
        return float("inf") if found is None else found

    harmed = [good and place != worse for place, good in enumerate(within)]
    assert seconds(harmed) >= seconds(within)


@given(st.lists(st.booleans(), max_size=40))
def test_what_is_said_to_be_back_stayed(within: list[bool]) -> None:
    """As docs/reading-the-verdict.md says it, one second after the other."""

    def stays(start: int) -> bool:
        left = within[start:]
        bad_runs = any(not any(left[place : place + 3]) for place in range(len(left) - 2))
        return all(left[:STEADY_SECONDS]) and not bad_runs and 10 * left.count(False) <= len(left)

    starts = [start for start in range(len(within) - 2) if stays(start)]
    found = after(*(USUAL if good else SLOW for good in within)).seconds
    assert found == (starts[0] if starts else None)


@pytest.mark.parametrize(
    ("queries", "baseline_seconds", "observed_seconds"),
    [(9_500, 15, 30), (700, 15, 30), (150, 15, 30), (9_500, 5, 12), (18, 15, 30), (9, 15, 30)],
)
def test_at_most_one_in_a_hundred_faultless_runs_has_not_recovered(
    queries: int, baseline_seconds: int, observed_seconds: int
) -> None:
    random = np.random.default_rng(7)
    not_recovered = 0
    for _ in range(1_000):
        # Each machine has its own pace, and each second its chance.
        usual_p99 = 0.002 * np.exp(random.normal(0, 0.5))
        misses_ratio = random.uniform(0.01, 0.1)

        def second(usual_p99: float = usual_p99, misses_ratio: float = misses_ratio) -> Measured:
            reads = int(random.poisson(queries))
            misses = int(random.binomial(reads, misses_ratio))
            p99 = usual_p99 * np.exp(random.normal(0, 0.5)) * (10 if random.random() < 0.02 else 1)
            event_p99 = usual_p99 * np.exp(random.normal(0, 0.6))
            return Measured(0.0005, p99, event_p99, misses, reads, int(random.poisson(misses)), 0)

        found = recovery([second() for _ in range(baseline_seconds)], [second() for _ in range(observed_seconds)])
        not_recovered += found.seconds is None
    assert not_recovered <= 10


@given(st.lists(st.integers(0, 200), min_size=3, max_size=30))
def test_a_range_reaches_at_least_to_the_middle_of_the_baseline(counts: list[int]) -> None:
    baseline = [replace(USUAL, database_queries=count) for count in counts]
    bound = upper_bounds(baseline, baseline)["database_queries"]
    assert bound is not None
    assert bound >= median(counts)
