"""Rows of a timeline as the page and the API hand them on: of a run that goes on, or of a saved one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import numpy as np
from starlette.responses import Response, StreamingResponse

from redis_rehearsal.fleet.row import Row, as_mapping
from redis_rehearsal.fleet.rows import Rows
from redis_rehearsal.report.encoding import encode

PIECE_ROWS: Final = 250
"""So many are encoded at once; what is longer would keep the coordinator from listening to its workers."""


def plain(row: Any) -> dict[str, Any]:
    """A row as JSON holds it."""
    return as_mapping(row) if isinstance(row, Row) else row


def figure(row: Any, name: str) -> Any:
    """A figure of a row; None where a saved one lacks it."""
    return getattr(row, name) if isinstance(row, Row) else row.get(name)


def thinned(rows: Sequence[Any], most: int) -> Sequence[int]:
    """Where of many seconds those are in which most happened: of several that follow each other the slowest and worst.

    Each is a second as it was; none is a mean of others. They are not made here, since that takes as long as all else.

    Args:
        rows: of a timeline, oldest first.
        most: so many stay at most; 2 or more.
    """
    if len(rows) <= most:
        return range(len(rows))
    width = -(-len(rows) // (most // 2))
    starts = np.arange(0, len(rows), width)
    missing = len(starts) * width - len(rows)
    slow = np.append(_numbers(rows, "query_response_p99"), [-1.0] * missing)
    done = np.append(_numbers(rows, "queries_ok"), [np.inf] * missing)
    slowest = starts + slow.reshape(-1, width).argmax(axis=1)
    fewest = starts + done.reshape(-1, width).argmin(axis=1)
    found: list[int] = np.union1d(slowest, fewest).tolist()
    return found


def _numbers(rows: Sequence[Any], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = rows.numbers(name) if isinstance(rows, Rows) else [figure(row, name) or 0 for row in rows]
    return np.nan_to_num(np.asarray(values, np.float64))


def answer_rows(rows: Sequence[Any]) -> Response:
    """A JSON array of rows, a line each; sent in pieces, between which others have their turn."""
    return StreamingResponse(_pieces(rows), media_type="application/json")


async def _pieces(rows: Sequence[Any]) -> AsyncIterator[bytes]:
    between = b"["
    for start in range(0, len(rows), PIECE_ROWS):
        yield between + b",\n".join(encode(plain(row), 0) for row in rows[start : start + PIECE_ROWS])
        between = b",\n"
        await asyncio.sleep(0)
    yield b"]\n" if rows else b"[]\n"
