"""The ledgers over many time buckets, held against a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import redis.asyncio

from redis_rehearsal.cache.route import Role
from redis_rehearsal.engine.ledgers import SharedLedgers
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.ledger_keeper import Connect, LedgerKeeper
from redis_rehearsal.workload.keys import Keys
from tests.integration.verification.conftest import GetServer, outside

BUCKET_SECONDS, SHORTLY_BEFORE_SECONDS, KEPT, BUCKETS = 10, 6, 4, 40
ORGANIZATIONS = [1, 2, 3]


def keeper_of(connect: Connect, keys: Keys, wall_clock: Callable[[], float]) -> LedgerKeeper:
    tenants, store = [ORGANIZATIONS], SharedLedgers()
    return LedgerKeeper(connect, keys, wall_clock, BUCKET_SECONDS, KEPT, tenants, (), 10, lambda: None, store)


def test_what_expired_is_counted_for_good_and_remembered_by_name_for_a_while(get_server: GetServer) -> None:
    server, keys = get_server("valkey-9.1"), Keys("kept:", "run")

    async def go_on() -> tuple[list[int], int, int, int]:
        now = 1_000_000.0

        @contextlib.asynccontextmanager
        async def connect() -> AsyncIterator[Mapping[Role, redis.asyncio.Redis]]:
            async with redis.asyncio.Redis(port=server.port, protocol=2) as client:
                yield {"source": client, "target": client}

        keeper = LedgerKeeper(
            connect, keys, lambda: now, BUCKET_SECONDS, KEPT, [ORGANIZATIONS], (), 10, lambda: None, SharedLedgers()
        )
        # Else the server's clock, which is years ahead of this one, would have all counters expire.
        keeper._server_lead_seconds = 0.0
        remembered, acknowledged = [], 0
        (worker,) = keeper.ledgers
        with outside(server) as client:
            for number in range(BUCKETS):
                await keeper.open_ahead()
                bucket = int(now) // BUCKET_SECONDS
                place = worker.ledger.place(bucket)
                worker.ledger.sent[place] += 2
                worker.ledger.acknowledged[place] += 2
                acknowledged += 2
                # Of every tenth bucket one increment is lost behind our back.
                client.set(keys.counter(ORGANIZATIONS[0], 0, bucket * BUCKET_SECONDS), 1 if number % 10 == 0 else 2)
                # Late enough to be retired, and early enough to be read.
                now += SHORTLY_BEFORE_SECONDS
                await keeper.retire()
                now += BUCKET_SECONDS - SHORTLY_BEFORE_SECONDS
                remembered.append(len((await keeper.audit()).verified))
        whole = await keeper.audit()
        return remembered, whole.result.acknowledged - acknowledged, whole.result.lost, len(whole.worst)

    remembered, surplus, lost, worst = asyncio.run(go_on())
    assert (surplus, lost, worst) == (0, BUCKETS // 10, BUCKETS // 10)
    # As many as are open or have just expired, and not one for each bucket that there ever was.
    assert max(remembered[BUCKETS // 2 :]) == max(remembered[: BUCKETS // 2])


def test_what_is_settled_while_it_is_read_is_not_lost(get_server: GetServer) -> None:
    """It was in doubt before and is stranded after, or is written meanwhile: it is stranded at most, and not lost."""
    server, keys = get_server("valkey-9.1"), Keys("settled:", "run")
    writes, settled = 6, 4

    async def judge() -> Audit:
        class Busy(redis.asyncio.Redis):
            """A client during whose reading the worker goes on."""

            async def mget(self, *names: Any) -> Any:
                values = await super().mget(*names)
                if ledger.doubtful[place] == writes:
                    for name, change in (("stranded", settled), ("doubtful", -settled)):
                        getattr(ledger, name)[place] += change
                # One that is never at rest.
                ledger.sent[place] += 1
                return values

        @contextlib.asynccontextmanager
        async def connect() -> AsyncIterator[Mapping[Role, redis.asyncio.Redis]]:
            async with Busy(port=server.port, protocol=2) as client:
                yield {"source": client, "target": client}

        keeper = LedgerKeeper(
            connect,
            keys,
            lambda: 1_000_000.0,
            BUCKET_SECONDS,
            KEPT,
            [ORGANIZATIONS],
            (),
            10,
            lambda: None,
            SharedLedgers(),
        )
        keeper._server_lead_seconds = 0.0
        ledger = keeper.ledgers[0].ledger
        place = ledger.place(1_000_000 // BUCKET_SECONDS)
        await keeper.open_ahead()
        for name in ("sent", "acknowledged", "doubtful"):
            getattr(ledger, name)[place] += writes
        return await keeper.audit()

    found = asyncio.run(judge()).result
    # None of them is there; nothing was stranded for sure when they were counted.
    assert (found.missing, found.lost, found.stranded, found.stranded_at_most) == (writes, 0, 0, writes)
