"""How values are cut into pieces, and stream ids: pure."""

from collections.abc import Iterator, Sequence
from typing import Final

_MAX_SEQUENCE: Final = 2**64 - 1
StreamId = tuple[int, int]


def groups(sizes: Sequence[int], most_bytes: int, most_items: int) -> Iterator[slice]:
    """Cut a sequence, in order, into parts that are bounded, each with at least one item.

    Args:
        sizes: of the items, in bytes.
        most_bytes: in one part; only a single item may be larger.
        most_items: in one part.
    """
    start = total = 0
    for number, size in enumerate(sizes):
        if number > start and (total + size > most_bytes or number - start >= most_items):
            yield slice(start, number)
            start, total = number, 0
        total += size
    if start < len(sizes):
        yield slice(start, len(sizes))


def page_items(length: int, value_bytes: int, piece_bytes: int, most_items: int) -> int:
    """How many of a value's items to read at once so that about a piece comes.

    Args:
        length: items in the value.
        value_bytes: size of all of it.
        piece_bytes: size of a piece.
        most_items: at once.
    """
    return max(1, min(most_items, piece_bytes * length // max(1, value_bytes)))


def parse_id(text: bytes) -> StreamId:
    """A stream's id as numbers, which can be compared."""
    milliseconds, _, sequence = text.partition(b"-")
    return int(milliseconds), int(sequence or 0)


def format_id(stream_id: StreamId) -> str:
    """A stream's id as servers write it."""
    return f"{stream_id[0]}-{stream_id[1]}"


def next_id(stream_id: StreamId) -> StreamId:
    """The least id above another."""
    milliseconds, sequence = stream_id
    return (milliseconds + 1, 0) if sequence == _MAX_SEQUENCE else (milliseconds, sequence + 1)
