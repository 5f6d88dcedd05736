"""Keeps the ledgers of all workers: opens their buckets ahead, and holds them against the server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import redis.asyncio as redis
from numpy.typing import NDArray
from redis.exceptions import ResponseError

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.verification.reconcile import Reconciliation, reconcile
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys

_TYPES: Final = len(EVENT_TYPES)
_CHUNK_KEYS: Final = 1000
BUCKETS_AHEAD: Final = 2
_RETIRE_SECONDS: Final = 60.0


@dataclass(slots=True)
class WorkerLedger:
    """A worker's ledger as the coordinator holds it.

    Attributes:
        organizations: numbers of the worker's organisations.
        descriptor: of the memory.
        ledger: the account.
    """

    organizations: list[int]
    descriptor: int
    ledger: Ledger


@dataclass(slots=True)
class Audit:
    """All ledgers held against the server.

    Attributes:
        result: the sums.
        worst: the counters with most lost and duplicated, at most ten: key, lost, duplicated.
        error: why counters could not be read; empty if they could.
    """

    result: Reconciliation = field(default_factory=Reconciliation)
    worst: list[tuple[str, int, int]] = field(default_factory=list)
    error: str = ""


class LedgerKeeper:
    """The ledgers of a run.

    Args:
        client: of the server whose counters are compared.
        keys: the names of keys.
        wall_clock: the current Unix time in seconds.
        bucket_seconds: length of a time bucket.
        buckets_kept: how many buckets a counter outlives its own.
        tenants_by_worker: numbers of the organisations of each worker.
    """

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        wall_clock: Callable[[], float],
        bucket_seconds: int,
        buckets_kept: int,
        tenants_by_worker: list[list[int]],
    ) -> None:
        self._client = client
        self._keys = keys
        self._wall_clock = wall_clock
        self._server_lead_seconds: float | None = None
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self.slots = buckets_kept + BUCKETS_AHEAD + 3
        self.ledgers: list[WorkerLedger] = []
        for organizations in tenants_by_worker:
            descriptor = create_memory(Ledger.size_bytes(len(organizations), _TYPES, self.slots))
            ledger = Ledger(descriptor, len(organizations), _TYPES, self.slots)
            self.ledgers.append(WorkerLedger(organizations, descriptor, ledger))
        self._retired = Audit()
        self._retired_through = -1

    async def open_ahead(self) -> None:
        """Read the baselines of the current bucket and the next ones, before the first write to them.

        Raises:
            RedisError, OSError, TimeoutError: the server cannot be read; to be tried again.
        """
        if self._server_lead_seconds is None:
            self._server_lead_seconds = await self._server_lead()
        current = int(self._wall_clock()) // self._bucket_seconds
        for bucket in range(current, current + BUCKETS_AHEAD + 1):
            # Too late once writes may have begun; the worker then opens it without a baseline.
            if bucket == current and any(worker.ledger.buckets() for worker in self.ledgers):
                continue
            for worker in self.ledgers:
                if not worker.ledger.has(bucket):
                    baseline = await self._read(worker, bucket)
                    if not worker.ledger.has(bucket):
                        worker.ledger.open_bucket(bucket, baseline.ravel())

    async def retire(self) -> None:
        """Hold buckets against the server before their counters expire, and keep the result.

        Raises:
            RedisError, OSError, TimeoutError: the server cannot be read; to be tried again.
        """
        margin = min(_RETIRE_SECONDS, self._bucket_seconds / 2)
        for bucket in self._open_buckets():
            if self._left_seconds(bucket) > margin:
                continue
            audit = Audit()
            await self._audit_bucket(bucket, audit)
            _merge(self._retired, audit)
            self._retired_through = bucket

    async def audit(self) -> Audit:
        """Hold all ledgers against the server, now; also right while writes are under way."""
        whole = Audit()
        _merge(whole, self._retired)
        for bucket in self._open_buckets():
            part = Audit()
            try:
                # Once it could not be read, the rest is not waited for.
                await self._audit_bucket(bucket, part, read=not whole.error)
            except CONTROL_ERRORS as error:
                part = Audit(error=str(error) or type(error).__name__)
                await self._audit_bucket(bucket, part, read=False)
            _merge(whole, part)
        return whole

    def _left_seconds(self, bucket: int) -> float:
        """Until the bucket's counters expire, by whichever clock is ahead."""
        expiry = (bucket + 1 + self._buckets_kept) * self._bucket_seconds
        return expiry - self._wall_clock() - max(0.0, self._server_lead_seconds or 0.0)

    async def _server_lead(self) -> float:
        """By how much the server's clock is ahead of ours; 0 where it may not be asked."""
        try:
            seconds, microseconds = await self._client.time()
        except ResponseError:
            return 0.0
        return int(seconds) + int(microseconds) / 1e6 - self._wall_clock()

    def _open_buckets(self) -> list[int]:
        buckets = {bucket for worker in self.ledgers for bucket in worker.ledger.buckets()}
        return sorted(bucket for bucket in buckets if bucket > self._retired_through)

    async def _audit_bucket(self, bucket: int, audit: Audit, *, read: bool = True) -> None:
        for worker in self.ledgers:
            ledger = worker.ledger
            if not ledger.has(bucket):
                continue
            baseline = ledger.lane("baseline", bucket)
            acknowledged = ledger.lane("acknowledged", bucket)
            final = await self._read(worker, bucket) if read and self._left_seconds(bucket) > 0 else None
            if self._left_seconds(bucket) <= 0:
                final = None  # what was read may be what expiry left
            # In this order, so that what fails meanwhile is taken for possible rather than for impossible.
            failed = ledger.lane("failed", bucket)
            possible = ledger.lane("sent", bucket) - failed
            found = reconcile(baseline, acknowledged, possible, final)
            keys = self._counter_keys(worker, bucket)
            part = Audit(found, [(keys[place], lost, doubled) for place, lost, doubled in found.worst])
            _merge(audit, part)

    def _counter_keys(self, worker: WorkerLedger, bucket: int) -> list[str]:
        start = bucket * self._bucket_seconds
        return [
            self._keys.counter(organization, kind, start)
            for organization in worker.organizations
            for kind in range(_TYPES)
        ]

    async def _read(self, worker: WorkerLedger, bucket: int) -> NDArray[np.int64]:
        keys = self._counter_keys(worker, bucket)
        values: list[int] = []
        for start in range(0, len(keys), _CHUNK_KEYS):
            replies = await self._client.mget(keys[start : start + _CHUNK_KEYS])
            values += [int(reply) if reply is not None and reply.isdigit() else 0 for reply in replies]
        return np.array(values, dtype=np.int64).reshape(-1, _TYPES)


def _merge(into: Audit, part: Audit) -> None:
    into.result.merge(part.result)
    into.worst = sorted(into.worst + part.worst, key=lambda row: -(row[1] + row[2]))[:10]
    into.error = into.error or part.error
