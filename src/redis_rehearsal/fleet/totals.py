"""What all workers reported, merged."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final

from redis_rehearsal.cache.route import Role
from redis_rehearsal.engine.counts import WorkerCounts
from redis_rehearsal.engine.messages import Snapshot
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.fleet.row import Second

RECENT_SECONDS: Final = 10
_PATIENCE_SECONDS: Final = 3
_SILENT_SECONDS: Final = 2.5
"""A worker reports once a second; one that is silent for longer does not run."""
SATURATED_CPU_RATIO: Final = 0.9
"""A worker that uses more of a core than this cannot keep its schedule."""
SATURATED_DELAY_SECONDS: Final = 0.005
"""Wake-ups this late in one of a hundred cases mean that the generator itself delays the load."""
SATURATED_SHARE: Final = 0.05
"""The generator was saturated where it was in more than this share of all seconds."""


class Totals:
    """The merged account of all workers since the start of the load.

    Attributes:
        counts: of all workers; gaps are in the order of their ends, stretches in which the queries, or the events, of
            one worker's tenants were down.
        warm_up_reports: that were asked of the database before the load.
        cpu_seconds: processor time that each worker used under load.
        seconds: of the load that each worker reported.
        worker_seconds: the same of all of them, as snapshots.
        saturated_seconds: of these, those in which a worker could not keep its schedule.
        peak_memory_bytes: of each worker.
        mixed: addresses of which, on one connection, a server answered again after another one had.
        silent: addresses of which a connection was answered by a server that does not say who it is.
        latest: the last snapshot of each worker.
        recent: the last seconds that are over, newest last.
        on_second: called with each second once all workers have reported it.
        on_late: called with a second that is over, and of which a worker told more later.
        late_snapshots: that came so late that their second is not kept any more; the totals have them all the same.
    """

    def __init__(self) -> None:
        self.counts = WorkerCounts()
        self.on_second: Callable[[Second], None] = lambda _second: None
        self.on_late: Callable[[Second], None] = lambda _second: None
        self.late_snapshots = 0
        self._closed_through = -1
        self._open: dict[int, Second] = {}
        self.warm_up_reports = 0
        self.cpu_seconds: defaultdict[int, float] = defaultdict(float)
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self.worker_seconds = 0
        self.saturated_seconds = 0
        self.peak_memory_bytes: dict[int, int] = {}
        self.mixed: set[Role] = set()
        self.silent: set[Role] = set()
        self.latest: dict[int, Snapshot] = {}
        self.recent: deque[Second] = deque(maxlen=RECENT_SECONDS)

    def add_warm_up(self, snapshot: Snapshot) -> None:
        """Take a snapshot from before the load."""
        self.warm_up_reports += snapshot.counts.reports.asked
        self.latest[snapshot.worker] = snapshot

    def add(self, snapshot: Snapshot) -> None:
        """Take a snapshot of the load."""
        self._close_before(snapshot)
        self.counts.merge(snapshot.counts)
        now, worker = self._second_of(snapshot.second), snapshot.worker
        now.add(worker, snapshot.counts, snapshot.active_organizations)
        self.mixed.update(role for role, answering in snapshot.nodes.items() if answering.mixed)
        self.silent.update(role for role, answering in snapshot.nodes.items() if answering.silent)
        self.peak_memory_bytes[worker] = max(self.peak_memory_bytes.get(worker, 0), snapshot.memory_bytes)
        # What comes after the load would make the generator look idler than it was.
        if not snapshot.finishing:
            saturated = is_saturated(snapshot)
            now.saturated |= saturated
            now.cpu_ratio = max(now.cpu_ratio, snapshot.cpu_seconds / snapshot.seconds if snapshot.seconds else 0.0)
            self.cpu_seconds[worker] += snapshot.cpu_seconds
            self.seconds[worker] += snapshot.seconds
            self.worker_seconds += 1
            self.saturated_seconds += saturated
        self.latest[worker] = snapshot
        # Of one that is too long ago nothing is left to which this could be added.
        if snapshot.second <= self._closed_through and any(kept is now for kept in self.recent):
            self.on_late(now)

    def _second_of(self, number: int) -> Second:
        if number > self._closed_through:
            return self._open.setdefault(number, Second(number))
        # It is over, and stays the one that it was.
        kept = next((second for second in self.recent if second.number == number), None)
        if kept is None:
            self.late_snapshots += 1
            return Second(number)
        return kept

    def _close_before(self, snapshot: Snapshot) -> None:
        # A second is over for a worker that reports a later one; a worker that is silent is not waited for long.
        reported = {worker: latest.second for worker, latest in self.latest.items()}
        reported[snapshot.worker] = snapshot.second
        complete = max(min(reported.values()), max(reported.values()) - _PATIENCE_SECONDS)
        for number in sorted(self._open):
            if number < complete:
                self._close(number)

    def _close(self, number: int) -> None:
        second = self._open.pop(number)
        self._closed_through = max(self._closed_through, number)
        self.recent.append(second)
        self.on_second(second)

    def close(self) -> None:
        """The load is over: so are all its seconds."""
        for number in sorted(self._open):
            self._close(number)

    def gaps_until(self, ended_seconds: float, now_seconds: float) -> tuple[list[Gap], list[Gap]]:
        """Stretches without an ok query, and without an ok event, those that go on included.

        Of a worker that has not been heard of for long nobody knows what it did since.

        Args:
            ended_seconds: when nothing more counts, on the monotonic clock.
            now_seconds: the same clock, now, which may be later.
        """
        found = []
        for ended, name in (
            (self.counts.recorded_queries.gaps, "open_query_gap"),
            (self.counts.recorded_events.gaps, "open_event_gap"),
        ):
            gaps = list(ended)
            for snapshot in self.latest.values():
                going_on: Gap | None = getattr(snapshot, name)
                silent = now_seconds - snapshot.at_seconds > _SILENT_SECONDS
                if silent and snapshot.at_seconds < ended_seconds and not snapshot.finishing:
                    seen = going_on or Gap(snapshot.at_seconds, snapshot.at_seconds)
                    going_on = seen.unseen_until(ended_seconds)
                if going_on is not None:
                    gaps.append(going_on)
            found.append(gaps)
        return found[0], found[1]

    @property
    def cpu_ratio(self) -> float:
        """Share of a core that the busiest worker used."""
        return max((self.cpu_seconds[w] / self.seconds[w] for w in self.seconds if self.seconds[w]), default=0.0)

    @property
    def saturated(self) -> bool:
        """Whether the generator itself was the bottleneck."""
        return _too_many(self.saturated_seconds, self.worker_seconds)

    @property
    def active_organizations(self) -> int:
        """Organisations with an event in the last minute."""
        return sum(snapshot.active_organizations for snapshot in self.latest.values())


def saturated(seconds: Sequence[bool]) -> bool:
    """Whether the generator was the bottleneck in a stretch of which it is known in which seconds it was."""
    return _too_many(sum(seconds), len(seconds))


def _too_many(saturated_seconds: int, seconds: int) -> bool:
    share = saturated_seconds / max(1, seconds)
    # A single second of a short stretch is chance, unless it is most of it.
    return share > SATURATED_SHARE and (saturated_seconds > 1 or share > 0.5)


def is_saturated(snapshot: Snapshot) -> bool:
    """Whether the worker could not keep its schedule in the time of a snapshot."""
    late = snapshot.counts.generator.tick_delay.quantile(0.99) or 0.0
    busy = snapshot.cpu_seconds > SATURATED_CPU_RATIO * snapshot.seconds
    return busy or late > SATURATED_DELAY_SECONDS
