"""Facts of two servers with which nothing is wrong."""

from dataclasses import replace
from typing import Any

from redis_rehearsal.cache.client import Identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.keyspace.sample import Sample
from redis_rehearsal.migration.preflight.facts import Facts, Plan

MIB = 1024 * 1024
PLAN = Plan(allow_server_wide=True)
INFO = {
    "role": "master",
    "connected_slaves": "0",
    "used_memory": str(100 * MIB),
    "used_memory_startup": str(MIB),
    "total_system_memory": str(8192 * MIB),
    "maxmemory": "0",
    "maxmemory_policy": "noeviction",
    "number_of_cached_scripts": "0",
    "aof_enabled": "1",
    "rdb_last_bgsave_status": "ok",
    "connected_clients": "3",
    "maxclients": "10000",
    "repl_backlog_size": str(MIB),
}
CONFIG = {
    "save": "3600 1",
    "databases": "16",
    "notify-keyspace-events": "",
    "client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    "tls-replication": "no",
    "proto-max-bulk-len": str(512 * MIB),
    "client-query-buffer-limit": str(1024 * MIB),
    "rdb-version-check": "strict",
}


def identity(words: str, run_id: str, mode: str = "standalone") -> Identity:
    product, version = words.split()
    return Identity(product, version, run_id, mode)


def server(role: Role, words: str = "redis 6.2.14", **changes: Any) -> Facts:
    """A server; `info` and `config` are changed and not replaced, where a None takes a line away."""
    info = {**INFO, "used_memory": str(MIB), **changes.pop("info", {})}
    if role == "source":
        info = {**INFO, **{name: value for name, value in info.items() if name != "used_memory"}}
    config = {**CONFIG, **changes.pop("config", {})}
    facts = Facts(
        role,
        Endpoint("10.0.0.1" if role == "source" else "10.0.0.2", 6379),
        identity(words, role),
        info={name: value for name, value in info.items() if value is not None},
        keyspace={0: 1000} if role == "source" else {},
        config={name: value for name, value in config.items() if value is not None},
        modules=frozenset(),
        functions=(),
        users=("default",),
        denied=frozenset(),
        field_ttls=0,
        sample=Sample(1000, 0, (), frozenset({"string"}), frozenset({"string"}), 1.0, ("largest", 1000)),
        prefix_keys=0,
        clock_offset_seconds=0.0,
        round_trip_seconds=0.0005,
        answered=((role, role), (role, role)),
        write_bytes_per_second=1000.0,
        write_rate_exact=True,
    )
    return replace(facts, **changes)


def source(words: str = "redis 6.2.14", **changes: Any) -> Facts:
    return server("source", words, **changes)


def target(words: str = "valkey 9.1.2", **changes: Any) -> Facts:
    return server("target", words, **changes)
