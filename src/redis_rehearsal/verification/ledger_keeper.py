"""Keeps the ledgers of all workers: opens their buckets ahead, and holds them against the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

import numpy as np
import redis.asyncio as redis
from numpy.typing import NDArray
from redis.exceptions import ResponseError

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.ledgers import COUNTERS, LedgerStore
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.lanes import Lanes
from redis_rehearsal.verification.live_keeper import LiveLedger, audit_live, unread
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.reconcile import reconcile
from redis_rehearsal.workload.buckets import expires_seconds
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.live import LiveStructure

_TYPES: Final = len(EVENT_TYPES)
_CHUNK_KEYS: Final = 1000
BUCKETS_AHEAD: Final = 2
_RETIRE_SECONDS: Final = 60.0
_VOUCHED_BUCKETS: Final = 3
"""For so many retired buckets keys are remembered by name: theirs may not have expired everywhere yet."""
_SETTLE_ROUNDS: Final = 20
_SETTLE_KEYS: Final = 50
_DIGITS: Final = 18
_MOST_COUNT: Final = 10**15

Connect = Callable[[], AbstractAsyncContextManager[Mapping[Role, redis.Redis]]]


@dataclass(slots=True)
class WorkerLedger:
    """A worker's ledger as the coordinator holds it.

    Attributes:
        organizations: numbers of the worker's organisations.
        ledger: the account.
        live: the accounts of live structures.
    """

    organizations: list[int]
    ledger: Ledger
    live: list[LiveLedger]


@dataclass(slots=True)
class _Reading:
    """Counters and what the ledger says of them; all of shape (tenants, types)."""

    acknowledged: NDArray[np.int64]
    possible: NDArray[np.int64]
    stranded: NDArray[np.int64]
    doubtful: NDArray[np.int64]
    final: NDArray[np.int64] | None


class LedgerKeeper:
    """The ledgers of a run.

    Args:
        connect: makes connections to the servers, by role, and closes them with the block. They are made anew for each
            reading, since behind an address there may be another server by now. Each tenant's counters are read from
            its truth.
        keys: the names of keys.
        wall_clock: the current Unix time in seconds.
        bucket_seconds: length of a time bucket.
        buckets_kept: how many buckets a counter outlives its own.
        tenants_by_worker: numbers of the organisations of each worker.
        structures: the kinds of live structures that are kept.
        users_per_org: how many users each organisation has.
        fallback: the server that has what the truth does not have yet, at the moment; None for none.
        store: in which the ledgers are made.
    """

    def __init__(
        self,
        connect: Connect,
        keys: Keys,
        wall_clock: Callable[[], float],
        bucket_seconds: int,
        buckets_kept: int,
        tenants_by_worker: list[list[int]],
        structures: Sequence[LiveStructure],
        users_per_org: int,
        fallback: Callable[[], Role | None],
        store: LedgerStore,
    ) -> None:
        self._fallback = fallback
        self._connect = connect
        self._clients: Mapping[Role, redis.Redis] = {}
        self._turn = asyncio.Lock()
        self.keys = keys
        self._wall_clock = wall_clock
        self._server_lead_seconds: float | None = None
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self.slots = buckets_kept + BUCKETS_AHEAD + 3
        self.ledgers: list[WorkerLedger] = []
        for worker, organizations in enumerate(tenants_by_worker):
            tenants = len(organizations)
            ledger = store.make(worker, COUNTERS, tenants, _TYPES, self.slots)
            live = [
                LiveLedger(each, width, store.make(worker, each.name, tenants, width, self.slots))
                for each in structures
                for width in (each.width(users_per_org),)
            ]
            self.ledgers.append(WorkerLedger(organizations, ledger, live))
        self._retired = Audit()
        self._retired_through = -1
        self._vouched: dict[int, set[str]] = {}

    async def open_ahead(self) -> None:
        """Read the baselines of the current bucket and the next ones, before the first write to them.

        Raises:
            RedisError, OSError, TimeoutError: the server cannot be read; to be tried again.
        """
        current = int(self._wall_clock()) // self._bucket_seconds
        if self._server_lead_seconds is not None and all(
            worker.ledger.has(bucket)
            for worker in self.ledgers
            for bucket in range(current, current + BUCKETS_AHEAD + 1)
        ):
            return
        async with self._connected():
            if self._server_lead_seconds is None:
                self._server_lead_seconds = await self._server_lead()
            await self._open_from(current)

    async def _open_from(self, current: int) -> None:
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
            async with self._connected():
                await self._audit_bucket(bucket, audit)
            self._vouched[bucket] = audit.verified
            for old in [each for each in self._vouched if each <= bucket - _VOUCHED_BUCKETS]:
                del self._vouched[old]
            audit.verified, audit.unsettled = set(), set()
            self._retired.merge(audit)
            self._retired_through = bucket

    async def audit(self) -> Audit:
        """Hold all ledgers against the servers, now; also right while writes are under way."""
        whole = Audit()
        whole.merge(self._retired)
        whole.verified.update(*self._vouched.values())
        async with self._connected():
            for bucket in self._open_buckets():
                part = Audit()
                try:
                    # Once it could not be read, the rest is not waited for.
                    await self._audit_bucket(bucket, part, read=not whole.error)
                except CLIENT_ERRORS as error:
                    part = Audit(error=Cause.COUNTERS_UNREAD.because(error=str(error) or type(error).__name__))
                    await self._audit_bucket(bucket, part, read=False)
                whole.merge(part)
        return whole

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        async with self._turn, self._connect() as clients:
            self._clients = clients
            yield

    def _left_seconds(self, bucket: int) -> float:
        """Until the bucket's counters expire, by whichever clock is ahead."""
        expiry = expires_seconds(bucket, self._buckets_kept, self._bucket_seconds)
        return expiry - self._wall_clock() - max(0.0, self._server_lead_seconds or 0.0)

    async def _server_lead(self) -> float:
        """By how much a server's clock is ahead of ours at most; 0 where none is, or none may be asked."""
        leads = [0.0]
        for client in self._clients.values():
            try:
                seconds, microseconds = await client.time()
            except ResponseError:
                continue
            leads.append(int(seconds) + int(microseconds) / 1e6 - self._wall_clock())
        return max(leads)

    def _open_buckets(self) -> list[int]:
        buckets = {bucket for worker in self.ledgers for bucket in worker.ledger.buckets()}
        return sorted(bucket for bucket in buckets if bucket > self._retired_through)

    async def _audit_bucket(self, bucket: int, audit: Audit, *, read: bool = True) -> None:
        for worker in self.ledgers:
            ledger = worker.ledger
            if not ledger.has(bucket):
                continue
            reading = await self._settle(worker, bucket, read=read and self._left_seconds(bucket) > 0)
            if self._left_seconds(bucket) <= 0:
                reading.final = None  # what was read may be what expiry left
            baseline = ledger.lane("baseline", bucket)
            found = reconcile(
                baseline, reading.acknowledged, reading.possible, reading.final, reading.stranded, reading.doubtful
            )
            keys = self._counter_keys(worker, bucket)
            verified = {keys[place] for place in found.verified}
            worst = [(keys[each.place], worker.organizations[each.place // _TYPES], each) for each in found.worst]
            part = Audit(found, worst, verified)
            audit.merge(part)
            await self._audit_live(worker, bucket, audit, read=read)

    async def _audit_live(self, worker: WorkerLedger, bucket: int, audit: Audit, *, read: bool) -> None:
        for live in worker.live:
            if not live.ledger.has(bucket):
                continue
            part = unread(live, bucket)
            if read and self._left_seconds(bucket) > 0:
                start, truths = bucket * self._bucket_seconds, worker.ledger.truths()
                fallback = self._fallback()
                seen = await audit_live(
                    self._clients, self.keys, live, worker.organizations, truths, bucket, start, fallback
                )
                if self._left_seconds(bucket) > 0:  # else it may be what expiry left
                    part = seen
            audit.merge(part)

    async def _settle(self, worker: WorkerLedger, bucket: int, *, read: bool) -> _Reading:
        """Read a bucket's counters, and again those that were written to meanwhile, until few are in doubt."""
        ledger = worker.ledger
        before = Lanes.of(ledger, bucket)
        final = await self._read(worker, bucket) if read else None
        # In this order, so that what fails meanwhile is taken for possible rather than for impossible.
        after = Lanes.of(ledger, bucket)
        # Stranded for sure is what was before; perhaps, whatever it came to meanwhile, settled or not.
        perhaps = np.maximum(before.at_most_stranded, after.at_most_stranded) - before.stranded
        reading = _Reading(before.acknowledged, after.possible, before.stranded, perhaps, final)
        doubtful = ~after.is_quiet(before)
        for _ in range(_SETTLE_ROUNDS):
            if final is None or not doubtful.any():
                break
            # Few at a time: the less time passes, the fewer are written to in it.
            for places in np.array_split(np.flatnonzero(doubtful), -(-int(doubtful.sum()) // _SETTLE_KEYS)):
                before = Lanes.of(ledger, bucket)
                values = await self._read(worker, bucket, places)
                after = Lanes.of(ledger, bucket)
                quiet = places[after.is_quiet(before).ravel()[places]]
                for lane, value in (
                    (reading.acknowledged, after.acknowledged),
                    (reading.possible, after.possible),
                    (reading.stranded, after.stranded),
                    (reading.doubtful, after.doubtful),
                    (final, values),
                ):
                    lane.ravel()[quiet] = value.ravel()[quiet]
                doubtful.ravel()[quiet] = False
        return reading

    def _counter_keys(self, worker: WorkerLedger, bucket: int) -> list[str]:
        start = bucket * self._bucket_seconds
        return [
            self.keys.counter(organization, kind, start)
            for organization in worker.organizations
            for kind in range(_TYPES)
        ]

    async def _read(
        self, worker: WorkerLedger, bucket: int, places: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """The values of a bucket's counters on their truth, shape (tenants, types); 0 where `places` has not one."""
        keys = self._counter_keys(worker, bucket)
        wanted = np.arange(len(keys)) if places is None else places
        truth = np.repeat(worker.ledger.truths(), _TYPES)[wanted]
        values = np.zeros(len(keys), dtype=np.int64)
        for index, role in enumerate(ROLES):
            here = wanted[truth == index].tolist()
            for start in range(0, len(here), _CHUNK_KEYS):
                chunk = here[start : start + _CHUNK_KEYS]
                names = [keys[place] for place in chunk]
                replies = await self._clients[role].mget(names)
                fallback = self._fallback()
                if fallback is not None and None in replies:
                    # Read first where they come from, so that one that is moved right now is seen on one of the two.
                    there = await self._clients[fallback].mget(names)
                    replies = [
                        other if here is None else here
                        for here, other in zip(await self._clients[role].mget(names), there, strict=True)
                    ]
                values[chunk] = [_count(reply) for reply in replies]
        return values.reshape(-1, _TYPES)


def _count(reply: bytes | str | None) -> int:
    """What a counter holds; 0 where there is none, or something that is none."""
    if reply is None or not reply.isdigit():
        return 0
    # Nobody has counted so far: what is that long was put there.
    return min(int(reply[:_DIGITS]), _MOST_COUNT)
