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
        sure_seconds: the longest part of it in which the generator did not stand still: in a stall there may have been
            an answer that nobody took. None for all of it.
    """

    start: float
    end: float
    sure_seconds: float | None = None

    @property
    def seconds(self) -> float:
        """How long it was at most."""
        return self.end - self.start

    @property
    def at_least_seconds(self) -> float:
        """How long it was for sure."""
        return self.seconds if self.sure_seconds is None else self.sure_seconds

    def clipped(self, start: float, end: float) -> "Gap":
        """What of it lies between two times; of what is sure no more than must lie there."""
        inside = Gap(max(self.start, start), min(self.end, end))
        if self.sure_seconds is None:
            return inside
        outside = self.seconds - inside.seconds
        return inside._replace(sure_seconds=max(0.0, self.sure_seconds - outside))


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

    def gap(self, start: float, end: float, written: float | None = None) -> Gap:
        """A gap, with its longest part that the generator's stalls do not explain.

        What is answered in a stall is taken at its end: a gap that begins there may have begun with the stall. And what
        would have been sent in a stall might have had an answer after it: unless what ended the gap was on its way
        since before the stall, its own service time says for how long nothing could be seen.

        Args:
            start: of the gap.
            end: of the gap.
            written: when what ended the gap was written; None where nothing has ended it.
        """
        at_its_end = [since for since, until in self._kept if abs(until - start) <= LEAST_STALL_SECONDS]
        earliest = min(at_its_end, default=start)
        inside = [(since, until) for since, until in self._kept if since < end and until > start]
        if not inside and earliest >= start:
            return Gap(start, end)
        service = 0.0 if written is None else end - written

        def seen_again(since: float, until: float) -> float:
            return until if written is None or written <= since else until + service

        pieces = [seen_again(earliest, start) if earliest < start else start]
        pieces += [seen_again(since, until) for since, until in inside]
        begins = [*(since for since, _ in inside), end]
        sure = max(0.0, *(begin - before for before, begin in zip(pieces, begins, strict=True)))
        return Gap(min(start, earliest), end, sure)

    def forget_before(self, seconds: float) -> None:
        """No gap that is still to come begins before a time."""
        oldest = min(seconds, self._kept[-1][1] - _KEPT_SECONDS) if self._kept else seconds
        self._kept = [stall for stall in self._kept if stall[1] >= oldest]
