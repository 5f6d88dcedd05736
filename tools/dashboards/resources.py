"""The dashboard of what the servers and the generator use."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from tools.dashboards.panels import GREEN, RED, Mapped, dashboard, quantiles, rate, series, states

_UP: Final[Mapped] = {0: ("away", RED), 1: ("up", GREEN)}

_SERVERS: Final = (
    states(
        "Servers",
        "Whether each server answers.",
        _UP,
        ("min by (server) (rehearsal_server_up)", "{{server}}"),
        height=5,
    ),
    series(
        "Processor",
        "Cores that a server uses; of PostgreSQL where it is embedded.",
        "percentunit",
        (rate("rehearsal_server_cpu_seconds_total", "server"), "{{server}}"),
    ),
    series(
        "Memory",
        "Resident memory; of PostgreSQL where it is embedded, what its processes share counted once.",
        "bytes",
        ("max by (server) (rehearsal_server_memory_bytes)", "{{server}}"),
    ),
    series(
        "Connections",
        "Clients that are connected.",
        "short",
        ("max by (server) (rehearsal_server_connections)", "{{server}}"),
    ),
)
_REDIS: Final = (
    series(
        "Data of source and target",
        "Memory of the data (used_memory).",
        "bytes",
        ("max by (server) (rehearsal_redis_data_bytes)", "{{server}}"),
    ),
    series(
        "Keys",
        "Keys in the run's database; and keys a second that were evicted for want of memory.",
        "short",
        ("max by (server) (rehearsal_redis_keys)", "{{server}}"),
        (rate("rehearsal_redis_evicted_keys_total", "server"), "{{server}} evicted a second"),
    ),
    series(
        "Commands",
        "Commands a second that a server ran, whoever sent them, by command.",
        "ops",
        (rate("rehearsal_redis_command_calls_total", "server, command"), "{{server}} {{command}}"),
    ),
)
_POSTGRESQL: Final = (
    series(
        "Transactions",
        "Transactions a second of the run's database.",
        "ops",
        (rate("rehearsal_database_transactions_total", "result"), "{{result}}"),
    ),
    series(
        "Blocks",
        "Blocks a second that PostgreSQL found in its memory, and that it had to read.",
        "ops",
        (rate("rehearsal_database_blocks_total", "found_in"), "{{found_in}}"),
    ),
    series(
        "Size",
        "Size of the run's database, asked every 30 s.",
        "bytes",
        ("max(rehearsal_database_size_bytes)", "size"),
    ),
    series(
        "Event rows",
        "Rows a second that were committed, and given up.",
        "ops",
        (rate("rehearsal_database_rows_written_total"), "written"),
        (rate("rehearsal_database_rows_dropped_total"), "dropped"),
        width=12,
    ),
    series(
        "Event rows that wait",
        "Rows that wait to be written.",
        "short",
        ("sum(rehearsal_database_rows_waiting)", "waiting"),
        width=12,
    ),
)
_GENERATOR: Final = (
    series(
        "Processor of the generator",
        "Share of a core that each process of the tool uses; a worker above 0.9 cannot keep its schedule.",
        "percentunit",
        ("max by (process) (rehearsal_generator_cpu_ratio)", "{{process}}"),
    ),
    series(
        "Memory of the generator",
        "Resident memory of each process of the tool.",
        "bytes",
        ("max by (process) (rehearsal_generator_memory_bytes)", "{{process}}"),
    ),
    series(
        "Delay of wake-ups",
        "How late the generator's own wake-ups are; a p99 above 5 ms means that it is the bottleneck.",
        "s",
        *quantiles("rehearsal_generator_tick_delay_seconds"),
    ),
    series(
        "Saturated",
        "Seconds of workers in which the generator was the bottleneck, by second; workers that ended by themselves.",
        "short",
        (rate("rehearsal_generator_saturated_seconds_total"), "saturated"),
        ("max(rehearsal_generator_workers_lost)", "workers lost"),
        width=12,
    ),
    series(
        "Servers that could not be asked",
        "Questions a second to servers about what they use that were not answered.",
        "ops",
        (rate("rehearsal_server_ask_failures_total", "server"), "{{server}}"),
        width=12,
    ),
)


def resources() -> Dashboard:
    """The dashboard."""
    return dashboard(
        "Resources",
        "rehearsal-resources",
        "What source, target, PostgreSQL and the generator use.",
        (("Servers", _SERVERS), ("Redis", _REDIS), ("PostgreSQL", _POSTGRESQL), ("Generator", _GENERATOR)),
    )
