"""From completed operations to tallies.

The hot path only appends what happened; clocks are subtracted and histograms filled for thousands of
operations at once, some ten times a second.
"""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from itertools import chain
from typing import Final

import numpy as np

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.stalls import Gap, Stalls

FLUSH_OPERATIONS: Final = 4_096
"""A flush is due when this many operations have been recorded, so that none takes long."""
LEAST_GAP_SECONDS: Final = 0.01
"""Shorter stretches without an ok operation are nothing that a user would notice."""
_NEVER: Final = float("inf")


class Recorder:
    """Tallies of one kind of operation, by segment.

    Segments part the run in time: boundary i ends segment i. An operation belongs to the segment in which
    its intended start falls.

    Attributes:
        boundaries_seconds: ascending, on the monotonic clock.
        tallies: by number of the segment; what has been flushed and not yet taken.
        offered: operations that were due, since the start.
        ended: operations that have ended, since the start; what is not yet flushed included.
        pending: operations recorded and not yet flushed.
        gaps: stretches longer than `LEAST_GAP_SECONDS` without an ok operation in which one was due, held or in
            flight, as start and end on the monotonic clock, how long the last ok operation before it took from its
            write, and when what ended it was written; not yet taken.
    """

    def __init__(self, stalls: Stalls) -> None:
        self._stalls = stalls
        self.boundaries_seconds: list[float] = []
        self.tallies: defaultdict[int, Tally] = defaultdict(Tally)
        self.gaps: list[tuple[float, float, float, float | None]] = []
        self.offered = 0
        self.ended = 0
        self.pending = 0
        self._offering = 0
        self._next_boundary = _NEVER
        self._intended: list[list[float]] = []
        self._spans: list[tuple[int, Outcome, float, float]] = []
        self._wanting_since = _NEVER
        self._offered_lately: deque[list[float]] = deque()
        self._last_flushed = -_NEVER
        self._last_written = self._last_ok = 0.0

    def add_boundary(self, at_seconds: float) -> None:
        """Begin a new segment at a time; where operations after it were ok or are tallied, after the last of these.

        Who stood still hears of it late, and may have offered by then what is due in the new segment.
        """
        # What was shed or failed has no part in anything that is tallied before the next flush.
        ok = (max(due) for due, span in zip(self._intended, self._spans, strict=True) if due and span[1] is Outcome.OK)
        last_tallied = max(self._last_flushed, *ok, -_NEVER)
        at_seconds = max(at_seconds, math.nextafter(last_tallied, _NEVER), *self.boundaries_seconds[-1:])
        self.boundaries_seconds.append(at_seconds)
        if self._next_boundary == _NEVER:
            self._next_boundary = at_seconds
            self._move_offered()

    def _move_offered(self) -> None:
        """Count what was offered at or after the next boundary where it belongs."""
        boundary = self._next_boundary
        moved = sum(len(intended) - bisect_left(intended, boundary) for intended in self._offered_lately)
        if not moved:
            return
        self.tallies[self._offering].offered -= moved
        self._offering += 1
        self.tallies[self._offering].offered += moved
        self._next_boundary = _NEVER

    def tally_of(self, intended: float) -> Tally:
        """The tally to which an operation with that intended start belongs."""
        return self.tallies[bisect_right(self.boundaries_seconds, intended)]

    def offer(self, intended: list[float]) -> None:
        """Count operations that are due; their intended starts ascend, from call to call too."""
        self.offered += len(intended)
        if self._wanting_since == _NEVER:
            self._wanting_since = intended[0]
        self._offered_lately.append(intended)
        while intended[-1] >= self._next_boundary:
            before = bisect_left(intended, self._next_boundary)
            self.tallies[self._offering].offered += before
            intended = intended[before:]
            self._offering += 1
            boundaries = self.boundaries_seconds
            self._next_boundary = boundaries[self._offering] if self._offering < len(boundaries) else _NEVER
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
        if outcome is Outcome.OK:
            if ended - self._wanting_since > LEAST_GAP_SECONDS:
                self.gaps.append((self._wanting_since, ended, self._last_ok - self._last_written, written))
            self._last_written, self._last_ok = written, ended
            # What is due or in flight now wants an answer from now on.
            self._wanting_since = ended if self.offered > self.ended else _NEVER
        self._intended.append(intended)
        self._spans.append((count, outcome, written, ended))

    def flush(self) -> None:
        """Bring the tallies up to date."""
        if not self._spans:
            return
        intended = np.fromiter(chain.from_iterable(self._intended), np.float64, self.pending)
        self._last_flushed = max(self._last_flushed, float(intended.max(initial=-_NEVER)))
        # No boundary comes before that any more.
        while self._offered_lately and self._offered_lately[0][-1] <= self._last_flushed:
            self._offered_lately.popleft()
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

    def _tally(
        self,
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
        found = self._stalls.at_least(intended, ended)
        if found is not None:
            touched, at_least = found
            tally.stalled.record((ended - intended)[touched])
            tally.stalled_at_least.record(at_least)

    def take(self) -> dict[int, Tally]:
        """Flush, and hand over what was tallied since the last time, by number of the segment."""
        self.flush()
        taken, self.tallies = self.tallies, defaultdict(Tally)
        return dict(taken)

    def take_gaps(self) -> list[Gap]:
        """Hand over the gaps that have ended since the last time."""
        taken, self.gaps = self.gaps, []
        return [self._stalls.gap(*gap) for gap in taken]

    def open_gap(self, now_seconds: float) -> Gap | None:
        """The gap that goes on now, as far as it has come; None where there is none."""
        since = self._wanting_since
        if now_seconds - since <= LEAST_GAP_SECONDS:
            return None
        return self._stalls.gap(since, now_seconds, self._last_ok - self._last_written)

    def close_gap(self, now_seconds: float) -> None:
        """The load ends: what has not been ok until now never will be."""
        if now_seconds - self._wanting_since > LEAST_GAP_SECONDS:
            self.gaps.append((self._wanting_since, now_seconds, self._last_ok - self._last_written, None))
        self._wanting_since = _NEVER
