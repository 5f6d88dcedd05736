"""The workers of a run: their start, their reports, their end."""

import signal
from typing import Final

import structlog

from redis_rehearsal.coordinator.breakage import Breakage
from redis_rehearsal.engine.messages import (
    Broken,
    Changed,
    Finish,
    Ready,
    Report,
    Snapshot,
    StopWarmUp,
    WarmUp,
    WarmUpProgress,
)
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.fleet.port import FleetMaker
from redis_rehearsal.view.run_view import RunView

_log = structlog.get_logger()

_READY_SECONDS: Final = 30.0
_WARM_UP_CONCURRENCY: Final = 8


class Workers:
    """All of them, and what they report.

    Args:
        count: how many there are.
        view: of the run; gets what they report.
        breakage: gets what of them breaks.
        make_fleet: where they run.

    Attributes:
        fleet: starts them and talks to them.
        control: changes where their load goes.
    """

    def __init__(self, count: int, view: RunView, breakage: Breakage, make_fleet: FleetMaker) -> None:
        self.fleet = make_fleet(self._on_report, self._on_exit)
        self.control = FleetControl(self.fleet.tell, count)
        self._count = count
        self._view = view
        self._breakage = breakage
        self._ready: set[int] = set()
        self._warmed: set[int] = set()
        self._load_began: set[int] = set()
        self._refused = ""
        self._finishing = False
        self._closing = False

    async def start(self, plans: list[WorkerPlan]) -> None:
        """Start them, and wait until they are connected.

        Raises:
            ServerRefusedError: a server gives them too few connections.
            BrokenError: they did not start.
        """
        await self.fleet.start(plans)
        await self._breakage.until(lambda: len(self._ready) == self._count, _READY_SECONDS, "start")
        if self._refused:
            raise ServerRefusedError(self._refused)

    async def warm_up(self) -> None:
        """Fill the cache as it is in the long run, as fast as it goes.

        Raises:
            BrokenError: something broke first.
        """
        self._fill(0, steady=True)
        await self._breakage.until(lambda: self.is_warm, None, "warm up")

    @property
    def is_warm(self) -> bool:
        """Whether no filling of the cache is under way."""
        return len(self._warmed) == self._count

    def refresh(self, seconds: float) -> None:
        """Fill the cache once more, spread over a time."""
        self._warmed.clear()
        self._fill(seconds, steady=False)

    def _fill(self, seconds: float, *, steady: bool) -> None:
        self.fleet.tell(WarmUp(seconds=seconds, concurrency=_WARM_UP_CONCURRENCY, steady=steady))

    def quieten(self) -> None:
        """Fill the cache no more."""
        self.fleet.tell(StopWarmUp())

    def finish(self, command: Finish) -> None:
        """Have them end their load, and themselves."""
        self._finishing = True
        self.fleet.tell(command)

    async def close(self) -> None:
        """End those that are left."""
        self._finishing = self._closing = True
        await self.fleet.close()

    def _on_report(self, report: Report) -> None:
        view = self._view
        match report:
            case Ready():
                self._ready.add(report.worker)
                if report.connections < report.wanted:
                    self._refused = (
                        f"The servers {view.address('source')} and {view.address('target')} gave worker "
                        f"{report.worker} only {report.connections} of {report.wanted} connections ({report.error}); "
                        "set REDIS_POOL_SIZE lower, or allow more."
                    )
            case WarmUpProgress():
                view.set_warm_up(report.worker, report.done, report.total)
                if report.ended:
                    self._warmed.add(report.worker)
                    if report.failed:
                        _log.warning("reports could not be warmed up", failed=report.failed, total=report.total)
            case Snapshot():
                if "database" in view.health.servers:
                    view.health.servers["database"].load_error = report.rows_error
                if report.worker in self._load_began:
                    view.totals.add(report)
                else:
                    # A worker's first snapshot ends its warm-up.
                    self._load_began.add(report.worker)
                    view.totals.add_warm_up(report)
            case Changed():
                self.control.on_changed(report)
            case Broken():
                self._breakage.note(f"Worker {report.worker} broke: {report.message}")
        self._breakage.look_again()

    def _on_exit(self, index: int, code: int) -> None:
        ended_by_us = self._closing and code == -signal.SIGTERM
        if not ended_by_us and (not self._finishing or code != 0):
            self._view.workers_lost += 1
            self._breakage.note(
                f"Worker {index} ended by itself (exit code {code}); what it did in its last second is not known."
            )
            self._view.trouble = self._breakage.sentence
            self.control.on_lost(index)
        self._breakage.look_again()
