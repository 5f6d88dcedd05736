"""A simulated PostgreSQL, behind the ports that the program has for it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from redis_rehearsal.clock import monotonic
from redis_rehearsal.database.counts import ReportCounts, RowCounts
from redis_rehearsal.database.event_writer import FLUSH_SECONDS
from redis_rehearsal.database.ports import WorkerDatabase
from redis_rehearsal.database.reports import Entries
from redis_rehearsal.database.rows import EventRows
from redis_rehearsal.database.run_database import Progress
from redis_rehearsal.database.seed import SeedParameters
from redis_rehearsal.telemetry.resources import DatabaseResources
from redis_rehearsal.workload.queries import Filter

_RETRY_SECONDS: Final = 0.25


class SimulatedDatabase:
    """The server; it is the coordinator's `RunDatabase` at once.

    Args:
        answer_seconds: how long it takes to compute a report.

    Attributes:
        answer_seconds: the same.
        away: whether nothing is answered.
        rows: the events that it has: organisation, type and Unix time.
        version: see `RunDatabase`.
    """

    def __init__(self, answer_seconds: float = 0.002) -> None:
        self.answer_seconds = answer_seconds
        self.away = False
        self.rows: list[tuple[int, int, float]] = []
        self.version = "17.0"

    async def ask(self) -> None:
        """What every question takes.

        Raises:
            ConnectionError: it is away.
        """
        await asyncio.sleep(self.answer_seconds)
        if self.away:
            raise ConnectionResetError("the database is away")

    def of_worker(self) -> WorkerDatabase:
        """As a worker sees it."""
        return WorkerDatabase(SimulatedReports(self), SimulatedRows(self))

    async def open(self) -> None:
        """See `RunDatabase`."""

    async def lock(self) -> bool:
        """See `RunDatabase`."""
        return True

    async def refuse_others(self) -> None:
        """See `RunDatabase`."""

    async def drop(self) -> None:
        """See `RunDatabase`."""

    async def seed(self, parameters: SeedParameters, progress: Progress) -> str:
        """See `RunDatabase`."""
        return ""

    async def extend_partitions(self) -> None:
        """See `RunDatabase`."""
        await self.ask()

    async def probe(self) -> None:
        """See `RunDatabase`."""
        await self.ask()

    async def statistics(self, *, with_size: bool) -> tuple[DatabaseResources, list[int]]:
        """See `RunDatabase`."""
        await self.ask()
        return DatabaseResources(1, 0, 0, 0, 0, 0 if with_size else None), []

    async def organizations_with(self, types: Sequence[int], since_unix_seconds: float) -> set[int]:
        """See `RunDatabase`."""
        await self.ask()
        return {row[0] for row in self.rows if row[1] in types and row[2] >= since_unix_seconds}

    def close(self) -> None:
        """See `RunDatabase`."""


class SimulatedReports:
    """See `ReportSource`."""

    def __init__(self, database: SimulatedDatabase) -> None:
        self._database = database
        self._counts = ReportCounts()
        self.last_error = ""

    async def compute(self, kind: str, organization: int, asked: Filter) -> Entries:
        """See `ReportSource`."""
        self._counts.asked += 1
        began = monotonic()
        try:
            await self._database.ask()
        except BaseException as error:
            self._counts.failed += 1
            self.last_error = str(error) or type(error).__name__
            raise
        self.last_error = ""
        self._counts.duration.record([monotonic() - began])
        return {"total": len(self._database.rows)}

    def take_counts(self) -> ReportCounts:
        """See `ReportSource`."""
        return self._counts.take()

    def close(self) -> None:
        """See `ReportSource`."""


class SimulatedRows:
    """See `EventWriter`."""

    def __init__(self, database: SimulatedDatabase) -> None:
        self._database = database
        self._waiting: list[EventRows] = []
        self._ending = asyncio.Event()
        self._gives_up = False
        self.buffered = 0
        self.counts = RowCounts()
        self.last_error = ""

    def append(self, rows: EventRows) -> None:
        """See `EventWriter`."""
        self._waiting.append(rows)
        self.buffered += len(rows)

    async def run(self) -> None:
        """See `EventWriter`."""
        while True:
            if not self._waiting:
                if self._ending.is_set():
                    return
                try:
                    async with asyncio.timeout(FLUSH_SECONDS):
                        await self._ending.wait()
                except TimeoutError:
                    pass
                continue
            try:
                await self._database.ask()
            except ConnectionError as error:
                self.last_error = str(error)
                if self._gives_up:
                    return
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self.last_error = ""
            for rows in self._waiting:
                self._database.rows += zip(
                    rows.organizations.tolist(), rows.types.tolist(), rows.occurred_seconds.tolist(), strict=True
                )
            self.counts.written += self.buffered
            self.buffered = 0
            self._waiting.clear()
            if not self._ending.is_set():
                await asyncio.sleep(FLUSH_SECONDS)

    def end(self) -> None:
        """See `EventWriter`."""
        self._ending.set()

    def give_up(self) -> None:
        """See `EventWriter`."""
        self._gives_up = True

    def abandon(self) -> None:
        """See `EventWriter`."""
        self.counts.dropped += self.buffered
        self.buffered = 0
        self._waiting.clear()
