"""What became of operations, counted so that the books can be checked."""

from dataclasses import dataclass, field
from enum import IntEnum

from redis_rehearsal.telemetry.histogram import Histogram


class Outcome(IntEnum):
    """How an operation ended."""

    OK = 0
    FAILED = 1
    UNKNOWN = 2
    SHED = 3


@dataclass(slots=True)
class Tally:
    """Operations of one kind in one segment of the run, by the segment of their intended start.

    Attributes:
        offered: operations that were due.
        outcomes: how many ended in each `Outcome`, in its order.
        response: intended start to reply, of ok operations.
        service: write to reply, of ok operations.
        lag: intended start to write, of ok operations.
        stalled: of `response`, those in which the generator's own stalls had a part.
        stalled_at_least: how long these took for sure.
        hits: queries whose report was in the cache.
        misses: queries whose report was not.
    """

    offered: int = 0
    outcomes: list[int] = field(default_factory=lambda: [0] * len(Outcome))
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    stalled: Histogram = field(default_factory=Histogram)
    stalled_at_least: Histogram = field(default_factory=Histogram)
    hits: int = 0
    misses: int = 0

    @property
    def in_flight(self) -> int:
        """Operations that were due and have not ended."""
        return self.offered - sum(self.outcomes)

    @property
    def response_at_least(self) -> Histogram:
        """`response` without what the generator's own stalls may explain."""
        found = self.response.copy()
        found.counts += self.stalled_at_least.counts - self.stalled.counts
        return found

    def merge(self, other: "Tally") -> None:
        """Add another tally to this one: exact, in any order."""
        self.offered += other.offered
        self.outcomes = [mine + theirs for mine, theirs in zip(self.outcomes, other.outcomes, strict=True)]
        self.response.merge(other.response)
        self.service.merge(other.service)
        self.lag.merge(other.lag)
        self.stalled.merge(other.stalled)
        self.stalled_at_least.merge(other.stalled_at_least)
        self.hits += other.hits
        self.misses += other.misses
