"""Increments that wait to be sent: their organisation is held, or a server refused them."""

from bisect import bisect_left
from collections import deque
from typing import Final

from redis_rehearsal.cache.server import Server
from redis_rehearsal.engine.increments import IncrementBlock

_LEAST_PAUSE_SECONDS: Final = 0.005
_MOST_PAUSE_SECONDS: Final = 0.05
"""A server that goes on refusing is asked this seldom."""
_PROBE: Final = 64
"""So many are sent to a server that refused, to see whether it still does."""
_MOST_AT_ONCE: Final = 2_000
"""To one that does not."""
_HELD: Final = "held"

_Entry = tuple[IncrementBlock, str, bool]
"""What waits, the code of the last refusal, and whether it was sent before."""


class Waiting:
    """What waits, oldest first.

    To a server that refuses, a few are sent at growing intervals; once it takes them, or the route leads elsewhere, all
    follow. So a server that refuses for long is not loaded with refusals, nor is the generator.

    Attributes:
        count: how many increments wait.
    """

    def __init__(self) -> None:
        self.count = 0
        self._entries: deque[_Entry] = deque()
        self._refusing: set[Server] = set()
        self._pause_seconds = _LEAST_PAUSE_SECONDS
        self._next_seconds = 0.0

    @property
    def tenants(self) -> set[int]:
        """Tenants of which some wait."""
        return {tenant for block, *_ in self._entries for tenant in block.drawn.tenants.tolist()}

    def hold(self, block: IncrementBlock, *, again: bool) -> None:
        """Keep what may not be sent now."""
        self._entries.append((block, _HELD, again))
        self.count += len(block.intended)

    def refuse(self, block: IncrementBlock, code: str, server: Server, *, again: bool) -> None:
        """Keep what a server refused with a code, and so did not apply; `again` where not for the first time."""
        # What waited before is older than what else waits.
        (self._entries.appendleft if again else self._entries.append)((block, code, True))
        self.count += len(block.intended)
        self._refusing.add(server)

    def is_taken_by(self, server: Server) -> None:
        """A server takes increments."""
        if self._refusing:
            self._refusing.discard(server)
            self._pause_seconds = _LEAST_PAUSE_SECONDS

    def take_overdue(self, before_seconds: float) -> list[tuple[IncrementBlock, str]]:
        """Take out what was due before a time, with the code of its last refusal."""
        overdue: list[tuple[IncrementBlock, str]] = []
        kept: deque[_Entry] = deque()
        for block, code, again in self._entries:
            late = bisect_left(block.intended, before_seconds)
            if late:
                overdue.append((block.chosen(list(range(late))), code))
                self.count -= late
            if late < len(block.intended):
                kept.append((block.chosen(list(range(late, len(block.intended)))) if late else block, code, again))
        self._entries = kept
        return overdue

    def take(self, now_seconds: float, server: Server | None) -> list[tuple[IncrementBlock, bool]]:
        """Take out what may be sent now, and whether each was sent before.

        Args:
            now_seconds: on the monotonic clock.
            server: to which all of it would go; None where tenants differ.
        """
        if now_seconds < self._next_seconds:
            return []
        refusing = bool(self._refusing) and (server is None or server in self._refusing)
        room = _PROBE if refusing else _MOST_AT_ONCE
        self._next_seconds = now_seconds + (self._pause_seconds if refusing else _LEAST_PAUSE_SECONDS)
        if refusing:
            self._pause_seconds = min(_MOST_PAUSE_SECONDS, 2 * self._pause_seconds)
        taken: list[tuple[IncrementBlock, bool]] = []
        while self._entries and room > 0:
            block, code, again = self._entries.popleft()
            size = len(block.intended)
            if size > room:
                self._entries.appendleft((block.chosen(list(range(room, size))), code, again))
                block, size = block.chosen(list(range(room))), room
            room -= size
            self.count -= size
            taken.append((block, again))
        return taken
