"""What has to be done again and again while the load runs."""

import asyncio
import contextlib
from typing import Final

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.clock import monotonic
from redis_rehearsal.coordinator.equipment import Equipment
from redis_rehearsal.coordinator.workers import Workers
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.engine.messages import SetNovelty
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.ledger_keeper import LedgerKeeper
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.workload.hit_ratio import joined_novelty, split_novelty
from redis_rehearsal.workload.questions import Novelty

_REFRESH_SHARE: Final = 0.5
"""A refresh is spread over this share of its interval, so that it disturbs queries little."""
_SETTLED_SECONDS: Final = 2.0
"""Warm-up load whose hit ratio is not looked at yet."""


async def keep_buckets(keeper: LedgerKeeper, equipment: Equipment, view: RunView, bucket_seconds: int) -> None:
    """Open buckets of the ledger and partitions of the database ahead of their time, and retire old ones."""
    last_bucket = 0
    while True:
        await asyncio.sleep(min(1.0, bucket_seconds / 10))
        # Tried again; the watch on health shows it. Each by itself: retiring needs no server once it is late.
        with contextlib.suppress(*CLIENT_ERRORS):
            await keeper.retire()
        with contextlib.suppress(*CLIENT_ERRORS):
            await keeper.open_ahead()
        bucket = int(view.clock.now()) // bucket_seconds
        if bucket != last_bucket:
            with contextlib.suppress(*CONNECTION_ERRORS):  # tried again; the watch on health shows it
                await equipment.database.extend_partitions()
                last_bucket = bucket


async def adjust_novelty(workers: Workers, view: RunView, settings: Settings, novelty: Novelty) -> None:
    """Steer the share of new questions until the hit ratio is as asked for.

    During the warm-up load only: what a migration does to the hit ratio must not be steered away.

    Args:
        workers: asks the questions.
        view: of the run.
        settings: of the run.
        novelty: with which the load began.
    """
    target = settings.cache_hit_target / 100
    before = (0, 0)
    while (left := view.steady_seconds - monotonic()) > 0:
        await asyncio.sleep(min(_SETTLED_SECONDS, left))
        tally = view.totals.counts.recorded_queries.whole()
        hits, misses = tally.hits - before[0], tally.misses - before[1]
        before = (tally.hits, tally.misses)
        if monotonic() - view.began_seconds < 1.5 * _SETTLED_SECONDS or hits + misses < 1000:
            continue
        novelty = split_novelty(joined_novelty(novelty) + hits / (hits + misses) - target)
        workers.fleet.tell(SetNovelty(novelty))


async def refresh_cache(workers: Workers, view: RunView, interval_seconds: float) -> None:
    """Ask every standing question again at an interval; 0 for never."""
    while interval_seconds:
        await asyncio.sleep(interval_seconds)
        # What a migration does to the cache must not be mended; and the last one may still run.
        if workers.is_warm and not view.migration_going_on:
            workers.refresh(interval_seconds * _REFRESH_SHARE)
