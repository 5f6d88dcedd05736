import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.keyspace.paging import chunks, entries, ranges, scanned


def all_of(pages: AsyncIterator[Any]) -> list[Any]:
    async def work() -> list[Any]:
        return [page async for page in pages]

    return asyncio.run(work())


@given(st.binary(max_size=20), st.integers(1, 7))
def test_a_string_comes_whole_in_chunks_of_which_only_that_of_an_empty_one_is_empty(value: bytes, size: int) -> None:
    async def ask(command: str, key: bytes, start: int, end: int) -> bytes:
        return value[start : end + 1]

    found = all_of(chunks(ask, b"key", size))
    assert b"".join(found) == value
    assert all(found) if value else found == [b""]
    assert max(map(len, found)) <= size


@pytest.mark.parametrize(("options", "parts"), [((), 1), (("WITHSCORES",), 2)])
@pytest.mark.parametrize("length", [0, 1, 5, 6, 7])
def test_a_range_ends_where_the_elements_do(length: int, options: tuple[str, ...], parts: int) -> None:
    elements = list(range(length))
    asked = []

    async def ask(command: str, key: bytes, start: int, end: int, *options: str) -> list[Any]:
        asked.append(start)
        return [each for each in elements[start : end + 1] for _ in range(parts)]

    found = [each for page in all_of(ranges(ask, "ZRANGE", b"key", 3, *options)) for each in page]
    assert found[::parts] == elements
    assert asked == list(range(0, length + 1, 3))


def test_an_empty_page_is_not_the_last_one_and_nothing_to_look_at() -> None:
    replies: Iterator[list[Any]] = iter([[b"7", [b"a"]], [b"3", []], [b"0", [b"b"]]])

    async def ask(*command: Any) -> list[Any]:
        return next(replies)

    assert all_of(scanned(ask, b"SSCAN", b"key", 10)) == [[b"a"], [b"b"]]


def test_what_went_away_while_it_was_read_ends() -> None:
    replies: Iterator[list[Any]] = iter([[b"7", [b"a"]], []])

    async def ask(*command: Any) -> list[Any]:
        return next(replies)

    assert all_of(scanned(ask, b"SSCAN", b"key", 10)) == [[b"a"]]


def test_entries_go_on_behind_the_last_one() -> None:
    ids = [b"1-0", b"1-18446744073709551615", b"2-0", b"2-1"]
    starts = []

    async def ask(command: str, key: bytes, start: str, *rest: Any) -> list[Any]:
        starts.append(start)
        return [[each, []] for each in ids[2 * (len(starts) - 1) : 2 * len(starts)]]

    assert [each for page in all_of(entries(ask, b"key", 2)) for each, _ in page] == ids
    assert starts == ["-", "2-0", "2-2"]
