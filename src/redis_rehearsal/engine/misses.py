"""Queries that missed: the database is asked, once for all who miss together, and the cache is filled."""

import asyncio
from collections.abc import Callable

from redis_rehearsal.clock import NO_STANDSTILL, Standstill, WallClock, monotonic
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.database.ports import ReportSource
from redis_rehearsal.engine.cache_writer import CacheWriter
from redis_rehearsal.engine.counts import QueryCounts
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.questions import Novel, QueryBlocks
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.workload.queries import SLOTS, Filter

Waiter = tuple[float, float]
"""A query that missed: its intended start, and when its read was written."""
Release = Callable[[int], None]
"""Told how many queries have their answer."""


class Misses:
    """What the cache of a worker does not have.

    Args:
        blocks: knows the questions.
        reports: the database.
        writer: fills the cache.
        recorder: keeps the tallies.
        counts: of queries.
        clock: the run's time of day.
        timeout_seconds: of a query.
        buckets_kept: see TIME_BUCKETS.
        single_flight: whether misses of one report share one database query.
    """

    def __init__(
        self,
        blocks: QueryBlocks,
        reports: ReportSource,
        writer: CacheWriter,
        recorder: Recorder,
        counts: QueryCounts,
        clock: WallClock,
        *,
        timeout_seconds: float,
        buckets_kept: int,
        single_flight: bool,
    ) -> None:
        self._blocks = blocks
        self._reports = reports
        self._writer = writer
        self._recorder = recorder
        self._counts = counts
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._buckets_kept = buckets_kept
        self._single_flight = single_flight
        self._flights: dict[int | Novel, list[Waiter]] = {}
        self._asked_seconds: dict[asyncio.Task[None], float] = {}

    def add(self, question: int | Novel, waiter: Waiter, release: Release) -> None:
        """Answer a query that missed, in time."""
        if self._single_flight:
            waiters = self._flights.get(question)
            if waiters is not None:
                waiters.append(waiter)
                return
            waiters = self._flights[question] = [waiter]
        else:
            waiters = [waiter]
        task = asyncio.get_running_loop().create_task(self._answer(question, waiters, release))
        self._asked_seconds[task] = waiter[1]
        task.add_done_callback(self._asked_seconds.pop)

    def fail_overdue(self, now_seconds: float, still: Standstill = NO_STANDSTILL) -> None:
        """Fail those whose database query has taken too long.

        Args:
            now_seconds: on the monotonic clock.
            still: when this process last stood still; that time does not count.
        """
        # One look at all of them now and then costs less than a timer for each.
        for task, asked in self._asked_seconds.items():
            if now_seconds - asked - still.since(asked) > self._timeout_seconds:
                task.cancel()

    async def _answer(self, question: int | Novel, waiters: list[Waiter], release: Release) -> None:
        outcome = Outcome.OK
        try:
            await self.fill(question)
        except CONNECTION_ERRORS:
            outcome = Outcome.FAILED
            self._counts.failures["database"] += len(waiters)
        except asyncio.CancelledError:
            outcome = Outcome.FAILED
            self._counts.failures["database timeout"] += len(waiters)
        finally:
            if self._flights.get(question) is waiters:
                del self._flights[question]
        now = monotonic()
        for intended, written in waiters:
            self._recorder.record(outcome, [intended], written, now)
        release(len(waiters))

    async def fill(self, question: int | Novel, life_ratio: float = 1.0) -> None:
        """Compute a report and hand it to the cache; does not wait for the cache. To bound it, cancel it.

        Args:
            question: what the report answers.
            life_ratio: how much of its time to live is left.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is at fault.
        """
        tenant, slot, number = self._blocks.split(question)
        ticket = self._writer.ticket(tenant)
        computed_ms = int(self._clock.now() * 1000)
        entries = await self._reports.compute(
            SLOTS[slot].kind.name,
            self._blocks.organization(tenant),
            Filter.numbered(number, self._buckets_kept),
        )
        self._writer.store(question, tenant, ticket, entries, computed_ms, life_ratio)

    async def settle(self) -> None:
        """Wait for the database queries that are under way; their deadlines bound it."""
        while self._asked_seconds:
            await asyncio.wait(list(self._asked_seconds))
