"""What each worker is to do: its share of the load, of the tenants and of all limits."""

import os

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.migration.site import Sites
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.ledger_keeper import LedgerKeeper
from redis_rehearsal.workload.hit_ratio import HitRatioModel
from redis_rehearsal.workload.questions import Novelty


def worker_plans(
    settings: Settings,
    sites: Sites,
    keeper: LedgerKeeper,
    clock: WallClock,
    run_name: str,
    tenants_by_worker: list[list[int]],
    shares: NDArray[np.float64],
    novelty: Novelty,
    model: HitRatioModel,
) -> list[WorkerPlan]:
    """The plans of all workers.

    Args:
        settings: of the run.
        sites: the servers that they use.
        keeper: of their ledgers.
        clock: the run's time of day.
        run_name: of the run's directory.
        tenants_by_worker: numbers of the tenants of each worker.
        shares: of the load, of each tenant, shape (tenants,).
        novelty: how many questions are new.
        model: of the cache in the long run.
    """
    workers = settings.workers
    # More than one microsecond passes for each event, so that the next run's ids are higher.
    first_event_id = int(clock.now() * 1e6)
    plans = []
    presence = model.presence(novelty)
    for index, (tenants, ledger) in enumerate(zip(tenants_by_worker, keeper.ledgers, strict=True)):
        share = float(shares[tenants].sum())
        plans.append(
            WorkerPlan(
                index=index,
                workers=workers,
                run_id=f"{run_name}-{os.getpid()}",
                endpoints=sites.endpoints,
                database_url=sites.database.url,
                organizations=ledger.organizations,
                tenant_shares=shares[tenants],
                ledger_slots=keeper.slots,
                clock=clock,
                first_event_id=first_event_id,
                data_types=sites.data_types,
                presence=presence[tenants],
                reports_expire=model.expires,
                events_per_second=settings.events_per_second * share,
                queries_per_second=settings.queries_per_second * share,
                max_workers=max(1, settings.max_workers // workers),
                max_queued_queries=int(settings.queue_limit(settings.queries_per_second) * share),
                max_queued_events=int(settings.queue_limit(settings.events_per_second) * share),
                operation_timeout=settings.operation_timeout,
                redis_pool_size=settings.redis_pool_size // workers,
                database_pool_size=max(1, settings.database_pool_size // workers),
                cache_ttl=settings.cache_ttl,
                time_buckets=settings.time_buckets,
                time_bucket_seconds=settings.time_bucket_seconds,
                users_per_org=settings.users_per_org,
                arrivals=settings.arrivals,
                validation_sample_rate=settings.validation_sample_rate,
                query_complexity=settings.query_complexity,
                single_flight=settings.single_flight,
                event_buffer_rows=settings.event_buffer_rows // workers,
                seed=settings.seed,
                keys=keeper.keys,
                novelty=novelty,
                log_level=settings.log_level,
                log_format=settings.log_format,
            )
        )
    return plans
