from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.recovery import Measures, recovery


def seconds(*values: float | None) -> list[Measures]:
    return [{"failed": value} for value in values]


def after(*values: float | None, baseline: list[Measures] | None = None) -> float | None:
    return recovery(baseline or seconds(10, 9, 8), seconds(*values)).seconds


def test_never_left_is_zero() -> None:
    assert after(10, 12, 11, 9) == 0.0


def test_it_is_back_with_the_first_of_three_seconds_running() -> None:
    assert after(50, 9, 50, 9, 9, 9) == 3.0
    assert after(9, 9, 9, 50, 9, 9, 9) == 4.0


def test_an_observation_that_ends_before_is_not_known() -> None:
    assert after(50, 9, 9) is None
    assert after(9, 9) is None
    assert after() is None


def test_a_second_in_which_nothing_was_answered_is_not_as_before() -> None:
    assert after(None, 9, 9, 9) == 1.0


def test_a_baseline_that_is_too_short_proves_nothing() -> None:
    found = recovery(seconds(1, 1), seconds(1, 1, 1))
    assert found.seconds is None
    assert "baseline" in found.reason


def test_a_p99_that_nobody_notices_is_as_before() -> None:
    baseline: list[Measures] = [{"p99": 0.001}] * 3
    assert recovery(baseline, [{"p99": 0.009}] * 3).seconds == 0.0
    assert recovery(baseline, [{"p99": 0.011}] * 3).seconds is None


@given(st.lists(st.floats(0, 100), min_size=3, max_size=20), st.lists(st.floats(0, 200), max_size=30))
def test_what_is_said_to_be_back_stayed_for_three_seconds(before: list[float], later: list[float]) -> None:
    bound = max(before) * 1.2
    found = after(*later, baseline=seconds(*before))
    if found is None:
        assert not all(value <= bound for value in later) or len(later) < 3
    elif found:
        start = int(found)
        assert all(value <= bound for value in later[start : start + 3])
        assert any(value > bound for value in later[:start])
    else:
        assert all(value <= bound for value in later)


def test_each_measure_must_be_back() -> None:
    baseline: list[Measures] = [{"failed": 0.0, "misses": 0.1}] * 3
    slow: Measures = {"failed": 0.0, "misses": 0.5}
    late: list[Measures] = [{"failed": 5.0, "misses": 0.1}, slow, slow, slow, slow]
    found = recovery(baseline, late)
    assert found.measures == {"failed": 1.0, "misses": None}
    assert found.seconds is None
    assert "misses" in found.reason
