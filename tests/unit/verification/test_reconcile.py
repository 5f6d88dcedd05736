import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.engine.ledger import UNKNOWN_BASELINE
from redis_rehearsal.verification.reconcile import reconcile

Counter = tuple[int, int, int, int, int, int]
"""Baseline, acknowledged, unknown and applied, unknown and not applied, removed, added behind our back."""
small = st.integers(0, 50)
counters = st.lists(st.tuples(small, small, small, small, small, small), min_size=1, max_size=30)


def arrays(rows: list[Counter]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    baseline, acknowledged, applied, not_applied, removed, added = np.array(rows, dtype=np.int64).T
    final = np.maximum(0, baseline + acknowledged + applied - removed + added)
    return baseline, acknowledged, acknowledged + applied + not_applied, final


@given(counters)
def test_the_bounds_hold_what_really_happened(rows: list[Counter]) -> None:
    # Removing and adding on one counter cancel out; what counts is what remains.
    rows = [(b, a, u, n, max(0, r - d), max(0, d - r)) for b, a, u, n, r, d in rows]
    rows = [(b, a, u, n, min(r, b + a + u), d) for b, a, u, n, r, d in rows]
    found = reconcile(*arrays(rows))
    removed, added = sum(row[4] for row in rows), sum(row[5] for row in rows)
    assert found.lost <= removed
    assert found.duplicated <= added
    # Unknown writes that were not applied are missing too, without anything having been lost.
    assert found.lost_at_most >= removed - sum(min(row[4], row[2]) for row in rows)
    assert found.duplicated_at_most >= added - sum(min(row[3], row[5]) for row in rows)
    assert found.lost_at_most - found.lost <= found.unknown
    assert found.duplicated_at_most - found.duplicated <= found.unknown


@given(counters)
def test_without_unknown_writes_the_figures_are_exact(rows: list[Counter]) -> None:
    rows = [(b, a, 0, 0, min(r, b + a), 0) for b, a, _, _, r, _ in rows]
    found = reconcile(*arrays(rows))
    assert found.lost == found.lost_at_most == sum(row[4] for row in rows)
    assert found.duplicated == found.duplicated_at_most == 0


@given(counters)
def test_what_is_fine_is_said_to_be_fine(rows: list[Counter]) -> None:
    rows = [(b, a, u, n, 0, 0) for b, a, u, n, _, _ in rows]
    found = reconcile(*arrays(rows))
    assert found.lost == found.duplicated == 0
    assert found.worst == []


def test_five_lost_are_not_hidden_by_five_unknown_ones_that_were_applied() -> None:
    found = reconcile(*(np.array([[value]]) for value in (0, 100, 105, 100)))
    assert (found.lost, found.lost_at_most) == (0, 5)


def test_one_counter_lost_does_not_make_up_for_another_duplicated() -> None:
    found = reconcile(np.zeros((1, 2), int), np.array([[10, 10]]), np.array([[10, 10]]), np.array([[7, 13]]))
    assert (found.lost, found.duplicated) == (3, 3)
    assert [tuple(each) for each in found.worst] == [(0, 3, 0, 0, 0, 10, 0, 0, 7), (1, 0, 3, 0, 0, 10, 0, 0, 13)]


def test_a_counter_that_was_never_touched_is_compared_too() -> None:
    found = reconcile(np.array([[5]]), np.array([[0]]), np.array([[0]]), np.array([[0]]))
    assert (found.counters, found.lost) == (1, 5)


def test_an_unknown_baseline_makes_no_claim() -> None:
    found = reconcile(np.array([[UNKNOWN_BASELINE]]), np.array([[9]]), np.array([[9]]), np.array([[0]]))
    assert (found.counters, found.unverified_counters, found.lost) == (0, 1, 0)


def test_values_that_could_not_be_read_make_no_claim() -> None:
    found = reconcile(np.array([[0, 0]]), np.array([[9, 1]]), np.array([[9, 2]]), None)
    assert (found.counters, found.unverified_counters) == (0, 2)
    assert (found.acknowledged, found.unknown) == (10, 1)


@given(counters, st.data())
def test_missing_is_stranded_as_far_as_it_can_be_and_lost_beyond(rows: list[Counter], data: st.DataObject) -> None:
    rows = [(b, a, u, n, min(r, b + a), 0) for b, a, u, n, r, _ in rows]
    baseline, acknowledged, possible, final = arrays(rows)
    late = np.array([data.draw(st.integers(0, row[1])) for row in rows])
    plain, split = (reconcile(baseline, acknowledged, possible, final, stranded) for stranded in (None, late))
    assert split.lost + split.stranded == plain.lost
    assert split.lost_at_most + split.stranded_at_most == plain.lost_at_most
    assert split.stranded <= int(late.sum())
    assert split.duplicated == plain.duplicated
