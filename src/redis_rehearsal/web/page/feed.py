"""What all who look at a run's page are told: made and encoded once, whoever many they are."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis_rehearsal.clock import monotonic
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.web.page.shown import Shown
from redis_rehearsal.web.rows import PIECE_ROWS, figure, plain, thinned
from redis_rehearsal.web.turns import Turns

MOST_VIEWERS: Final = 200
MOST_OLD_ROWS: Final = 2_000
"""So many points of what is older than a screen shows: twice as many as it has columns."""
WHOLE_SECONDS: Final = 900
"""The latest seconds are all there."""
_STATE_SECONDS: Final = 0.9


def event(name: str, content: Any, identity: str | None = None) -> bytes:
    """An event as the stream carries it; https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    lines = [b"event: " + name.encode(), b"data: " + encode(content, 0)]
    if identity is not None:
        lines.insert(0, b"id: " + identity.encode())
    return b"\n".join(lines) + b"\n\n"


class Feed:
    """The events of a run's page.

    Args:
        shown: the run.

    Attributes:
        viewers: how many look now.
        turns: in which they are told something: writing to two hundred at once takes seconds.
    """

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.viewers = 0
        self.turns = Turns()
        self._state = b""
        self._state_seconds = 0.0
        self._state_ended = False
        self._making = asyncio.Lock()
        self._making_rows = asyncio.Lock()
        self._pieces: dict[tuple[str, int, int], bytes] = {}
        self._thinned: tuple[tuple[str, int], Sequence[int]] = (("", 0), ())

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
        parts: list[Sequence[int]] = [range(len(rows))]
        if len(rows) > WHOLE_SECONDS:
            # Where the borders of the pieces stay, many viewers share them.
            border = len(rows) - WHOLE_SECONDS - (len(rows) - WHOLE_SECONDS) % PIECE_ROWS
            parts = [self._thin(name, rows[:border]), range(border, len(rows))]
            await asyncio.sleep(0)
        pieces = []
        async with self._making_rows:  # else all who come at once make the same piece
            for part in parts:
                for start in range(0, len(part), PIECE_ROWS):
                    places = part[start : start + PIECE_ROWS]
                    last = int(figure(rows[places[-1]], "second"))
                    key = name, int(figure(rows[places[0]], "second")), last
                    encoded = self._pieces.get(key)
                    if encoded is None:
                        told = [plain(rows[place]) for place in places]
                        encoded = event("rows", {"run": name, "rows": told}, f"{name}/{last}")
                        if len(places) == PIECE_ROWS:
                            self._keep(key, encoded)
                        # Others have their turn.
                        await asyncio.sleep(0)
                    pieces.append(encoded)
        return pieces, last

    def _thin(self, name: str, rows: Sequence[Any]) -> Sequence[int]:
        key = name, len(rows)
        if self._thinned[0] != key:
            self._thinned = key, thinned(rows, MOST_OLD_ROWS)
        return self._thinned[1]

    def _keep(self, key: tuple[str, int, int], encoded: bytes) -> None:
        most = 2 * (MOST_OLD_ROWS + WHOLE_SECONDS) // PIECE_ROWS
        self._pieces[key] = encoded
        while len(self._pieces) > most:
            del self._pieces[next(iter(self._pieces))]
