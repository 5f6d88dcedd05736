"""Computing reports in PostgreSQL, with a deadline, counted and timed."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import asyncpg

from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.database.reports import Entries, Window, compute
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.workload.queries import Filter


class ReportSource:
    """PostgreSQL as a worker sees it.

    Args:
        url: of the database.
        pool_size: most connections.
        timeout_seconds: to connect.
        complexity: see QUERY_COMPLEXITY.
        bucket_seconds: length of a time bucket.
        buckets_kept: see TIME_BUCKETS.
        wall_clock: the current Unix time in seconds.

    Attributes:
        queries: how many reports were asked for, failed ones included.
        failed: how many of them failed.
        duration: of those that were answered.
        last_error: why the last one failed; empty if none did.
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
        self._pool: Any = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=pool_size,
            timeout=timeout_seconds,
            max_inactive_connection_lifetime=0,
            server_settings={
                "application_name": "redis-rehearsal worker",
                "search_path": "analytics",
                "jit": "off",
            },
        )
        self._complexity = complexity
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self._wall_clock = wall_clock
        self.queries = 0
        self.failed = 0
        self.duration = Histogram()
        self.last_error = ""
        self._durations_seconds: list[float] = []

    async def open(self) -> None:
        """Make the pool; it connects when it is first needed."""
        await self._pool

    async def close(self) -> None:
        """Close all connections at once."""
        self._pool.terminate()

    async def compute(self, kind: str, organization: int, asked: Filter) -> Entries:
        """Compute a report. To bound it, cancel it: its connection is then given up.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is at fault.
        """
        self.queries += 1
        started = monotonic()
        try:
            connection = await self._pool.acquire()
            try:
                window = Window.at(self._wall_clock(), self._bucket_seconds, self._buckets_kept)
                entries = await compute(connection, kind, organization, asked, window, self._complexity)
            except BaseException as error:
                # What a cancelled or broken query left on the connection is not waited for.
                if not isinstance(error, asyncpg.PostgresError) or connection.is_in_transaction():
                    connection.terminate()
                raise
            finally:
                await self._pool.release(connection)
        except CONNECTION_ERRORS as error:
            self.failed += 1
            self.last_error = str(error) or type(error).__name__
            raise
        except BaseException:
            self.failed += 1
            self.last_error = "it did not answer in time"
            raise
        self._durations_seconds.append(monotonic() - started)
        return entries

    def flush(self) -> None:
        """Bring `duration` up to date."""
        self.duration.record(self._durations_seconds)
        self._durations_seconds.clear()
