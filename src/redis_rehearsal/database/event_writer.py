"""Event rows on their way to PostgreSQL: bounded, in batches, each exactly once."""

import asyncio
from collections import deque
from typing import Any, Final

import asyncpg

from redis_rehearsal.database.connection import CONNECTION_ERRORS, connect
from redis_rehearsal.database.counts import RowCounts
from redis_rehearsal.database.rows import EventRows
from redis_rehearsal.database.seed import copy_rows

BATCH_ROWS: Final = 2_000
FLUSH_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 0.25
_MOST_REFUSALS: Final = 40
"""How often a batch is sent again whose rows the database refuses: ten seconds, in which a partition may be made."""

_CLAIM: Final = """
INSERT INTO analytics.batches AS b (run_id, worker, number) VALUES ($1, $2, $3)
ON CONFLICT (run_id, worker) DO UPDATE SET number = excluded.number WHERE b.number < excluded.number"""

_ROLL_UP: Final = """
INSERT INTO analytics.{table} AS r (organization_id, bucket_start, {value}, events)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::bigint[])
ON CONFLICT (organization_id, bucket_start, {value}) DO UPDATE SET events = r.events + excluded.events"""


class PostgresEventWriter:
    """See `EventWriter`; the roll-ups are written in the same transaction.

    A batch has a number that is committed with it. When a connection breaks so that nobody knows whether the
    batch was committed, it is sent again under the same number, which the database then refuses or takes.

    Args:
        url: of the database.
        run_id: identifies the run.
        worker: index of the worker.
        bucket_seconds: length of a time bucket.
        limit_rows: most rows that wait; what is over is dropped.
        timeout_seconds: to connect, and for each command.

    Attributes:
        buffered: rows that wait.
        counts: of rows.
        last_error: why the last attempt failed; empty since one succeeded.
    """

    def __init__(
        self, url: str, run_id: str, worker: int, bucket_seconds: int, limit_rows: int, timeout_seconds: float
    ) -> None:
        self._url = url
        self._run_id = run_id
        self._worker = worker
        self._bucket_seconds = bucket_seconds
        self._limit_rows = limit_rows
        self._timeout_seconds = timeout_seconds
        self._waiting: deque[EventRows] = deque()
        self._batch: EventRows | None = None
        self._batch_number = 0
        self._connection: Any = None
        self._ending = asyncio.Event()
        self._abandoned = False
        self.buffered = 0
        self.counts = RowCounts()
        self.last_error = ""

    def append(self, rows: EventRows) -> None:
        """Take rows to be written; they are dropped where too many wait already."""
        if self.buffered + len(rows) > self._limit_rows:
            self.counts.dropped += len(rows)
            return
        self._waiting.append(rows)
        self.buffered += len(rows)

    async def run(self) -> None:
        """Write until `end` was called and nothing is left."""
        refusals = 0
        while True:
            if self._batch is None:
                if self._ending.is_set() and not self._waiting:
                    break
                if not self._ending.is_set() and self.buffered < BATCH_ROWS:
                    await self._pause(FLUSH_SECONDS)
                self._batch = self._next_batch()
                if self._batch is None:
                    continue
            try:
                await self._write(self._batch)
            except CONNECTION_ERRORS as error:
                self.last_error = str(error).partition("\n")[0] or type(error).__name__
                self._terminate()
                if self._abandoned:
                    break
                refused = isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DataError)
                refusals = refusals + 1 if refused else 0
                if refusals < _MOST_REFUSALS:
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                # Rows of a time that is no longer kept have no place; the others must not wait for them.
                self.counts.dropped += len(self._batch)
            else:
                self.last_error = ""
                self.counts.written += len(self._batch)
            refusals = 0
            self.buffered -= len(self._batch)
            self._batch = None
        self._terminate()

    def end(self) -> None:
        """Let `run` return once all that was appended is written."""
        self._ending.set()

    def abandon(self) -> None:
        """Count what is still waiting as dropped: the run ends without it."""
        self.counts.dropped += self.buffered
        self.buffered = 0
        self._waiting.clear()
        self._batch = None
        self._terminate()

    def give_up(self) -> None:
        """Let `run` return at its next failure."""
        self._abandoned = True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return

    def _next_batch(self) -> EventRows | None:
        taken: list[EventRows] = []
        rows = 0
        while self._waiting and rows < BATCH_ROWS:
            block = self._waiting.popleft()
            taken.append(block)
            rows += len(block)
        if not taken:
            return None
        self._batch_number += 1
        return EventRows.joined(taken)

    async def _write(self, rows: EventRows) -> None:
        if self._connection is None:
            self._connection = await connect(self._url, self._timeout_seconds, "redis-rehearsal event writer")
        connection = self._connection
        async with asyncio.timeout(self._timeout_seconds):
            async with connection.transaction():
                claimed = await connection.execute(_CLAIM, self._run_id, self._worker, self._batch_number)
                if claimed == "INSERT 0 1":
                    await copy_rows(connection, rows, self._timeout_seconds)
                    for table, value in (("hourly_events", "type"), ("hourly_pages", "page")):
                        values = rows.types if value == "type" else rows.pages
                        await connection.execute(
                            _ROLL_UP.format(table=table, value=value),
                            *rows.counted(values, self._bucket_seconds),
                        )

    def _terminate(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
