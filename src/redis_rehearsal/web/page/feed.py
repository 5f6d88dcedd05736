"""What all who look at a run's page are told: made and encoded once, whoever many they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from time import monotonic
from typing import Any, Final

from redis_rehearsal.report.encoding import encode
from redis_rehearsal.web.page.shown import Shown

MOST_VIEWERS: Final = 200
MOST_OLD_ROWS: Final = 2_000
"""So many points of what is older than a screen shows: twice as many as it has columns."""
WHOLE_SECONDS: Final = 900
"""The latest seconds are all there."""
_PIECE_ROWS: Final = 250
"""So many are encoded at once; what is longer would keep the coordinator from listening to its workers."""
_STATE_SECONDS: Final = 0.9


def event(name: str, content: Any, identity: str | None = None) -> bytes:
    """An event as the stream carries it; https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    lines = [b"event: " + name.encode(), b"data: " + encode(content, 0)]
    if identity is not None:
        lines.insert(0, b"id: " + identity.encode())
    return b"\n".join(lines) + b"\n\n"


def thinned(rows: Sequence[Any], most: int = MOST_OLD_ROWS) -> list[Any]:
    """Of many seconds those in which most happened: of several that follow each other the slowest and the worst.

    Each is a second as it was; none is a mean of others.

    Args:
        rows: of a timeline, oldest first.
        most: so many stay at most.
    """
    if len(rows) <= most:
        return list(rows)
    width = -(-2 * len(rows) // most)
    kept = []
    for start in range(0, len(rows), width):
        bucket = range(start, min(start + width, len(rows)))
        slowest = max(bucket, key=lambda place: cell(rows[place], "query_response_p99") or 0.0)
        fewest = min(bucket, key=lambda place: cell(rows[place], "queries_ok") or 0)
        kept += [rows[place] for place in sorted({slowest, fewest})]
    return kept


def cell(row: Any, name: str) -> Any:
    """A figure of a row; None where a saved one lacks it."""
    return row.get(name) if isinstance(row, dict) else getattr(row, name)


def plain(row: Any) -> dict[str, Any]:
    """A row as JSON holds it."""
    return row if isinstance(row, dict) else asdict(row)


class Feed:
    """The events of a run's page.

    Args:
        shown: the run.

    Attributes:
        viewers: how many look now.
    """

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.viewers = 0
        self._state = b""
        self._state_seconds = 0.0
        self._state_ended = False
        self._making = asyncio.Lock()
        self._pieces: dict[tuple[str, int, int], bytes] = {}
        self._thinned: tuple[tuple[str, int], list[Any]] = (("", 0), [])

    async def state(self) -> bytes:
        """How things are now; those who ask within a second are told the same."""
        async with self._making:
            ended = self.shown.ended
            if not self._state or ended != self._state_ended or monotonic() - self._state_seconds > _STATE_SECONDS:
                self._state = event("state", await self.shown.state())
                self._state_seconds, self._state_ended = monotonic(), ended
            return self._state

    async def rows(self, last: int) -> tuple[list[bytes], int]:
        """The rows later than a second, in pieces, and the last second of them; what is long ago is thinned.

        Args:
            last: the second.
        """
        name = self.shown.name
        rows = self.shown.rows_after(last)
        if len(rows) > WHOLE_SECONDS:
            # Where the borders of the pieces stay, many viewers share them.
            border = len(rows) - WHOLE_SECONDS - (len(rows) - WHOLE_SECONDS) % _PIECE_ROWS
            rows = [*self._thin(name, rows[:border]), *rows[border:]]
        pieces = []
        for start in range(0, len(rows), _PIECE_ROWS):
            piece = rows[start : start + _PIECE_ROWS]
            first, end = int(cell(piece[0], "second")), int(cell(piece[-1], "second"))
            key = name, first, end
            encoded = self._pieces.get(key)
            if encoded is None:
                encoded = event("rows", {"run": name, "rows": [plain(row) for row in piece]}, f"{name}/{end}")
                if len(piece) == _PIECE_ROWS:
                    self._keep(key, encoded)
                # Others have their turn.
                await asyncio.sleep(0)
            pieces.append(encoded)
            last = end
        return pieces, last

    def _thin(self, name: str, rows: Sequence[Any]) -> list[Any]:
        key = name, len(rows)
        if self._thinned[0] != key:
            self._thinned = key, thinned(rows)
        return self._thinned[1]

    def _keep(self, key: tuple[str, int, int], encoded: bytes) -> None:
        most = 2 * (MOST_OLD_ROWS + WHOLE_SECONDS) // _PIECE_ROWS
        self._pieces[key] = encoded
        while len(self._pieces) > most:
            del self._pieces[next(iter(self._pieces))]
