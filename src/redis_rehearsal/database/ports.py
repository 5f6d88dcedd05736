"""PostgreSQL as a worker sees it: reports are computed there, and events get rows."""

from dataclasses import dataclass
from typing import Protocol

from redis_rehearsal.database.counts import ReportCounts, RowCounts
from redis_rehearsal.database.reports import Entries
from redis_rehearsal.database.rows import EventRows
from redis_rehearsal.workload.queries import Filter


class ReportSource(Protocol):
    """Computes reports.

    Attributes:
        last_error: why the last one failed; empty since one was answered.
    """

    last_error: str

    async def compute(self, kind: str, organization: int, asked: Filter) -> Entries:
        """Compute a report. To bound it, cancel it.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is at fault.
        """
        ...

    def take_counts(self) -> ReportCounts:
        """Hand over what was counted since the last time."""
        ...

    def close(self) -> None:
        """Close all connections at once."""
        ...


class EventWriter(Protocol):
    """Writes event rows, each exactly once.

    Attributes:
        buffered: rows that wait.
        counts: of rows.
        last_error: why the last attempt failed; empty since one succeeded.
    """

    buffered: int
    counts: RowCounts
    last_error: str

    def append(self, rows: EventRows) -> None:
        """Take rows to be written; they are dropped where too many wait already."""
        ...

    async def run(self) -> None:
        """Write until `end` was called and nothing is left."""
        ...

    def end(self) -> None:
        """Let `run` return once all that was appended is written."""
        ...

    def give_up(self) -> None:
        """Let `run` return at its next failure."""
        ...

    def abandon(self) -> None:
        """Count what is still waiting as dropped: the run ends without it."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerDatabase:
    """The database of a worker.

    Attributes:
        reports: computes reports.
        rows: writes event rows.
    """

    reports: ReportSource
    rows: EventWriter
