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


def figures(rows: Sequence[Any], name: str) -> list[Any]:
    """A figure of all rows; None where a saved one lacks it."""
    if isinstance(rows, Rows):
        return rows.column(name)
    return [getattr(row, name) if isinstance(row, Row) else row.get(name) for row in rows]


def thinned(rows: Sequence[Any], most: int) -> list[Any]:
    """Of many seconds those in which most happened: of several that follow each other the slowest and the worst.

    Each is a second as it was; none is a mean of others.

    Args:
        rows: of a timeline, oldest first.
        most: so many stay at most.
    """
    if len(rows) <= most:
        return list(rows)
    width = -(-2 * len(rows) // most)
    starts = np.arange(0, len(rows), width)
    missing = len(starts) * width - len(rows)
    slow = np.array([seconds or 0.0 for seconds in figures(rows, "query_response_p99")] + [-1.0] * missing)
    done = np.array([count or 0 for count in figures(rows, "queries_ok")] + [np.inf] * missing)
    slowest = starts + slow.reshape(-1, width).argmax(axis=1)
    fewest = starts + done.reshape(-1, width).argmin(axis=1)
    return [rows[place] for place in np.union1d(slowest, fewest).tolist()]


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
