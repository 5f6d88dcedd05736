import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Gap, Stalls
from redis_rehearsal.verification.downtime import Downtime, Span, downtime
from redis_rehearsal.verification.rates import Rates

LIMIT = 0.25
BASELINE = (0.0, 10.0)
lengths = st.lists(st.floats(0.011, 3.0), max_size=20)


def judged(
    *gaps: Span | Gap, window: Span = (10.0, 100.0), rate: float = 1_000.0, rates: Rates | None = None
) -> Downtime:
    return downtime([Gap(*gap) for gap in gaps], BASELINE, [window], rates or Rates.steady(rate), LIMIT)


def found(*gaps: Span | Gap) -> tuple[float | None, float | None]:
    result = judged(*gaps)
    return result.longest_seconds, result.total_seconds


@given(lengths, st.randoms())
def test_stretches_that_do_not_touch_are_added_up(durations: list[float], random: object) -> None:
    at, gaps = 11.0, []
    for duration in durations:
        gaps.append((at, at + duration))
        at += duration + 0.5
    random.shuffle(gaps)  # type: ignore[attr-defined]
    longest, total = found(*gaps)
    assert longest == pytest.approx(max(durations, default=0.0))
    assert total == pytest.approx(sum(durations))


def test_what_several_workers_suffer_at_once_counts_once() -> None:
    assert found((20.0, 21.0), (20.5, 21.5), (20.2, 20.4)) == (1.5, 1.5)


def test_a_stretch_that_ends_with_an_answer_has_ended() -> None:
    assert judged((20.0, 20.1), (20.1, 20.2), (20.2, 20.3)).stretches == ((20.0, 20.1), (20.1, 20.2), (20.2, 20.3))
    # Also where another worker is in one of its own: they are united where they have a moment in common.
    chain = [(20.0 + place / 8, 20.125 + place / 8) for place in range(50)]
    others = [(start + 0.0625, end + 0.0625) for start, end in chain]
    longest, total = found(*chain, *others)
    assert longest == pytest.approx(0.1875)
    assert total == pytest.approx(6.3125)


def test_a_latency_is_no_downtime() -> None:
    """An operation due each 20 ms, each answered after 100 ms: an answer comes every 20 ms."""
    recorder = Recorder(Stalls())
    due = [100.0 + number * 0.02 for number in range(100)]
    happenings = sorted([(at, 0, at) for at in due] + [(at + 0.1, 1, at) for at in due])
    for at, answered, intended in happenings:
        if answered:
            recorder.record(Outcome.OK, [intended], intended, at)
        else:
            recorder.offer([intended])
    gaps = recorder.take_gaps()
    longest = downtime(gaps, (90.0, 95.0), [(95.0, 110.0)], Rates.steady(50.0), LIMIT).longest_seconds
    assert longest == pytest.approx(0.1)


def test_what_is_usual_in_the_baseline_is_no_downtime() -> None:
    usual = (5.0, 5.1)
    assert found(usual, (20.0, 20.05)) == (0.0, 0.0)
    assert found(usual, (20.0, 20.3))[0] == pytest.approx(0.3)


def test_a_disturbed_baseline_hides_nothing() -> None:
    assert found((5.0, 5.4), (20.0, 20.3))[0] == pytest.approx(0.3)
    assert judged((5.0, 5.4)).baseline_seconds == pytest.approx(0.4)


def test_one_that_begins_in_the_baseline_and_outlasts_it_is_not_the_baselines_own() -> None:
    assert found((9.9, 12.0))[0] == pytest.approx(2.1)


def test_it_is_cut_off_at_the_end_of_what_is_judged() -> None:
    assert found((99.0, 200.0))[0] == pytest.approx(1.0)
    assert found((100.5, 200.0)) == (0.0, 0.0)


def test_one_that_reaches_from_one_window_into_the_next_is_known_to_both() -> None:
    gap = (29.8, 30.2)
    assert judged(gap, window=(10.0, 30.0)).longest_seconds == pytest.approx(0.2)
    assert judged(gap, window=(30.0, 100.0)).longest_seconds == pytest.approx(0.4)
    assert judged((29.0, 29.5), window=(30.0, 100.0)).longest_seconds == 0.0
    assert judged((30.5, 31.0), window=(10.0, 30.0)).longest_seconds == 0.0


def test_of_several_windows_what_lies_between_is_left_out() -> None:
    gaps = [Gap(11.0, 11.5), Gap(15.0, 18.0), Gap(19.9, 21.0), Gap(28.0, 28.4)]
    result = downtime(gaps, BASELINE, [(10.0, 12.0), (20.0, 28.2)], Rates.steady(1_000.0), LIMIT)
    assert result.stretches == ((11.0, 11.5), (19.9, 21.0), (28.0, 28.2))
    assert result.total_seconds == pytest.approx(1.8)
    assert result.unfinished


def test_one_that_is_not_over_at_the_end_says_so() -> None:
    assert judged((99.0, 200.0)).unfinished
    assert not judged((99.0, 99.9)).unfinished
    assert judged((98.0, 100.0), (99.9, 99.95)).unfinished


@pytest.mark.parametrize(("rate", "known"), [(20.0, False), (21.0, True), (10_000.0, True)])
def test_where_operations_are_rare_only_a_long_one_is_sure(rate: float, *, known: bool) -> None:
    assert (judged((20.0, 20.1), rate=rate).longest_seconds is not None) is known
    rare = judged((20.0, 20.4), rate=20.0)
    assert (rare.longest_seconds, rare.longest_at_least_seconds) == (None, 0.0)
    assert judged((20.0, 25.0), rate=20.0).longest_at_least_seconds == pytest.approx(5.0)


SLOWER_FOR_A_WHILE = Rates(((0.0, 400.0), (40.0, 0.5), (50.0, 400.0)))


def test_where_operations_were_rare_for_a_while_only_a_long_one_is_sure() -> None:
    rare = judged((20.0, 20.06), rates=SLOWER_FOR_A_WHILE)
    assert rare.longest_seconds is None
    assert rare.longest_at_least_seconds == pytest.approx(0.06)
    # One was due in it, or two: it may be that a server answered all the time but once.
    assert judged((43.0, 44.2), rates=SLOWER_FOR_A_WHILE).longest_at_least_seconds == 0.0
    # While more are due it is as sure as it would be at that rate.
    assert judged((20.0, 20.3), rates=SLOWER_FOR_A_WHILE).longest_at_least_seconds == pytest.approx(0.3)
    assert judged((39.5, 41.0), rates=SLOWER_FOR_A_WHILE).longest_at_least_seconds == pytest.approx(1.5)
    assert judged((43.0, 44.2), (60.0, 60.3), rates=SLOWER_FOR_A_WHILE).longest_at_least_seconds == pytest.approx(0.3)


@pytest.mark.parametrize(("window", "known"), [((10.0, 40.0), True), ((10.0, 40.1), False), ((60.0, 100.0), False)])
def test_what_was_asked_for_after_a_window_is_nothing_to_it(window: Span, *, known: bool) -> None:
    assert (judged((20.0, 20.1), window=window, rates=SLOWER_FOR_A_WHILE).longest_seconds is not None) is known


def test_a_load_that_was_slower_before_the_baseline_is_nothing_to_it() -> None:
    assert judged(rates=Rates(((-9.0, 0.0), (0.0, 400.0)))).longest_seconds == 0.0
    assert judged(rates=Rates(((-9.0, 0.0), (0.1, 400.0)))).longest_seconds is None


def slept(start: float, end: float, sure_seconds: float) -> Gap:
    """A gap of which only the beginning was seen."""
    return Gap(start, end, ((start + sure_seconds, end),) if sure_seconds < end - start else ())


def test_what_the_generator_itself_slept_through_is_not_sure() -> None:
    result = judged(slept(20.0, 20.8, 0.001))
    assert result.longest_seconds == pytest.approx(0.8)
    assert result.longest_at_least_seconds == pytest.approx(0.001)
    # What is left of it stands, as far as it is in one piece: in between there may have been an answer.
    assert judged(slept(20.0, 22.0, 1.7)).longest_at_least_seconds == pytest.approx(1.7)
    both = judged(slept(20.0, 21.0, 0.1), Gap(20.5, 21.5))
    assert both.longest_at_least_seconds == pytest.approx(1.0)
    assert both.longest_seconds == pytest.approx(1.5)
    # Nor does a stall of the generator in the baseline make it a disturbed one.
    assert judged(slept(5.0, 5.8, 0.0)).baseline_seconds == 0.0


def test_the_stretches_are_those_that_count() -> None:
    gaps = [(5.0, 5.02), (20.5, 21.5), (20.0, 21.0), (30.0, 30.015), (40.0, 40.5)]
    assert judged(*gaps).stretches == ((20.0, 21.5), (40.0, 40.5))
    assert judged(*gaps, rate=1.0).stretches == ()


workers = st.lists(
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.011, 1.0), st.floats(0.0, 1.0)), max_size=8), max_size=3
)


def made(workers_gaps: list[list[tuple[float, float, float]]]) -> list[Gap]:
    gaps = []
    for worker in workers_gaps:
        at = 11.0
        for pause, length, stalled_share in worker:
            gaps.append(slept(at + pause, at + pause + length, stalled_share * length))
            at += pause + length
    return gaps


@given(workers)
def test_bounds_hold_what_any_tenants_suffered_at_one_time(
    workers_gaps: list[list[tuple[float, float, float]]],
) -> None:
    gaps = made(workers_gaps)
    result = judged(*gaps)
    # Naively: at the beginning of each gap, from the first start to the last end of those that go on then.
    truth = 0.0
    for moment in (gap.start for gap in gaps):
        open_then = [gap for gap in gaps if gap.start <= moment < gap.end]
        truth = max(truth, max(gap.end for gap in open_then) - min(gap.start for gap in open_then))
    assert result.longest_seconds == pytest.approx(truth)
    assert result.longest_at_least_seconds <= truth + 1e-9
    assert all(start < end for start, end in result.stretches)


@given(workers, st.floats(11.0, 20.0), st.floats(0.02, 3.0))
def test_one_more_gap_never_makes_it_shorter(
    workers_gaps: list[list[tuple[float, float, float]]], at: float, length: float
) -> None:
    gaps = made(workers_gaps)
    before, after = judged(*gaps), judged(*gaps, Gap(at, at + length))
    assert (after.longest_seconds or 0.0) >= (before.longest_seconds or 0.0) - 1e-9
    assert after.longest_at_least_seconds >= before.longest_at_least_seconds - 1e-9
