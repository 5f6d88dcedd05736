"""What a worker counts."""

from collections import Counter
from dataclasses import dataclass, field

from redis_rehearsal.cache.route import Role
from redis_rehearsal.database.counts import ReportCounts, RowCounts
from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.telemetry.counts import Counts
from redis_rehearsal.telemetry.histogram import Histogram

Operations = dict[tuple[Role, str], Histogram]
"""Write to reply, by server and operation: read, increment, cache_write, structure_write, expiry."""


LateStore = tuple[str, Role, int]
"""A report's key, the server on which it was stored, and when it was computed, Unix time in milliseconds."""


@dataclass(slots=True)
class Recorded(Counts):
    """Operations of one kind.

    Attributes:
        tallies: by number of the segment.
        gaps: stretches without an ok one that have ended.
    """

    tallies: dict[int, Tally] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def whole(self, first: int = 0) -> Tally:
        """The tallies of a segment and all later ones as one."""
        found = Tally()
        for segment, tally in self.tallies.items():
            if segment >= first:
                found.merge(tally)
        return found


@dataclass(slots=True)
class QueryCounts(Counts):
    """Of queries.

    Attributes:
        failures: by reason.
        checks: findings about answers.
    """

    failures: dict[str, int] = field(default_factory=Counter)
    checks: Checks = field(default_factory=Checks)


@dataclass(slots=True)
class EventCounts(Counts):
    """Of events.

    Attributes:
        failures: by reason.
        by_type: those that were due, by number of the type.
        redirected: those that a server refused and that were sent again.
        mirrored: increments that went to a mirror too, by what became of them there: ok, failed, unknown.
    """

    failures: dict[str, int] = field(default_factory=Counter)
    by_type: dict[int, int] = field(default_factory=Counter)
    redirected: int = 0
    mirrored: dict[str, int] = field(default_factory=Counter)


@dataclass(slots=True)
class GeneratorCounts(Counts):
    """Of the worker itself.

    Attributes:
        stalls: stretches in which it stood still, as start and end on the monotonic clock.
        tick_delay: how late its own wake-ups were.
    """

    stalls: list[tuple[float, float]] = field(default_factory=list)
    tick_delay: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class WorkerCounts(Counts):
    """All of them.

    Attributes:
        recorded_queries: what became of queries, and when.
        recorded_events: the same of events.
        queries: more of them.
        events: more of them.
        cache_writes: cache writes and deletions by what became of them.
        late_stores: reports that were under way when their tenant's writes moved.
        operations: what the Redis servers answered, by server and operation.
        reports: what was asked of the database.
        rows: what was written to it.
        generator: of the worker itself.
    """

    recorded_queries: Recorded = field(default_factory=Recorded)
    recorded_events: Recorded = field(default_factory=Recorded)
    queries: QueryCounts = field(default_factory=QueryCounts)
    events: EventCounts = field(default_factory=EventCounts)
    cache_writes: dict[str, int] = field(default_factory=Counter)
    late_stores: list[LateStore] = field(default_factory=list)
    operations: Operations = field(default_factory=dict)
    reports: ReportCounts = field(default_factory=ReportCounts)
    rows: RowCounts = field(default_factory=RowCounts)
    generator: GeneratorCounts = field(default_factory=GeneratorCounts)
