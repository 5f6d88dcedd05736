"""What a worker is to do: its share of the load, of the tenants and of all limits."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.clock import WallClock
from redis_rehearsal.telemetry.logging import LogFormat
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.presets import ArrivalKind
from redis_rehearsal.workload.questions import Novelty


class Drawn(IntEnum):
    """What a worker draws at random, each from a generator of its own."""

    QUERY_ARRIVALS = 0
    EVENT_ARRIVALS = 1
    QUESTIONS = 2
    EVENTS = 3


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What a worker needs of the settings; see those of the same names."""

    workers: int
    operation_timeout: float
    cache_ttl: float
    time_buckets: int
    time_bucket_seconds: int
    users_per_org: int
    arrivals: ArrivalKind
    validation_sample_rate: float
    query_complexity: int
    single_flight: bool
    seed: int
    log_level: str
    log_format: LogFormat


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker has of the tenants, and of all rates and limits.

    Attributes:
        index: of the worker.
        organizations: numbers of its organisations.
        tenant_shares: of the whole load, of each of them.
        presence: the share of time for which each standing report is in the cache in the long run, shape
            (tenants, slots).
        max_queued_queries: most queries that wait.
        max_queued_events: most events that wait.

    The others are as the settings of the same names.
    """

    index: int
    organizations: list[int]
    tenant_shares: NDArray[np.float64]
    presence: NDArray[np.float64]
    events_per_second: float
    queries_per_second: float
    max_workers: int
    max_queued_queries: int
    max_queued_events: int
    redis_pool_size: int
    database_pool_size: int
    event_buffer_rows: int


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """All that a worker needs to know.

    Attributes:
        settings: of the run.
        share: of the worker.
        run_id: identifies the run.
        endpoints: where the source and the target are.
        database_url: the PostgreSQL to use.
        ledger_slots: how many buckets its ledgers hold.
        clock: the run's time of day.
        first_event_id: of the run's event rows.
        data_types: in which reports are stored, see `encodings_of_slots`.
        reports_expire: whether they expire; else they are refreshed before.
        keys: the names of keys.
        novelty: how many questions are new.
    """

    settings: LoadSettings
    share: Share
    run_id: str
    endpoints: dict[Role, Endpoint]
    database_url: str = field(repr=False)
    ledger_slots: int
    clock: WallClock
    first_event_id: int
    data_types: tuple[str, ...]
    reports_expire: bool
    keys: Keys
    novelty: Novelty

    def generator(self, drawn: Drawn) -> np.random.Generator:
        """What gives one kind of random numbers, from their beginning."""
        streams = np.random.SeedSequence([self.settings.seed, self.share.index]).spawn(len(Drawn))
        return np.random.default_rng(streams[drawn])
