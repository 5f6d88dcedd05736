"""The metrics of servers and generator."""

from typing import Final

from redis_rehearsal.telemetry.resources import COMMANDS, OTHER
from redis_rehearsal.web.metrics.catalogue.entry import OTHERS, REDIS, SERVERS, Entry, Group

OPERATIONS: Final = ("read", "increment", "cache_write", "structure_write", "expiry")
MOST_WORKERS: Final = 8
_PROCESSES: Final = {"process": ("coordinator", f"worker-0 to worker-{MOST_WORKERS - 1}", OTHERS)}
_COMMANDS: Final = {**REDIS, "command": (*COMMANDS, OTHER)}
_ANSWERS: Final = "while the server answers INFO"
_ANSWERS_DATABASE: Final = "while the server answers"
_EMBEDDED: Final = (
    "while the server answers; the database's only where it is embedded, since PostgreSQL does not tell it"
)

ENTRIES: Final = (
    Entry(
        "rehearsal_build",
        "info",
        Group.INFRASTRUCTURE,
        "What is running.",
        {"version": ("of redis-rehearsal",)},
    ),
    Entry(
        "rehearsal_redis_operation_seconds",
        "histogram",
        Group.INFRASTRUCTURE,
        "Write to reply of what the load asked of a Redis server, answered with an error or not, by purpose.",
        {**REDIS, "operation": OPERATIONS},
        "seconds",
        "once there was such an operation",
    ),
    Entry(
        "rehearsal_redis_command_calls",
        "counter",
        Group.INFRASTRUCTURE,
        "Commands that a server ran, whoever sent them (INFO commandstats).",
        _COMMANDS,
        "",
        f"{_ANSWERS}, for commands that it ran since it started",
    ),
    Entry(
        "rehearsal_redis_command_seconds",
        "counter",
        Group.INFRASTRUCTURE,
        "Time that a server spent on them, without the way there and back.",
        _COMMANDS,
        "seconds",
        f"{_ANSWERS}, for commands that it ran since it started",
    ),
    Entry("rehearsal_server_up", "gauge", Group.INFRASTRUCTURE, "1 where a server answers.", SERVERS),
    Entry(
        "rehearsal_server_ask_failures",
        "counter",
        Group.INFRASTRUCTURE,
        "How often a server could not be asked what it uses.",
        SERVERS,
    ),
    Entry(
        "rehearsal_server_memory_bytes",
        "gauge",
        Group.INFRASTRUCTURE,
        "Resident memory of a server (used_memory_rss); the database's with what its processes share counted once.",
        SERVERS,
        "bytes",
        _EMBEDDED,
    ),
    Entry(
        "rehearsal_server_cpu_seconds",
        "counter",
        Group.INFRASTRUCTURE,
        "Processor time that a server has used since it started.",
        SERVERS,
        "seconds",
        _EMBEDDED,
    ),
    Entry(
        "rehearsal_server_connections",
        "gauge",
        Group.INFRASTRUCTURE,
        "Connected clients.",
        SERVERS,
        "",
        _ANSWERS_DATABASE,
    ),
    Entry(
        "rehearsal_redis_data_bytes",
        "gauge",
        Group.INFRASTRUCTURE,
        "Memory of the data (used_memory).",
        REDIS,
        "bytes",
        _ANSWERS,
    ),
    Entry("rehearsal_redis_keys", "gauge", Group.INFRASTRUCTURE, "Keys in the run's database.", REDIS, "", _ANSWERS),
    Entry(
        "rehearsal_redis_evicted_keys",
        "counter",
        Group.INFRASTRUCTURE,
        "Keys that a server evicted for want of memory.",
        REDIS,
        "",
        _ANSWERS,
    ),
    Entry(
        "rehearsal_database_transactions",
        "counter",
        Group.INFRASTRUCTURE,
        "Transactions of the run's database, whoever made them (pg_stat_database).",
        {"result": ("commit", "rollback")},
        "",
        _ANSWERS_DATABASE,
    ),
    Entry(
        "rehearsal_database_blocks",
        "counter",
        Group.INFRASTRUCTURE,
        "Blocks that PostgreSQL found in its memory, and that it had to read.",
        {"found_in": ("memory", "system")},
        "",
        _ANSWERS_DATABASE,
    ),
    Entry(
        "rehearsal_database_size_bytes",
        "gauge",
        Group.INFRASTRUCTURE,
        "Size of the run's database, asked every 30 s.",
        {},
        "bytes",
        _ANSWERS_DATABASE,
    ),
    Entry(
        "rehearsal_generator_cpu_ratio",
        "gauge",
        Group.INFRASTRUCTURE,
        "Share of a core that a process of the tool used in the last second; of others the highest.",
        _PROCESSES,
        "ratio",
    ),
    Entry(
        "rehearsal_generator_memory_bytes",
        "gauge",
        Group.INFRASTRUCTURE,
        "Resident memory of a process of the tool; of others all together.",
        _PROCESSES,
        "bytes",
    ),
    Entry(
        "rehearsal_generator_tick_delay_seconds",
        "histogram",
        Group.INFRASTRUCTURE,
        "How late the generator's own wake-ups were.",
        unit="seconds",
    ),
    Entry(
        "rehearsal_generator_saturated",
        "gauge",
        Group.INFRASTRUCTURE,
        "1 where the generator itself is the bottleneck.",
    ),
    Entry(
        "rehearsal_generator_saturated_seconds", "counter", Group.INFRASTRUCTURE, "Seconds of workers in which it was."
    ),
    Entry("rehearsal_generator_workers_lost", "gauge", Group.INFRASTRUCTURE, "Workers that ended by themselves."),
)
