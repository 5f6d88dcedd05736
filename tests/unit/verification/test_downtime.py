import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.downtime import Gap, downtime

LIMIT = 0.25
lengths = st.lists(st.floats(0.011, 3.0), max_size=20)


def found(gaps: list[Gap], mean_gap: float = 0.001) -> tuple[float | None, float | None]:
    result = downtime(gaps, 0.0, 10.0, 100.0, mean_gap, LIMIT)
    return result.longest_seconds, result.total_seconds


@given(lengths, st.randoms())
def test_stretches_that_do_not_touch_are_added_up(durations: list[float], random: object) -> None:
    at, gaps = 11.0, []
    for duration in durations:
        gaps.append((at, at + duration))
        at += duration + 0.5
    random.shuffle(gaps)  # type: ignore[attr-defined]
    longest, total = found(gaps)
    assert longest == pytest.approx(max(durations, default=0.0))
    assert total == pytest.approx(sum(durations))


def test_what_several_workers_suffer_at_once_counts_once() -> None:
    assert found([(20.0, 21.0), (20.5, 21.5), (20.2, 20.4)]) == (1.5, 1.5)


def test_what_is_usual_in_the_baseline_is_no_downtime() -> None:
    usual = [(5.0, 5.2)]
    assert found([*usual, (20.0, 20.1)]) == (0.0, 0.0)
    assert found([*usual, (20.0, 20.3)])[0] == pytest.approx(0.3)


def test_one_that_begins_in_the_baseline_and_outlasts_it_is_not_the_baselines_own() -> None:
    assert found([(9.9, 12.0)])[0] == pytest.approx(2.1)


def test_it_is_cut_off_at_the_end_of_the_load() -> None:
    assert found([(99.0, 200.0)])[0] == pytest.approx(1.0)
    assert found([(100.5, 200.0)]) == (0.0, 0.0)


def test_one_that_is_not_over_at_the_end_says_so() -> None:
    assert downtime([(99.0, 200.0)], 0.0, 10.0, 100.0, 0.001, LIMIT).unfinished
    assert not downtime([(99.0, 99.9)], 0.0, 10.0, 100.0, 0.001, LIMIT).unfinished


@pytest.mark.parametrize(("rate", "known"), [(20.0, False), (21.0, True), (10_000.0, True)])
def test_where_operations_are_rare_it_is_not_known(rate: float, *, known: bool) -> None:
    longest, _ = found([(20.0, 21.0)], 1 / rate)
    assert (longest is not None) is known


def test_the_stretches_are_those_that_count() -> None:
    gaps = [(5.0, 5.02), (20.5, 21.5), (20.0, 21.0), (30.0, 30.015), (40.0, 40.5)]
    assert downtime(gaps, 0.0, 10.0, 100.0, 0.001, LIMIT).stretches == ((20.0, 21.5), (40.0, 40.5))
    assert downtime(gaps, 0.0, 10.0, 100.0, 1.0, LIMIT).stretches == ()
