"""From completed operations to tallies.

The hot path only appends what happened; clocks are subtracted and histograms filled for thousands of
operations at once, some ten times a second.
"""

from bisect import bisect_left, bisect_right
from itertools import chain
from typing import Final

import numpy as np

from redis_rehearsal.engine.outcome import Outcome, Tally

FLUSH_OPERATIONS: Final = 4_096
"""A flush is due when this many operations have been recorded, so that none takes long."""


class Recorder:
    """Tallies of one kind of operation, by segment.

    Segments part the run in time: boundary i ends segment i. An operation belongs to the segment in which
    its intended start falls.

    Attributes:
        boundaries_seconds: ascending, on the monotonic clock.
        tallies: one a segment; what has been flushed and not yet taken.
        offered: operations that were due, since the start.
        ended: operations that have ended, since the start; what is not yet flushed included.
        pending: operations recorded and not yet flushed.
    """

    def __init__(self) -> None:
        self.boundaries_seconds: list[float] = []
        self.tallies: list[Tally] = [Tally()]
        self.offered = 0
        self.ended = 0
        self.pending = 0
        self._offering = 0
        self._next_boundary = float("inf")
        self._intended: list[list[float]] = []
        self._spans: list[tuple[int, Outcome, float, float]] = []

    def add_boundary(self, at_seconds: float) -> None:
        """Begin a new segment at a time that is not before any operation that was already offered."""
        self.boundaries_seconds.append(at_seconds)
        self.tallies.append(Tally())
        if self._next_boundary == float("inf"):
            self._next_boundary = at_seconds

    def tally_of(self, intended: float) -> Tally:
        """The tally to which an operation with that intended start belongs."""
        return self.tallies[bisect_right(self.boundaries_seconds, intended)]

    def offer(self, intended: list[float]) -> None:
        """Count operations that are due; their intended starts ascend, from call to call too."""
        self.offered += len(intended)
        while intended[-1] >= self._next_boundary:
            before = bisect_left(intended, self._next_boundary)
            self.tallies[self._offering].offered += before
            intended = intended[before:]
            self._offering += 1
            boundaries = self.boundaries_seconds
            self._next_boundary = boundaries[self._offering] if self._offering < len(boundaries) else float("inf")
        self.tallies[self._offering].offered += len(intended)

    def record(self, outcome: Outcome, intended: list[float], written: float, ended: float) -> None:
        """Count operations that ended together.

        Args:
            outcome: of all of them.
            intended: their intended starts; the list must not change any more.
            written: when they were written; of no matter unless they are ok.
            ended: when their replies came.
        """
        count = len(intended)
        self.ended += count
        self.pending += count
        self._intended.append(intended)
        self._spans.append((count, outcome, written, ended))

    def flush(self) -> None:
        """Bring the tallies up to date."""
        if not self._spans:
            return
        intended = np.fromiter(chain.from_iterable(self._intended), np.float64, self.pending)
        counts, outcomes, written, ended = (np.array(column) for column in zip(*self._spans, strict=True))
        self._intended.clear()
        self._spans.clear()
        self.pending = 0
        each_outcome = np.repeat(outcomes, counts)
        each_written = np.repeat(written, counts)
        each_ended = np.repeat(ended, counts)
        if not self.boundaries_seconds:
            self._tally(self.tallies[0], intended, each_outcome, each_written, each_ended)
            return
        segments = np.searchsorted(self.boundaries_seconds, intended, side="right")
        for segment in np.unique(segments).tolist():
            of = segments == segment
            self._tally(self.tallies[segment], intended[of], each_outcome[of], each_written[of], each_ended[of])

    @staticmethod
    def _tally(
        tally: Tally,
        intended: "np.typing.NDArray[np.float64]",
        outcomes: "np.typing.NDArray[np.int64]",
        written: "np.typing.NDArray[np.float64]",
        ended: "np.typing.NDArray[np.float64]",
    ) -> None:
        for outcome, count in enumerate(np.bincount(outcomes, minlength=len(Outcome)).tolist()):
            tally.outcomes[outcome] += count
        ok = outcomes == Outcome.OK
        if not ok.all():
            intended, written, ended = intended[ok], written[ok], ended[ok]
        tally.response.record(ended - intended)
        tally.service.record(ended - written)
        tally.lag.record(written - intended)

    def take(self) -> list[Tally]:
        """Flush, and hand over what was tallied since the last time, one tally a segment."""
        self.flush()
        taken = self.tallies
        self.tallies = [Tally() for _ in taken]
        return taken
