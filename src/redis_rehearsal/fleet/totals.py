"""What all workers reported, merged."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.messages import Snapshot
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.telemetry.histogram import Histogram

RECENT_SECONDS: Final = 10
SATURATED_CPU_RATIO: Final = 0.9
"""A worker that uses more of a core than this cannot keep its schedule."""
SATURATED_DELAY_SECONDS: Final = 0.005
"""Wake-ups this late in one of a hundred cases mean that the generator itself delays the load."""
SATURATED_SHARE: Final = 0.05
"""The generator was saturated where it was in more than this share of all seconds."""


@dataclass(slots=True)
class Second:
    """What was reported within one second.

    Attributes:
        at_seconds: when it began, on the monotonic clock.
        queries: of all segments.
        events: of all segments.
        database_queries: reports asked of the database.
        snapshots: how many there were.
    """

    at_seconds: float
    queries: Tally = field(default_factory=Tally)
    events: Tally = field(default_factory=Tally)
    database_queries: int = 0
    snapshots: int = 0


class Totals:
    """The merged account of all workers since the start of the load.

    Attributes:
        queries: one tally a segment.
        events: one tally a segment.
        latest: the last snapshot of each worker.
        recent: the last seconds, newest last.
    """

    def __init__(self) -> None:
        self.queries: list[Tally] = [Tally()]
        self.events: list[Tally] = [Tally()]
        self.query_failures: Counter[str] = Counter()
        self.event_failures: Counter[str] = Counter()
        self.checks = Checks()
        self.cache_writes: Counter[str] = Counter()
        self.events_by_type: Counter[int] = Counter()
        self.misplaced = 0
        self.database_queries = 0
        self.database_failed = 0
        self.database_duration = Histogram()
        self.warm_up_queries = 0
        self.rows_written = 0
        self.rows_dropped = 0
        self.tick_delay = Histogram()
        self.cpu_seconds: defaultdict[int, float] = defaultdict(float)
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self.worker_seconds = 0
        self.saturated_seconds = 0
        self.peak_memory_bytes: dict[int, int] = {}
        self.latest: dict[int, Snapshot] = {}
        self.recent: deque[Second] = deque([Second(monotonic())], maxlen=RECENT_SECONDS + 1)

    def add_warm_up(self, snapshot: Snapshot) -> None:
        """Take a snapshot from before the load."""
        self.warm_up_queries += snapshot.database_queries
        self.latest[snapshot.worker] = snapshot

    def add(self, snapshot: Snapshot) -> None:
        """Take a snapshot of the load."""
        now = self.recent[-1]
        for mine, theirs, second in (
            (self.queries, snapshot.queries, now.queries),
            (self.events, snapshot.events, now.events),
        ):
            while len(mine) < len(theirs):
                mine.append(Tally())
            for tally, other in zip(mine, theirs, strict=False):
                tally.merge(other)
                second.merge(other)
        now.database_queries += snapshot.database_queries
        now.snapshots += 1
        self.query_failures.update(snapshot.query_failures)
        self.event_failures.update(snapshot.event_failures)
        self.checks.merge(snapshot.checks)
        self.cache_writes.update(snapshot.cache_writes)
        self.events_by_type.update(dict(enumerate(snapshot.events_by_type)))
        self.misplaced += snapshot.misplaced
        self.database_queries += snapshot.database_queries
        self.database_failed += snapshot.database_failed
        self.database_duration.merge(snapshot.database_duration)
        self.rows_written += snapshot.rows_written
        self.rows_dropped += snapshot.rows_dropped
        self.tick_delay.merge(snapshot.tick_delay)
        worker = snapshot.worker
        self.peak_memory_bytes[worker] = max(self.peak_memory_bytes.get(worker, 0), snapshot.memory_bytes)
        # What comes after the load would make the generator look idler than it was.
        if not snapshot.finishing:
            self.cpu_seconds[worker] += snapshot.cpu_seconds
            self.seconds[worker] += snapshot.seconds
            self.worker_seconds += 1
            self.saturated_seconds += is_saturated(snapshot)
        self.latest[worker] = snapshot

    def turn(self) -> None:
        """Begin the next second."""
        self.recent.append(Second(monotonic()))

    @property
    def cpu_ratio(self) -> float:
        """Share of a core that the busiest worker used."""
        return max((self.cpu_seconds[w] / self.seconds[w] for w in self.seconds if self.seconds[w]), default=0.0)

    @property
    def saturated(self) -> bool:
        """Whether the generator itself was the bottleneck."""
        share = self.saturated_seconds / max(1, self.worker_seconds)
        # A single second of a short run is chance, unless it is most of the run.
        return share > SATURATED_SHARE and (self.saturated_seconds > 1 or share > 0.5)

    @staticmethod
    def joined(tallies: list[Tally]) -> Tally:
        """All segments as one."""
        whole = Tally()
        for tally in tallies:
            whole.merge(tally)
        return whole


def is_saturated(snapshot: Snapshot) -> bool:
    """Whether the worker could not keep its schedule in the time of a snapshot."""
    late = snapshot.tick_delay.quantile(0.99) or 0.0
    busy = snapshot.cpu_seconds > SATURATED_CPU_RATIO * snapshot.seconds
    return busy or late > SATURATED_DELAY_SECONDS
