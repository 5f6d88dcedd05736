"""A view in which everything is known, and as much of it as there can be."""

from redis_rehearsal.cache.route import ROLES
from redis_rehearsal.engine.counts import WorkerCounts
from redis_rehearsal.telemetry.health import ServerHealth
from redis_rehearsal.telemetry.resources import (
    COMMANDS,
    OTHER,
    DatabaseResources,
    ProcessResources,
    RedisResources,
)
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.web.metrics.catalogue.infrastructure import OPERATIONS
from tests.unit.report.made import duration_of, snapshot, tally, view


async def _nothing() -> None:
    return None


def redis_resources(
    *, is_replica: bool = False, offset: int = 1000, replication_id: str = "a", commands: tuple[str, ...] = ("get",)
) -> RedisResources:
    return RedisResources(
        memory_bytes=1_000_000,
        resident_bytes=2_000_000,
        cpu_seconds=3.5,
        connections=7,
        keys=350,
        evicted_keys=0,
        is_replica=is_replica,
        link_up=is_replica,
        replication_id=replication_id,
        replication_offset=offset,
        silent_seconds=1.0 if is_replica else None,
        commands=dict.fromkeys(commands, (10, 0.002)),
    )


def filled(workers: int = 2) -> RunView:
    made = view()
    totals = made.totals
    for worker in range(2, workers):
        totals.add(snapshot(worker, [tally(1, hits=1)], [tally(1)]))
    every = (*COMMANDS, OTHER)
    made.resources.redis["source"] = redis_resources(commands=every)
    made.resources.redis["target"] = redis_resources(is_replica=True, offset=900, commands=every)
    made.resources.database = DatabaseResources(3, 100, 1, 5000, 20, 9_000_000)
    made.resources.database_process = ProcessResources(30_000_000, 1.5)
    made.resources.coordinator = ProcessResources(90_000_000, 2.5, 0.02)
    more = {(role, operation): duration_of(10) for role in ROLES for operation in OPERATIONS}
    totals.counts.merge(WorkerCounts(operations=more))
    for name in (*ROLES, "database"):
        made.health.servers[name] = ServerHealth(needed=True, probe=_nothing)
    totals.close()
    return made
