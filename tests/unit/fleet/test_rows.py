"""Packed rows beside a plain list of the same rows."""

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.fleet.row import COLUMNS, Label, Row, Second, as_mapping
from redis_rehearsal.fleet.rows import PackedRows, column, since

ROW = Row.of(Second(0), 1_700_000_000.125, Label("load"))
COUNTS = st.integers(0, 2**62)
SOME_SECONDS = st.floats(0, 1e6) | st.none()
ROWS = st.builds(
    lambda queries, hits, p99, cpu, phase, frozen, annotations: replace(
        ROW,
        queries_ok=queries,
        hit_ratio=hits,
        query_response_p99=p99,
        generator_cpu_ratio=cpu,
        phase=phase,
        frozen=frozen,
        annotations=annotations,
    ),
    COUNTS,
    SOME_SECONDS,
    SOME_SECONDS,
    st.floats(0, 1),
    st.sampled_from(["load", "baseline", "cutover"]),
    st.booleans(),
    st.text(max_size=5),
)


def numbered(rows: list[Row]) -> list[Row]:
    return [replace(row, second=place * 2) for place, row in enumerate(rows)]


@given(st.lists(ROWS, max_size=20).map(numbered), st.integers(-25, 25), st.integers(-25, 25), st.integers(-3, 3))
def test_they_are_as_they_were(rows: list[Row], first: int, end: int, step: int) -> None:
    packed = PackedRows(rows)
    assert list(packed) == rows
    assert [packed[place] for place in range(-len(rows), len(rows))] == rows + rows
    for cut in (slice(first, end), slice(first, None), slice(None), slice(first, end, step or None)):
        assert list(packed[cut]) == rows[cut]
        for name in COLUMNS:
            assert packed[cut].column(name) == column(rows[cut], name)
    for second in (first, first + 0.5):
        assert since(packed, second) == len([row for row in rows if row.second < second])


def test_a_slice_keeps_its_bounds_and_shows_what_is_put_anew() -> None:
    packed = PackedRows(replace(ROW, second=number) for number in range(3000))
    some = packed[1000:2100]
    whole = iter(packed)
    packed.append(replace(ROW, second=3000))
    packed[1500] = replace(ROW, second=1500, annotations="late", hit_ratio=0.5)
    packed[-1] = replace(ROW, second=3000, phase="cutover")
    assert [row.second for row in some] == list(range(1000, 2100)) == some.column("second")
    assert some[500].annotations == "late"
    assert some[500].hit_ratio == 0.5
    assert some[499].hit_ratio is None
    assert packed[3000].phase == "cutover"
    assert len(list(whole)) == 3000
    with pytest.raises(IndexError):
        some[1100]
    with pytest.raises(IndexError):
        packed[3001] = ROW


def test_values_keep_their_types() -> None:
    row = replace(ROW, frozen=True, hit_ratio=0.25, queries_ok=7)
    kept = as_mapping(PackedRows([row])[0])
    assert kept == as_mapping(row)
    assert {name: type(value) for name, value in kept.items()} == {
        name: type(value) for name, value in as_mapping(row).items()
    }


def test_a_day_takes_less_than_50_mb() -> None:
    hour = [replace(ROW, second=number, hit_ratio=0.9, phase=f"phase {number % 7}") for number in range(3600)]
    tracemalloc.start()
    try:
        packed = PackedRows(hour)
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(packed) == 3600
    assert 24 * taken_bytes < 50e6
