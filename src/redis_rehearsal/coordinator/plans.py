"""What each worker is to do: its share of the load, of the tenants and of all limits."""

import os

from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.plan import LoadSettings, Share, WorkerPlan
from redis_rehearsal.migration.site import Sites
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.ledger_keeper import LedgerKeeper
from redis_rehearsal.workload.hit_ratio import HitRatioModel
from redis_rehearsal.workload.tenants import share_out, zipf_shares


class LoadPlan:
    """Who drives how much of the load, and how much of it the cache is to answer.

    Args:
        settings: of the run.

    Attributes:
        tenants: numbers of the tenants of each worker.
        novelty: how many questions are new.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shares = zipf_shares(settings.organizations, settings.tenant_skew)
        self._model = HitRatioModel(
            self._shares,
            settings.queries_per_second,
            settings.events_per_second,
            settings.cache_ttl,
            settings.warmup_interval,
        )
        self.novelty = self._model.novelty_for(settings.cache_hit_target / 100)
        self.tenants: list[list[int]] = [tenants.tolist() for tenants in share_out(self._shares, settings.workers)]

    @property
    def least_share(self) -> float:
        """The share of the load that the worker with the least of it has."""
        return min(float(self._shares[tenants].sum()) for tenants in self.tenants)

    def missed_target(self) -> str:
        """A sentence where the hit ratio that is wanted cannot be reached; empty where it can."""
        settings, predicted = self._settings, self._model.predict(self.novelty)
        if not settings.queries_per_second or predicted >= settings.cache_hit_target / 100 - 0.01:
            return ""
        return (
            f"CACHE_HIT_TARGET is {settings.cache_hit_target:g}%, but with these rates, tenants and TTL the hit "
            f"ratio is about {predicted:.1%}."
        )

    def of_workers(self, sites: Sites, keeper: LedgerKeeper, clock: WallClock, run_name: str) -> list[WorkerPlan]:
        """The plans of all workers.

        Args:
            sites: the servers that they use.
            keeper: of their ledgers.
            clock: the run's time of day.
            run_name: of the run's directory.
        """
        settings, shares, workers = self._settings, self._shares, self._settings.workers
        # More than one microsecond passes for each event, so that the next run's ids are higher.
        first_event_id = int(clock.now() * 1e6)
        plans = []
        presence = self._model.presence(self.novelty)
        for index, (tenants, ledger) in enumerate(zip(self.tenants, keeper.ledgers, strict=True)):
            share = float(shares[tenants].sum())
            own = Share(
                index=index,
                organizations=ledger.organizations,
                tenant_shares=shares[tenants],
                presence=presence[tenants],
                events_per_second=settings.events_per_second * share,
                queries_per_second=settings.queries_per_second * share,
                max_workers=max(1, settings.max_workers // workers),
                max_queued_queries=int(settings.queue_limit(settings.queries_per_second) * share),
                max_queued_events=int(settings.queue_limit(settings.events_per_second) * share),
                redis_pool_size=settings.redis_pool_size // workers,
                database_pool_size=max(1, settings.database_pool_size // workers),
                event_buffer_rows=settings.event_buffer_rows // workers,
            )
            plans.append(
                WorkerPlan(
                    settings=settings.some(LoadSettings),
                    share=own,
                    run_id=f"{run_name}-{os.getpid()}",
                    endpoints=sites.endpoints,
                    database_url=sites.database.url,
                    ledger_slots=keeper.slots,
                    clock=clock,
                    first_event_id=first_event_id,
                    data_types=sites.data_types,
                    reports_expire=self._model.expires,
                    keys=keeper.keys,
                    novelty=self.novelty,
                )
            )
        return plans
