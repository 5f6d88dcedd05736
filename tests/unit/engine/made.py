"""A worker's plan, as small as one can be."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.plan import LoadSettings, Share, WorkerPlan
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.questions import Novelty


def plan(**changes: Any) -> WorkerPlan:
    """For two organisations; its servers are not there. Changes are of the plan, its settings or its share."""
    made = WorkerPlan(
        settings=LoadSettings(
            workers=1,
            operation_timeout=1.0,
            cache_ttl=60.0,
            time_buckets=2,
            time_bucket_seconds=3600,
            users_per_org=10,
            arrivals="poisson",
            validation_sample_rate=1.0,
            query_complexity=1,
            single_flight=True,
            seed=1,
            log_level="info",
            log_format="console",
        ),
        share=Share(
            index=0,
            organizations=[1, 2],
            tenant_shares=np.array([0.75, 0.25]),
            presence=np.ones((2, 5)),
            events_per_second=10.0,
            queries_per_second=100.0,
            max_workers=10,
            max_queued_queries=100,
            max_queued_events=100,
            redis_pool_size=2,
            database_pool_size=1,
            event_buffer_rows=1000,
        ),
        run_id="made",
        endpoints={"source": Endpoint("localhost", 1), "target": Endpoint("localhost", 2)},
        database_url="postgresql://localhost:3/made",
        ledger_slots=4,
        clock=WallClock(0.0),
        first_event_id=1,
        data_types=("string",),
        reports_expire=True,
        keys=Keys("rehearsal:"),
        novelty=Novelty(),
    )
    taken: dict[str, Any] = {}
    for name in ("settings", "share"):
        part = getattr(made, name)
        own = {field.name for field in fields(part)} & changes.keys()
        taken[name] = replace(part, **{each: changes.pop(each) for each in own})
    return replace(made, **taken, **changes)
