"""When the generator itself stood still, and how much of what was seen meanwhile that explains."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_STALL_SECONDS: Final = 0.005
"""A wake-up that is later than this is the generator's own fault, and not the machine's usual lateness."""
BRIDGED_SECONDS: Final = 0.05
"""While the generator sees nothing for less than this, servers are taken to stay as they were before and after it."""
_KEPT_SECONDS: Final = 10.0

_Span = tuple[float, float]


class Gap(NamedTuple):
    """A stretch without an ok operation while one was due, held or in flight; on the monotonic clock.

    Attributes:
        start: from the last ok operation, or from when one was due since.
        end: the next ok operation, or when it was looked at last.
        unseen: the parts of it, in order, in which there may have been an answer that nobody took, since the generator
            stood still.
    """

    start: float
    end: float
    unseen: tuple[_Span, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it was at most."""
        return self.end - self.start

    @property
    def at_least_seconds(self) -> float:
        """How long it was for sure: what was seen of it, between two parts of `BRIDGED_SECONDS` that were not."""
        return self.at_least_reaching(self.start)

    def at_least_reaching(self, at: float) -> float:
        """The same, of what was seen to go on beyond a time."""
        longest = seen = 0.0
        since, until = self.start, self.start
        for start, end in (*self.unseen, (self.end, float("inf"))):
            if start > since:
                seen, until = seen + start - since, start
            if end - start >= BRIDGED_SECONDS:
                # Of what was over before that time nothing is known to go on.
                longest, seen = max(longest, seen if until > at else 0.0), 0.0
            since = end
        return longest

    def clipped(self, start: float, end: float) -> "Gap":
        """What of it lies between two times."""
        inside = ((max(since, start), min(until, end)) for since, until in self.unseen)
        return Gap(max(self.start, start), min(self.end, end), tuple(each for each in inside if each[0] < each[1]))

    def unseen_until(self, end: float) -> "Gap":
        """It goes on until a later time, and nobody looked."""
        return Gap(self.start, end, (*self.unseen, (self.end, end)))


def united(spans: Iterable[_Span]) -> list[_Span]:
    """Stretches of several workers, in order; those that have a moment in common are one."""
    found: list[_Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


class Stalls:
    """The stretches in which a worker did not wake up on time.

    Attributes:
        untaken: those that were noted since they were last taken, as start and end on the monotonic clock.
    """

    def __init__(self) -> None:
        self.untaken: list[_Span] = []
        self._kept: list[_Span] = []
        self._felt_until = -float("inf")

    def note(self, due_seconds: float, woke_seconds: float) -> None:
        """A wake-up that was due at a time came at another."""
        if woke_seconds - due_seconds <= LEAST_STALL_SECONDS:
            return
        # Several timers tell of one stall.
        last = self._kept[-1] if self._kept else (due_seconds, due_seconds)
        start = max(due_seconds, last[1])
        if start < woke_seconds:
            self.untaken.append((start, woke_seconds))
            if self._kept and start == last[1]:
                self._kept[-1] = (last[0], woke_seconds)
            else:
                self._kept.append((start, woke_seconds))
            since, until = self._kept[-1]
            self._felt_until = max(self._felt_until, 2 * until - since)

    def take(self) -> list[_Span]:
        """Hand over what was noted since the last time."""
        taken, self.untaken = self.untaken, []
        return taken

    def gap(self, start: float, end: float, service_seconds: float = 0.0, written: float | None = None) -> Gap:
        """A gap, with the parts in which the generator's stalls may have hidden an answer.

        What is answered in a stall is taken at its end: a gap that begins there may have begun with the stall. And what
        would have been sent in a stall might have had an answer after it, a service time later: the one before the gap,
        or that of what ended it, where that is longer; unless what ended it was on its way since before the stall.

        Args:
            start: of the gap.
            end: of the gap.
            service_seconds: the service time of the last ok operation before it.
            written: when what ended the gap was written; None where nothing has ended it.
        """
        unseen: list[_Span] = []
        for began, until in self._kept:
            if written is not None and written <= began:
                seen_again = until
            elif written is None or until <= start:
                seen_again = until + service_seconds
            else:
                seen_again = until + max(service_seconds, end - written)
            if began >= end or seen_again < start - LEAST_STALL_SECONDS:
                continue
            # One that ends where the gap begins may hide when that was.
            since = began if abs(until - start) <= LEAST_STALL_SECONDS else max(began, start)
            seen_again = min(max(seen_again, start), end)
            if unseen and since <= unseen[-1][1]:
                unseen[-1] = (unseen[-1][0], max(unseen[-1][1], seen_again))
            elif since < seen_again:
                unseen.append((since, seen_again))
        return Gap(min([start, *(since for since, _ in unseen[:1])]), end, tuple(unseen))

    def at_least(
        self, intended: NDArray[np.float64], ended: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]] | None:
        """How long operations took for sure, of those that a stall had a part in.

        What was due in a stall might have been answered at once. What waits when one ends takes as long again, at most,
        and stands in the way of what comes after it.

        Args:
            intended: when they were due; shape (operations,).
            ended: when their replies came; of the same shape.

        Returns:
            Which ones they are, shape (operations,), and of these how many seconds they took at least; None where there
            are none.
        """
        if not self._kept or not len(intended) or self._felt_until < intended.min():
            return None
        edges: list[float] = []
        for since, until in self._kept:
            if edges and since <= edges[-1]:
                edges[-1] = max(edges[-1], 2 * until - since)
            else:
                edges += (since, 2 * until - since)
        bounds = np.array(edges)
        # Before an edge of an odd number it is in a stall.
        places = np.searchsorted(bounds, intended, side="right")
        due_in_one = places % 2 == 1
        touched = due_in_one | (np.searchsorted(bounds, ended, side="left") != places)
        if not touched.any():
            return None
        lengths = np.where(np.arange(len(bounds)) % 2 == 1, np.diff(bounds, prepend=bounds[0]), 0.0)
        stalled = np.cumsum(lengths)
        inside = np.interp(ended[touched], bounds, stalled) - np.interp(intended[touched], bounds, stalled)
        seconds = np.maximum(ended[touched] - intended[touched] - inside, 0.0)
        seconds[due_in_one[touched]] = 0.0
        return touched, seconds

    def forget_before(self, seconds: float) -> None:
        """No gap that is still to come begins before a time."""
        oldest = min(seconds, self._kept[-1][1] - _KEPT_SECONDS) if self._kept else seconds
        self._kept = [stall for stall in self._kept if stall[1] >= oldest]
