from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.keyspace.pieces import format_id, groups, next_id, page_items, parse_id

SIZES = st.lists(st.integers(0, 100), max_size=60)
IDS = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))


@given(SIZES, st.integers(1, 200), st.integers(1, 20))
def test_groups_take_every_item_once_and_in_order_within_the_bounds(sizes: list[int], most: int, items: int) -> None:
    parts = [sizes[part] for part in groups(sizes, most, items)]
    assert [size for part in parts for size in part] == sizes
    for part in parts:
        assert 1 <= len(part) <= items
        assert sum(part) <= most or len(part) == 1


@given(SIZES, st.integers(1, 200), st.integers(1, 20))
def test_groups_are_as_few_as_can_be_in_order(sizes: list[int], most: int, items: int) -> None:
    parts = [sizes[part] for part in groups(sizes, most, items)]
    for part, after in pairwise(parts):
        assert len(part) == items or sum(part) + after[0] > most


@given(st.integers(0, 10**9), st.integers(0, 10**12), st.integers(1, 10**7), st.integers(1, 1000))
def test_a_page_has_an_item_at_least_and_about_a_piece_at_most(length: int, size: int, piece: int, most: int) -> None:
    items = page_items(length, size, piece, most)
    assert 1 <= items <= most
    if length and items > 1:
        assert items * size <= piece * length


@given(IDS)
def test_an_id_survives_being_written(stream_id: tuple[int, int]) -> None:
    assert parse_id(format_id(stream_id).encode()) == stream_id


@given(IDS, IDS)
def test_nothing_is_between_an_id_and_the_next(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert next_id(one) > one
    assert not one < other < next_id(one)
