"""What there is to see of a run while it lasts."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import structlog

from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.fleet.row import Label, Segment
from redis_rehearsal.fleet.timeline import Timeline
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.reached import ReachedServers
from redis_rehearsal.migration.record import Record
from redis_rehearsal.migration.site import Sites
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry.health import Health
from redis_rehearsal.telemetry.resources import Resources
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.view.scrapes import SCRAPES_KEPT

_log = structlog.get_logger()


class Stage(StrEnum):
    """How far a run is."""

    STARTING = "starting"
    SEEDING = "seeding"
    WARMING = "warming up"
    RUNNING = "running"
    FINISHING = "finishing"
    ENDING = "ending"
    ENDED = "ended"


def _no_timeline() -> Timeline:
    return Timeline(float, lambda _second: Label())


async def _no_audit() -> Audit:
    return Audit(error=Cause.COUNTERS_UNREAD.because(error="the load has not begun"))


@dataclass(slots=True)
class RunView:
    """A run as the terminal, the web and the document see it, who read it only.

    The run writes it (coordinator/run.py); what others write says so.

    Attributes:
        settings: of the run.
        totals: what the workers reported, which write it through the fleet.
        health: of the servers; their watch writes it.
        stage: how far the run is.
        servers: once they are there.
        directory: of the run's files, once it is there.
        began_seconds: when the load began, on the monotonic clock; 0 before.
        steady_seconds: when the warm-up load ended and the duration began.
        ended_seconds: when nothing more was due; 0 before.
        audit: the ledger held against the source at the end.
        audit_now: holds it against the source now.
        workers_lost: workers that ended by themselves; written where their ends are seen (workers).
        trouble: what broke of the run itself; empty where nothing did (workers).
        unwritten: why files of the run could not be written, or not to their end, by name.
        timeline: what happened second by second.
        records: the migrations, oldest first (migrations).
        rates: queries and events a second that are asked for now (controls, too).
        least_rates: since when, on the monotonic clock, every worker drives at least its part of so many queries and
            events a second; in the order of time (controls, too).
        mixes_changed: when it was changed what is asked or what happens, on the monotonic clock (controls).
        clock: the run's time of day.
        segments: all so far.
        progress: of the current stage: done and total by name of the step.
        label: what goes on now: phase, where reads and writes go, and whether writes are held.
        reached: which servers answered behind the addresses, and what changed there of itself.
        resources: what servers and coordinator use, as they were last asked; who asks them writes it.
        scraped: when the metrics were last asked for, on the monotonic clock, oldest first; the exposition writes it.
    """

    settings: Settings
    totals: Totals
    health: Health
    stage: Stage = Stage.STARTING
    servers: Sites | None = None
    directory: Path | None = None
    began_seconds: float = 0.0
    steady_seconds: float = 0.0
    ended_seconds: float = 0.0
    audit: Audit | None = None
    audit_now: Callable[[], Awaitable[Audit]] = _no_audit
    workers_lost: int = 0
    trouble: str = ""
    unwritten: dict[str, str] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=_no_timeline)
    records: list[Record] = field(default_factory=list)
    rates: tuple[float, float] = (0.0, 0.0)
    least_rates: list[tuple[float, float, float]] = field(default_factory=list)
    mixes_changed: list[float] = field(default_factory=list)
    clock: WallClock = field(default_factory=WallClock.start)
    segments: Callable[[], Sequence[Segment]] = tuple
    progress: dict[str, tuple[int, int]] = field(default_factory=dict)
    _warm_up: dict[int, tuple[int, int]] = field(default_factory=dict)
    label: Callable[[], Label] = Label
    reached: ReachedServers = field(default_factory=ReachedServers)
    resources: Resources = field(default_factory=Resources)
    scraped: deque[float] = field(default_factory=lambda: deque(maxlen=SCRAPES_KEPT))

    def address(self, server: str) -> str:
        """Of a server, without passwords; empty where there is none yet."""
        return self.servers.addresses[server] if self.servers else ""

    def not_written(self, name: str, why: str) -> None:
        """Note that a file of the run could not be written, or not to its end; the first time it is said at once.

        Args:
            name: of the file.
            why: in words.
        """
        if name not in self.unwritten:
            self.unwritten[name] = why
            _log.error(f"{name} cannot be written: {why}; the run goes on without it", directory=str(self.directory))

    def set_progress(self, step: str, done: int, total: int) -> None:
        """Note how far a step is."""
        self.progress[step] = (done, total)

    def set_warm_up(self, worker: int, done: int, total: int) -> None:
        """Note how far a worker's part of the cache warm-up is."""
        self._warm_up[worker] = (done, total)
        self.progress["cache warm-up"] = (
            sum(part for part, _ in self._warm_up.values()),
            sum(whole for _, whole in self._warm_up.values()),
        )

    @property
    def migration_going_on(self) -> bool:
        """Whether a migration is under way."""
        return bool(self.records) and not self.records[-1].ended

    @property
    def load_seconds(self) -> float:
        """For how long the load has lasted, or lasted."""
        if not self.began_seconds:
            return 0.0
        return max(0.0, (self.ended_seconds or monotonic()) - self.began_seconds)

    @property
    def seen_seconds(self) -> float:
        """Until when all workers have reported, on the monotonic clock."""
        rows = self.timeline.rows
        return self.ended_seconds or self.began_seconds + (rows[-1].second + 1 if rows else 0)

    @property
    def measured_seconds(self) -> float:
        """For how long the load was measured, without the warm-up load: what the totals are of."""
        return max(0.0, self.seen_seconds - self.steady_seconds) if self.began_seconds else 0.0
