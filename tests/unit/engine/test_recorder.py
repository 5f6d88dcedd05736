import math
from bisect import bisect_right
from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Stalls

operations = st.lists(
    st.tuples(st.floats(0, 10), st.sampled_from(Outcome), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60
)


@given(operations, st.lists(st.floats(0.1, 9.9), max_size=3, unique=True).map(sorted), st.integers(1, 60))
def test_every_operation_is_in_the_segment_of_its_intended_start(
    done: list[tuple[float, Outcome, float, float]], boundaries: list[float], taken_after: int
) -> None:
    done = sorted(done)
    recorder = Recorder(Stalls())
    for boundary in boundaries:
        recorder.add_boundary(boundary)
    totals = [Tally() for _ in range(len(boundaries) + 1)]
    recorder.offer([operation[0] for operation in done])
    for number, (intended, outcome, lag, service) in enumerate(done):
        recorder.record(outcome, [intended], intended + lag, intended + lag + service)
        if number == taken_after:
            for part, taken in recorder.take().items():
                totals[part].merge(taken)
    for part, taken in recorder.take().items():
        totals[part].merge(taken)
    for segment, total in enumerate(totals):
        low = boundaries[segment - 1] if segment else 0.0
        high = boundaries[segment] if segment < len(boundaries) else float("inf")
        here = [operation for operation in done if low <= operation[0] < high]
        assert total.offered == len(here)
        assert total.in_flight == 0
        for outcome in Outcome:
            assert total.outcomes[outcome] == sum(operation[1] is outcome for operation in here)
        ok = [operation for operation in here if operation[1] is Outcome.OK]
        for histogram, durations in (
            (total.lag, [lag for _, _, lag, _ in ok]),
            (total.service, [service for *_, service in ok]),
            (total.response, [lag + service for *_, lag, service in ok]),
        ):
            assert histogram.count == len(ok)
            assert abs(histogram.sum_seconds - sum(durations)) < 1e-6
            assert abs(histogram.max_seconds - max(durations, default=0.0)) < 1e-6


def test_a_reply_to_many_is_recorded_for_each() -> None:
    recorder = Recorder(Stalls())
    recorder.offer([1.0, 1.1, 1.2])
    recorder.record(Outcome.OK, [1.0, 1.1, 1.2], 1.3, 1.5)
    (tally,) = recorder.take().values()
    assert tally.response.count == 3
    assert np.isclose(tally.response.sum_seconds, 0.5 + 0.4 + 0.3)
    assert np.isclose(tally.lag.max_seconds, 0.3)
    assert np.isclose(tally.service.sum_seconds, 0.6)


def gaps_of(*happenings: tuple[str, float]) -> list[tuple[float, float]]:
    """What a recorder makes of operations that become due (`due`) and end (`ok`, `failed`) one by one."""
    recorder = Recorder(Stalls())
    due: list[float] = []
    for what, at in happenings:
        if what == "due":
            recorder.offer([at])
            due.append(at)
        else:
            recorder.record(Outcome.OK if what == "ok" else Outcome.FAILED, [due.pop(0)], at, at)
    return [(gap.start, gap.end) for gap in recorder.take_gaps()]


def test_a_stall_is_a_gap_from_the_last_answer_while_something_is_wanted() -> None:
    assert gaps_of(("due", 1.0), ("due", 1.001), ("ok", 1.002), ("ok", 2.0)) == [(1.002, 2.0)]


def test_idleness_is_no_gap() -> None:
    assert gaps_of(("due", 1.0), ("ok", 1.001), ("due", 5.0), ("ok", 5.001)) == []
    # From when it was wanted, not from when there was last an answer.
    assert gaps_of(("due", 1.0), ("ok", 1.001), ("due", 5.0), ("ok", 5.5)) == [(5.0, 5.5)]


def test_what_fails_at_once_is_a_gap_all_the_same() -> None:
    failing = [step for number in range(10) for step in (("due", 2.0 + number), ("failed", 2.0 + number))]
    assert gaps_of(("due", 1.0), ("ok", 1.001), *failing, ("due", 12.0), ("ok", 12.001)) == [(2.0, 12.001)]


def test_what_is_never_answered_is_a_gap_until_the_end() -> None:
    recorder = Recorder(Stalls())
    recorder.offer([1.0])
    recorder.close_gap(3.0)
    recorder.close_gap(4.0)
    assert recorder.take_gaps() == [(1.0, 3.0, ())]


ends = st.tuples(st.sampled_from(["offer", "end", "flush", "take", "boundary"]), st.floats(0, 0.2))


@given(st.lists(ends, min_size=1, max_size=40), st.booleans())
def test_a_boundary_that_comes_late_parts_what_has_not_ended(happenings: list[tuple[str, float]], last: bool) -> None:
    recorder = Recorder(Stalls())
    now, totals = 1.0, defaultdict[int, Tally](Tally)
    sent: list[list[float]] = []
    ended: list[float] = []
    asked: list[float] = []

    def take() -> None:
        for part, taken in recorder.take().items():
            totals[part].merge(taken)

    for what, seconds in happenings:
        now += seconds
        if what == "offer":
            sent.append([now, math.nextafter(now, 9e9)])
            recorder.offer(sent[-1])
            now = math.nextafter(sent[-1][-1], 9e9)
        elif what == "end" and sent:
            done = sent.pop(0 if last else -1)
            ended += done
            recorder.record(Outcome.OK, done, now, now)
        elif what == "flush":
            recorder.flush()
        elif what == "take":
            take()
        elif what == "boundary":
            at = max(now - 2 * seconds, *asked[-1:], 0.0)
            asked.append(at)
            recorder.add_boundary(at)
            # It is later only than what had ended, or than one before it.
            assert recorder.boundaries_seconds[-1] <= max(at, math.nextafter(max(ended, default=0.0), 9e9), *asked)
            asked[-1] = recorder.boundaries_seconds[-1]
    whole = [*ended]
    for batch in sent:
        whole += batch
        recorder.record(Outcome.OK, batch, now, now)
    take()
    parts = Counter(bisect_right(recorder.boundaries_seconds, at) for at in whole)
    assert {part: tally.offered for part, tally in totals.items() if tally.offered} == parts
    assert {part: tally.outcomes[Outcome.OK] for part, tally in totals.items() if tally.offered} == parts


def test_who_hears_very_late_of_a_boundary_begins_with_it_all_the_same() -> None:
    recorder = Recorder(Stalls())
    due = [1.0 + tick for tick in range(1000)]
    for at in due:
        recorder.offer([at])
    # What is beyond the limits of a worker that stood still is shed at once.
    recorder.record(Outcome.SHED, due[990:], 1001.0, 1001.0)
    recorder.add_boundary(1.5)
    assert recorder.boundaries_seconds == [1.5]
    recorder.record(Outcome.OK, due[:990], 1001.0, 1001.0)
    taken = recorder.take()
    assert [(part.offered, part.outcomes) for part in taken.values()] == [(1, [1, 0, 0, 0]), (999, [989, 0, 0, 10])]


def test_of_what_was_offered_only_what_may_still_be_parted_is_kept() -> None:
    recorder = Recorder(Stalls())
    for tick in range(1000):
        recorder.offer([float(tick)])
        recorder.record(Outcome.FAILED, [float(tick)], tick, tick)
        recorder.flush()
    assert not recorder._offered_lately


def test_what_goes_on_is_told_as_far_as_it_has_come() -> None:
    stalls = Stalls()
    recorder = Recorder(stalls)
    assert recorder.open_gap(5.0) is None
    recorder.offer([1.0])
    stalls.note(2.0, 2.5)
    assert recorder.open_gap(1.005) is None
    assert recorder.open_gap(3.0) == (1.0, 3.0, ((2.0, 2.5),))
    assert recorder.take_gaps() == []


def test_a_latency_is_known_at_least_without_what_a_stall_explains() -> None:
    stalls = Stalls()
    recorder = Recorder(stalls)
    recorder.offer([1.0, 1.9, 2.1, 3.1, 4.0])
    stalls.note(2.0, 2.5)
    # Before it, into it, in it, after what it held up, and all of it in one.
    for intended, ended in ((1.0, 1.5), (1.9, 2.6), (2.1, 2.6), (3.1, 3.2), (1.0, 4.0)):
        recorder.record(Outcome.OK, [intended], max(intended, 2.5 if 2.0 <= intended < 2.5 else 0.0), ended)
    (tally,) = recorder.take().values()
    assert tally.response.count == 5
    assert tally.stalled.count == tally.stalled_at_least.count == 3
    # 1.9 to 2.0; nothing; and 3 s without the second that the stall took and held up.
    assert np.isclose(tally.stalled_at_least.sum_seconds, 0.1 + 0.0 + 2.0)
    assert tally.response_at_least.count == 5
    assert np.isclose(tally.response_at_least.quantile(0.5) or 0.0, 0.1, rtol=0.01)


def test_where_the_generator_never_stood_still_all_is_sure() -> None:
    stalls = Stalls()
    recorder = Recorder(stalls)
    for at in (1.0, 9.0):
        recorder.offer([at])
        recorder.record(Outcome.OK, [at], at, at + 0.1)
        stalls.note(3.0, 3.5)
    (tally,) = recorder.take().values()
    assert tally.stalled.count == 0
    assert tally.response_at_least.counts.tolist() == tally.response.counts.tolist()
