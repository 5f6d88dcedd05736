"""Which commands which strategy needs of which server. Pure."""

from typing import Final

from redis_rehearsal.keyspace.versions import can_replicate, can_restore
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import ALL, COPYING, FOLLOWING, SWITCHING
from redis_rehearsal.migration.strategies import STRATEGIES

PROBES: Final[dict[str, tuple[str, ...]]] = {
    "GET": ("GET", "KEY"),
    "SET": ("SET", "KEY", "1", "PX", "60000"),
    "MGET": ("MGET", "KEY"),
    "INCR": ("INCR", "KEY"),
    "EXPIRE": ("EXPIRE", "KEY", "1"),
    "EXPIREAT": ("EXPIREAT", "KEY", "1"),
    "PEXPIREAT": ("PEXPIREAT", "KEY", "1"),
    "TTL": ("TTL", "KEY"),
    "PTTL": ("PTTL", "KEY"),
    "TYPE": ("TYPE", "KEY"),
    "RENAME": ("RENAME", "KEY", "KEY"),
    "EXISTS": ("EXISTS", "KEY"),
    "TIME": ("TIME",),
    "SCAN": ("SCAN", "0"),
    "DEL": ("DEL", "KEY"),
    "UNLINK": ("UNLINK", "KEY"),
    "HSET": ("HSET", "KEY", "field", "1"),
    "HGETALL": ("HGETALL", "KEY"),
    "LRANGE": ("LRANGE", "KEY", "0", "0"),
    "RPUSH": ("RPUSH", "KEY", "1"),
    "SMEMBERS": ("SMEMBERS", "KEY"),
    "SADD": ("SADD", "KEY", "1"),
    "ZRANGE": ("ZRANGE", "KEY", "0", "0"),
    "ZADD": ("ZADD", "KEY", "1", "1"),
    "XRANGE": ("XRANGE", "KEY", "-", "+", "COUNT", "1"),
    "XADD": ("XADD", "KEY", "*", "field", "1"),
    "DUMP": ("DUMP", "KEY"),
    "RESTORE": ("RESTORE", "KEY", "0", "nothing"),
    # In forms that would do no harm even if a server did execute them.
    "CLIENT PAUSE": ("CLIENT", "PAUSE", "0"),
    "CLIENT UNPAUSE": ("CLIENT", "UNPAUSE"),
    "CONFIG GET": ("CONFIG", "GET", "maxmemory"),
    "CONFIG SET": ("CONFIG", "SET", "redis-rehearsal-no-such-setting", "0"),
    "REPLICAOF": ("REPLICAOF", "NO", "ONE"),
}
"""A form of each command that a migration may need; a read comes first."""
ONLY_DRY: Final[dict[str, tuple[str, ...]]] = {"PSYNC": ("PSYNC", "?", "-1"), "REPLCONF": ("REPLCONF", "ack", "0")}
"""What does not belong into a transaction."""

_RUN: Final = (
    *("WATCH", "MULTI", "GET", "SET", "MGET", "INCR", "EXPIREAT", "EXPIRE", "TTL"),
    *("SCAN", "DEL", "HSET", "UNLINK"),
)
_READ_TYPES: Final = ("GET", "HGETALL", "LRANGE", "SMEMBERS", "ZRANGE", "XRANGE", "TYPE")
_WRITE_TYPES: Final = ("SET", "HSET", "RPUSH", "SADD", "ZADD", "XADD", "PEXPIREAT", "RENAME")
_TELLS_EXPIRY_SINCE: Final = (7, 0)
"""Older servers tell what is left of a time to live, which is a time only together with their clock."""


def why_not_whole(source: Facts, target: Facts) -> str:
    """Why keys cannot be copied by DUMP and RESTORE, as a sentence without its end; empty where they can."""
    if not can_restore(source.identity, target.identity):
        return "The target does not take what DUMP gives on the source"
    for server, command in ((source, "DUMP"), (target, "RESTORE")):
        if command in (server.denied or ()):
            return f"{server.title} denies {command}"
    return ""


def needed(source: Facts, target: Facts, plan: Plan) -> dict[str, dict[str, frozenset[str]]]:
    """The commands that are needed, by role, with the strategies that cannot do without."""
    found: dict[str, dict[str, frozenset[str]]] = {"source": {}, "target": {}}

    def need(role: str, strategies: frozenset[str], *commands: str) -> None:
        for command in commands:
            found[role][command] = found[role].get(command, frozenset()) | strategies

    need("source", ALL, *_RUN)
    need("target", SWITCHING, *_RUN)
    need("source", COPYING, "PTTL", "TYPE")
    need("target", COPYING, "PTTL", "TYPE")
    if source.version < _TELLS_EXPIRY_SINCE:
        need("source", COPYING, "TIME")
    if plan.copy_method == "dump":
        need("source", COPYING, "DUMP")
        need("target", COPYING, "RESTORE")
    elif plan.copy_method == "types" or why_not_whole(source, target):
        need("source", COPYING, *_READ_TYPES)
        need("target", COPYING, *_WRITE_TYPES)
    for name, strategy in STRATEGIES.items():
        for role, commands in strategy.needs.items():
            need(role, frozenset({name}), *commands)
    if sets_config(source, target):
        need("target", FOLLOWING, "CONFIG GET", "CONFIG SET")
    if plan.freeze == "server":
        need("source", SWITCHING, "CLIENT PAUSE", "CLIENT UNPAUSE", "CONFIG GET", "CONFIG SET")
    return found


def sets_config(source: Facts, target: Facts) -> bool:
    """Whether a target that is to follow needs other settings."""
    relaxed = can_replicate(source.identity, target.identity).possible == "relaxed"
    return bool(source.endpoint.password or source.endpoint.tls or relaxed)
