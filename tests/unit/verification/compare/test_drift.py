from statistics import median_low

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.compare.drift import Drift

APART = st.lists(st.integers(-10, 10**9), max_size=30)


def drift_of(found: list[int]) -> Drift:
    drift = Drift()
    for apart_ms in found:
        drift.add(apart_ms)
    return drift


@given(APART, APART)
def test_it_is_count_median_and_largest_of_what_is_apart(one: list[int], other: list[int]) -> None:
    found = [apart for apart in one + other if apart > 0]
    drift = drift_of(one)
    drift.merge(drift_of(other))
    assert drift.document()["count"] == len(found)
    if not found:
        assert (drift.median_seconds, drift.max_seconds) == (None, None)
        return
    assert drift.max_seconds == max(found) / 1000
    middle = median_low(found) / 1000
    assert drift.median_seconds is not None
    assert 0.99 * middle <= drift.median_seconds <= middle


def test_memory_does_not_grow_with_the_number_of_keys() -> None:
    assert len(drift_of(list(range(1_000_000))).counts) < 5_000
