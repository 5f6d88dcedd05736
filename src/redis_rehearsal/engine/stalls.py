"""When the generator itself stood still, and how much of a stretch without an answer that explains."""

from typing import Final, NamedTuple

LEAST_STALL_SECONDS: Final = 0.005
"""A wake-up that is later than this is the generator's own fault, and not the machine's usual lateness."""
_KEPT_SECONDS: Final = 10.0


class Gap(NamedTuple):
    """A stretch without an ok operation while one was due, held or in flight; on the monotonic clock.

    Attributes:
        start: from the last ok operation, or from when one was due since.
        end: the next ok operation, or when it was looked at last.
        stalled_seconds: for so long of it the generator itself stood still, so that nobody can tell.
    """

    start: float
    end: float
    stalled_seconds: float = 0.0


class Stalls:
    """The stretches in which a worker did not wake up on time.

    Attributes:
        untaken: those that were noted since they were last taken, as start and end on the monotonic clock.
    """

    def __init__(self) -> None:
        self.untaken: list[tuple[float, float]] = []
        self._kept: list[tuple[float, float]] = []

    def note(self, due_seconds: float, woke_seconds: float) -> None:
        """A wake-up that was due at a time came at another."""
        if woke_seconds - due_seconds > LEAST_STALL_SECONDS:
            # Several timers tell of one stall.
            start = max(due_seconds, self._kept[-1][1] if self._kept else due_seconds)
            if start < woke_seconds:
                self._kept.append((start, woke_seconds))
                self.untaken.append((start, woke_seconds))

    def take(self) -> list[tuple[float, float]]:
        """Hand over what was noted since the last time."""
        taken, self.untaken = self.untaken, []
        return taken

    def within(self, start: float, end: float) -> float:
        """For how many seconds of a stretch the generator stood still."""
        return sum(max(0.0, min(end, until) - max(start, since)) for since, until in self._kept)

    def forget_before(self, seconds: float) -> None:
        """No gap that is still to come begins before a time."""
        oldest = min(seconds, self._kept[-1][1] - _KEPT_SECONDS) if self._kept else seconds
        self._kept = [stall for stall in self._kept if stall[1] >= oldest]
