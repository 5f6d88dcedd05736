"""Computing reports in PostgreSQL, counted and timed."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from redis_rehearsal.clock import monotonic
from redis_rehearsal.database.connection import CONNECTION_ERRORS, connect
from redis_rehearsal.database.counts import ReportCounts
from redis_rehearsal.database.reports import Entries, Window, compute
from redis_rehearsal.workload.queries import Filter


class PostgresReportSource:
    """See `ReportSource`.

    It keeps its connections itself, since asyncpg's pool sends a second query to reset a connection each time
    one is given back, which here would be half of all the work.

    Args:
        url: of the database.
        pool_size: most connections.
        timeout_seconds: to connect.
        complexity: see QUERY_COMPLEXITY.
        bucket_seconds: length of a time bucket.
        buckets_kept: see TIME_BUCKETS.
        wall_clock: the current Unix time in seconds.

    Attributes:
        counts: of reports; see `take_counts`.
        last_error: why the last one failed; empty since one was answered.
    """

    def __init__(
        self,
        url: str,
        pool_size: int,
        timeout_seconds: float,
        complexity: int,
        bucket_seconds: int,
        buckets_kept: int,
        wall_clock: Callable[[], float],
    ) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._complexity = complexity
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self._wall_clock = wall_clock
        self._idle: list[Any] = []
        self._unopened = pool_size
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._durations_seconds: list[float] = []
        self.counts = ReportCounts()
        self.last_error = ""

    def close(self) -> None:
        """Close all connections at once."""
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()

    async def compute(self, kind: str, organization: int, asked: Filter) -> Entries:
        """Compute a report. To bound it, cancel it: its connection is then given up.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is at fault.
        """
        self.counts.asked += 1
        started = monotonic()
        try:
            connection = await self._acquire()
            try:
                window = Window.at(self._wall_clock(), self._bucket_seconds, self._buckets_kept)
                entries = await compute(connection, kind, organization, asked, window, self._complexity)
            except BaseException:
                # Also after an error that the server sent: it may be its last word before it goes.
                connection.terminate()
                raise
            finally:
                self._release(connection)
        except CONNECTION_ERRORS as error:
            self.counts.failed += 1
            self.last_error = str(error) or type(error).__name__
            raise
        except asyncio.CancelledError:
            self.counts.failed += 1
            self.last_error = "it did not answer in time"
            raise
        self.last_error = ""
        self._durations_seconds.append(monotonic() - started)
        return entries

    async def _acquire(self) -> Any:
        while True:
            if self._idle:
                connection = self._idle.pop()
                if connection.is_closed():
                    self._unopened += 1
                    continue
                return connection
            if self._unopened:
                self._unopened -= 1
                try:
                    return await connect(self._url, self._timeout_seconds, "redis-rehearsal worker", bounded=False)
                except BaseException:
                    self._unopened += 1
                    self._wake()
                    raise
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()  # it was our turn; it is the next one's now
                raise

    def _release(self, connection: Any) -> None:
        if connection.is_closed():
            self._unopened += 1
        else:
            self._idle.append(connection)
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def take_counts(self) -> ReportCounts:
        """Hand over what was counted since the last time."""
        self.counts.duration.record(self._durations_seconds)
        self._durations_seconds.clear()
        return self.counts.take()
