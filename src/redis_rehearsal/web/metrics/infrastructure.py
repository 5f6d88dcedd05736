"""What servers and generator use and do."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from redis_rehearsal import __version__
from redis_rehearsal.telemetry.resources import Resources
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.web.metrics.catalogue.entry import DATABASE, OTHERS
from redis_rehearsal.web.metrics.catalogue.infrastructure import MOST_WORKERS
from redis_rehearsal.web.metrics.families import histogram, histograms, info, number, numbers

_COORDINATOR: Final = "coordinator"


def infrastructure(view: RunView) -> Iterator[Metric]:
    """Servers, and the tool's own processes."""
    yield info("rehearsal_build", {"version": __version__})
    yield histograms(
        "rehearsal_redis_operation_seconds", sorted(view.totals.counts.operations.items(), key=lambda at: at[0])
    )
    yield numbers(
        "rehearsal_server_up",
        [(role, float(not server.error)) for role, server in view.health.servers.items()],
    )
    resources = view.resources
    yield numbers(
        "rehearsal_server_ask_failures",
        [(role, resources.failures.get(role, 0)) for role in view.health.servers],
    )
    yield from _servers(resources)
    yield from _redis(resources)
    yield from _database(resources)
    yield from _generator(view)


def _servers(resources: Resources) -> Iterator[Metric]:
    redis, database, process = resources.redis, resources.database, resources.database_process
    memory: list[tuple[str, float]] = [(role, server.resident_bytes) for role, server in redis.items()]
    cpu = [(role, server.cpu_seconds) for role, server in redis.items()]
    connections: list[tuple[str, float]] = [(role, server.connections) for role, server in redis.items()]
    if process is not None:
        memory.append((DATABASE, process.memory_bytes))
        cpu.append((DATABASE, process.cpu_seconds))
    if database is not None:
        connections.append((DATABASE, database.connections))
    yield numbers("rehearsal_server_memory_bytes", memory)
    yield numbers("rehearsal_server_cpu_seconds", cpu)
    yield numbers("rehearsal_server_connections", connections)


def _redis(resources: Resources) -> Iterator[Metric]:
    redis = resources.redis
    yield numbers("rehearsal_redis_data_bytes", [(role, server.memory_bytes) for role, server in redis.items()])
    yield numbers("rehearsal_redis_keys", [(role, server.keys) for role, server in redis.items()])
    yield numbers("rehearsal_redis_evicted_keys", [(role, server.evicted_keys) for role, server in redis.items()])
    ran = [
        ((role, command), *found)
        for role, server in redis.items()
        for command, found in sorted(server.commands.items())
    ]
    yield numbers("rehearsal_redis_command_calls", [(labels, calls) for labels, calls, _ in ran])
    yield numbers("rehearsal_redis_command_seconds", [(labels, seconds) for labels, _, seconds in ran])


def _database(resources: Resources) -> Iterator[Metric]:
    found = resources.database
    if found is None:
        return
    yield numbers("rehearsal_database_transactions", [("commit", found.commits), ("rollback", found.rollbacks)])
    yield numbers("rehearsal_database_blocks", [("memory", found.blocks_hit), ("system", found.blocks_read)])
    yield number("rehearsal_database_size_bytes", found.size_bytes)


def _generator(view: RunView) -> Iterator[Metric]:
    totals, coordinator = view.totals, view.resources.coordinator
    cpu: dict[str, float] = {}
    memory: dict[str, float] = {}
    if coordinator is not None:
        memory[_COORDINATOR] = coordinator.memory_bytes
        if coordinator.cpu_ratio is not None:
            cpu[_COORDINATOR] = coordinator.cpu_ratio
    for number_of, snapshot in sorted(totals.latest.items()):
        # A large fleet must not make the page long.
        name = f"worker-{number_of}" if number_of < MOST_WORKERS else OTHERS
        ratio = snapshot.cpu_seconds / snapshot.seconds if snapshot.seconds else 0.0
        cpu[name] = max(cpu.get(name, 0.0), ratio)
        memory[name] = memory.get(name, 0.0) + snapshot.memory_bytes
    yield numbers("rehearsal_generator_cpu_ratio", cpu.items())
    yield numbers("rehearsal_generator_memory_bytes", memory.items())
    yield histogram("rehearsal_generator_tick_delay_seconds", totals.counts.generator.tick_delay)
    yield number("rehearsal_generator_saturated", float(totals.saturated))
    yield number("rehearsal_generator_saturated_seconds", totals.saturated_seconds)
    yield number("rehearsal_generator_workers_lost", view.workers_lost)
