import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.telemetry.histogram import BUCKETS, HIGHEST_NANOSECONDS, Histogram

durations = st.lists(st.floats(0, 3600, allow_subnormal=False), min_size=1, max_size=400)
ratios = st.floats(0, 1)


def filled(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.record(values)
    return histogram


@given(durations, ratios)
def test_a_quantile_is_never_below_the_true_one_and_at_most_0_8_percent_above(
    values: list[float], ratio: float
) -> None:
    rank = max(1, int(np.ceil(ratio * len(values) - 1e-9)))
    true = sorted(values)[rank - 1]
    found = filled(values).quantile(ratio)
    assert found is not None
    assert true - 1e-9 <= found <= true * 1.008 + 2e-9


@given(durations, st.data())
def test_quantiles_agree_with_hdrhistogram(values: list[float], data: st.DataObject) -> None:
    oracle = HdrHistogram(1, HIGHEST_NANOSECONDS, 3)
    for value in values:
        assert oracle.record_value(max(1, round(value * 1e9)))
    histogram = filled(values)
    # At whole ranks: between them the two round differently, hdrhistogram to the nearest, this one up.
    rank = data.draw(st.integers(1, len(values)))
    expected = oracle.get_value_at_percentile(100 * rank / len(values)) / 1e9
    found = histogram.quantile(rank / len(values))
    assert found is not None
    assert abs(found - expected) <= 0.01 * expected + 2e-9


@given(st.lists(durations, min_size=1, max_size=5))
def test_merging_is_the_same_as_recording_all_in_one(parts: list[list[float]]) -> None:
    merged = Histogram()
    for part in parts:
        merged.merge(filled(part))
    whole = filled([value for part in parts for value in part])
    assert np.array_equal(merged.counts, whole.counts)
    assert merged.max_seconds == whole.max_seconds
    assert merged.count == sum(map(len, parts))


@given(st.lists(st.tuples(st.floats(0, 7200), st.integers(1, 9)), max_size=50))
def test_recording_with_counts_is_the_same_as_recording_each(spans: list[tuple[float, int]]) -> None:
    at_once, one_by_one = Histogram(), filled([seconds for seconds, count in spans for _ in range(count)])
    at_once.record_many([seconds for seconds, _ in spans], [count for _, count in spans])
    assert np.array_equal(at_once.counts, one_by_one.counts)
    assert (at_once.max_seconds, at_once.clipped) == (one_by_one.max_seconds, one_by_one.clipped)
    assert at_once.sum_seconds == pytest.approx(one_by_one.sum_seconds)


@given(durations)
def test_survives_the_way_between_processes(values: list[float]) -> None:
    histogram = filled(values)
    twin = Histogram.unpacked(histogram.packed())
    assert np.array_equal(twin.counts, histogram.counts)
    assert (twin.sum_seconds, twin.max_seconds) == (histogram.sum_seconds, histogram.max_seconds)


@given(durations, st.floats(1e-6, 3600))
def test_cumulative_counts_hold_nothing_longer_than_the_bound(values: list[float], bound: float) -> None:
    count = filled(values).count_at_most(bound)
    assert count <= sum(value <= bound + 1e-9 for value in values)
    assert count >= sum(value <= bound * 0.992 - 1e-9 for value in values)


def test_longer_than_an_hour_is_kept_and_counted() -> None:
    histogram = filled([7200.0])
    assert histogram.clipped == 1
    assert histogram.max_seconds == 7200.0
    assert histogram.counts[BUCKETS - 1] == 1


def test_a_negative_duration_counts_as_none() -> None:
    assert filled([-1e-6]).counts[0] == 1


def test_nothing_recorded_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None


def test_few_and_many_values_fill_alike() -> None:
    values = np.random.default_rng(1).exponential(0.001, 1000)
    one_by_one = Histogram()
    for value in values:
        one_by_one.record([value])
    assert np.array_equal(one_by_one.counts, filled(values.tolist()).counts)


@given(durations)
def test_the_percentiles_are_the_quantiles_and_come_ever_closer(values: list[float]) -> None:
    histogram = filled(values)
    found = histogram.percentiles()
    expected = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6]
    assert [ratio for ratio, _, _ in found[:-1]][:8] == expected[: len(found) - 1]
    for ratio, seconds, count in found[:-1]:
        assert seconds == histogram.quantile(ratio)
        assert count >= ratio * len(values) - 1e-6
    assert found[-1] == (1.0, histogram.max_seconds, len(values))
    assert [each[0] for each in found] == sorted({each[0] for each in found})
    assert Histogram().percentiles() == []
