from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.database.rows import EventRows

rows = st.lists(
    st.tuples(
        st.integers(1, 2**62),
        st.integers(1, 100_000),
        st.integers(1, 1_000_000),
        st.integers(0, 4),
        st.integers(0, 19),
        st.floats(1_795_000_000, 1_795_010_000),
    ),
    min_size=1,
    max_size=50,
)


def made(values: list[tuple[int, int, int, int, int, float]]) -> EventRows:
    columns = list(zip(*values, strict=True))
    ids, organizations, users, types, pages = (np.array(column, dtype=np.int64) for column in columns[:5])
    return EventRows(ids, organizations, users, types, pages, np.array(columns[5], dtype=np.float64))


@given(rows, st.sampled_from([5, 60, 3600]))
def test_counts_are_those_of_the_rows(values: list[tuple[int, int, int, int, int, float]], bucket: int) -> None:
    counted = made(values).counted(made(values).types, bucket)
    expected = Counter(
        (org, int(round(at * 1e6) // (bucket * 10**6)) * bucket, kind) for _, org, _, kind, _, at in values
    )
    assert dict(zip(zip(*counted[:3], strict=True), counted[3], strict=True)) == expected
    assert list(zip(*counted[:3], strict=True)) == sorted(expected)


@given(rows)
def test_the_binary_form_has_the_documented_layout(values: list[tuple[int, int, int, int, int, float]]) -> None:
    data = made(values).binary()
    assert data.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    assert data.endswith(b"\xff\xff")
    first = data[19:]
    assert first[:2] == (6).to_bytes(2, "big")
    assert first[2:6] == (8).to_bytes(4, "big")
    assert int.from_bytes(first[6:14], "big") == values[0][0]
    assert len(data) == 19 + 54 * len(values) + 2
