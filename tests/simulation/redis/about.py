"""INFO: what a server says of itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from redis_rehearsal.clock import monotonic, unix
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

STARTUP_BYTES: Final = 1_000_000
"""What a server uses that holds nothing."""
_SYSTEM_BYTES: Final = 8 * 1024**3
_COMMAND_MICROSECONDS: Final = 2

Lines = dict[str, object]


def _server(server: "SimulatedRedis") -> Lines:
    up = max(0, int(monotonic() - server.started_seconds))
    return {
        "redis_version": server.version,
        "redis_mode": "standalone",
        "os": "Simulation",
        "process_id": 1,
        "run_id": server.run_id,
        "tcp_port": server.address[1],
        "server_time_usec": int(unix() * 1e6),
        "uptime_in_seconds": up,
        "uptime_in_days": up // 86_400,
        "hz": server.config["hz"],
        "configured_hz": server.config["hz"],
    }


def _clients(server: "SimulatedRedis") -> Lines:
    return {
        "connected_clients": sum(each.replica is None for each in server.sessions),
        "maxclients": server.config["maxclients"],
        "blocked_clients": sum(each.blocked for each in server.sessions),
        "pubsub_clients": sum(bool(each.channels or each.patterns) for each in server.sessions),
    }


def _memory(server: "SimulatedRedis") -> Lines:
    used = server.used_bytes
    return {
        "used_memory": used,
        "used_memory_rss": used + 4_000_000,
        "used_memory_startup": STARTUP_BYTES,
        "used_memory_dataset": used - STARTUP_BYTES,
        "total_system_memory": _SYSTEM_BYTES,
        "maxmemory": server.config["maxmemory"],
        "maxmemory_policy": server.config["maxmemory-policy"],
        "number_of_cached_scripts": 0,
        "number_of_functions": 0,
    }


def _persistence(server: "SimulatedRedis") -> Lines:
    return {
        "loading": int(server.is_loading),
        "rdb_bgsave_in_progress": 0,
        "rdb_last_bgsave_status": "ok",
        "aof_enabled": int(server.config["appendonly"] == "yes"),
    }


def _stats(server: "SimulatedRedis") -> Lines:
    figures = server.figures
    return {
        "total_connections_received": figures.connections,
        "total_commands_processed": sum(server.commands.values()),
        "instantaneous_ops_per_sec": 0,
        "total_net_input_bytes": figures.input_bytes,
        "total_net_output_bytes": 0,
        "rejected_connections": 0,
        **server.replication.figures,
        "expired_keys": figures.expired_keys,
        "evicted_keys": figures.evicted_keys,
        "pubsub_channels": len(server.subscriptions.channels),
        "pubsub_patterns": len(server.subscriptions.patterns),
    }


def _replication(server: "SimulatedRedis") -> Lines:
    replication, following = server.replication, server.following
    lines: Lines = {"role": "master" if following is None else "slave"}
    if following is not None:
        heard = following.heard_seconds if following.is_up else None
        read = replication.offset if following.has_stream else 0
        lines |= {
            "master_host": following.address[0],
            "master_port": following.address[1],
            "master_link_status": "up" if following.is_up else "down",
            "master_last_io_seconds_ago": -1 if heard is None else int(monotonic() - heard),
            "master_sync_in_progress": int(following.is_copying),
            "slave_read_repl_offset": read,
            "slave_repl_offset": read,
        }
        if following.is_copying:
            lines |= {
                "master_sync_total_bytes": 0,
                "master_sync_read_bytes": following.read_bytes,
                "master_sync_left_bytes": -following.read_bytes,
                "master_sync_perc": "nan",
                "master_sync_last_io_seconds_ago": int(monotonic() - (following.heard_seconds or 0.0)),
            }
        if not following.is_up:
            down = following.down_seconds
            lines["master_link_down_since_seconds"] = -1 if down is None else int(monotonic() - down)
        lines |= {"slave_priority": 100, "slave_read_only": int(server.config.read_only), "replica_announced": 1}
    shown = [each for each in replication.replicas if each.state]
    lines["connected_slaves"] = len(shown)
    if server.config.least_replicas:
        most = server.config.number("min-replicas-max-lag")
        lines["min_slaves_good_slaves"] = sum(
            each.state == "online" and each.lag_seconds() <= most for each in replication.replicas
        )
    for number, each in enumerate(shown):
        lag = each.lag_seconds() if each.state == "online" else 0
        lines[f"slave{number}"] = f"ip=127.0.0.1,port={each.port},state={each.state},offset={each.offset},lag={lag}"
    backlog = replication.backlog
    return lines | {
        "master_failover_state": "no-failover",
        "master_replid": replication.replid,
        "master_replid2": replication.replid2,
        "master_repl_offset": replication.offset,
        "second_repl_offset": replication.second_offset,
        "repl_backlog_active": int(backlog is not None),
        "repl_backlog_size": server.config["repl-backlog-size"],
        "repl_backlog_first_byte_offset": 0 if backlog is None else backlog.first,
        "repl_backlog_histlen": 0 if backlog is None else backlog.held_bytes,
    }


def _cpu(server: "SimulatedRedis") -> Lines:
    seconds = sum(server.commands.values()) * _COMMAND_MICROSECONDS / 1e6
    return {
        "used_cpu_sys": f"{seconds / 2:.6f}",
        "used_cpu_user": f"{seconds / 2:.6f}",
        "used_cpu_sys_children": "0.000000",
        "used_cpu_user_children": "0.000000",
    }


def _commandstats(server: "SimulatedRedis") -> Lines:
    each = _COMMAND_MICROSECONDS
    return {
        f"cmdstat_{name.lower()}": (
            f"calls={calls},usec={calls * each},usec_per_call={each:.2f},rejected_calls=0,failed_calls=0"
        )
        for name, calls in server.commands.items()
    }


def _keyspace(server: "SimulatedRedis") -> Lines:
    keyspace = server.keyspace
    if not keyspace.values:
        return {}
    subexpiry = ",subexpiry=0" if server.numbers >= (7, 4) else ""
    return {"db0": f"keys={len(keyspace.values)},expires={len(keyspace.expiry)},avg_ttl=0{subexpiry}"}


_SECTIONS: Final[dict[str, Callable[["SimulatedRedis"], Lines]]] = {
    "Server": _server,
    "Clients": _clients,
    "Memory": _memory,
    "Persistence": _persistence,
    "Stats": _stats,
    "Replication": _replication,
    "CPU": _cpu,
    "Modules": lambda _: {},
    "Commandstats": _commandstats,
    "Errorstats": lambda _: {},
    "Cluster": lambda _: {"cluster_enabled": 0},
    "Keyspace": _keyspace,
}


@command("INFO", 1, always=True)
def _info(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    wanted = [word.decode(errors="replace").lower() for word in words[1:]] or ["default"]
    parts = []
    for title, section in _SECTIONS.items():
        name = title.lower()
        if (
            name in wanted
            or "everything" in wanted
            or "all" in wanted
            or ("default" in wanted and name != "commandstats")
        ):
            lines = "".join(f"{field}:{value}\r\n" for field, value in section(server).items())
            parts.append(f"# {title}\r\n{lines}")
    return "\r\n".join(parts).encode()
