"""What the servers and the coordinator use of their machines, as they were last asked. Pure.

What is not known is None, or is not there: a server that is away has no figures, rather than zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

COMMANDS: Final = (
    *("get", "set", "mget", "incr", "expireat", "unlink", "scan", "dump", "restore"),
    *("hgetall", "lrange", "smembers", "zrange", "json.get"),
)
"""The commands that the tool sends most; all others are counted together, so that no server makes the list longer."""
_UPTIME_ERROR_SECONDS: Final = 1.0
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class RedisResources:
    """A Redis server by its own account, all of it, whoever uses it.

    Attributes:
        memory_bytes: of the data, as the server counts it (used_memory).
        resident_bytes: of its process (used_memory_rss).
        cpu_seconds: processor time that it has used since it started, of its children too.
        connections: clients that are connected.
        keys: in the database that the run uses.
        evicted_keys: since it started.
        is_replica: whether it follows another server.
        link_up: whether it does now; False where it follows none.
        replication_id: of the stream of writes that it gives or takes.
        replication_offset: how far it is in that stream, in bytes.
        silent_seconds: since it last heard of the server that it follows; None where it follows none.
        commands: calls, and seconds that they took, by command in lower case, since it started.
        run_id: differs after every start.
        uptime_seconds: since it started, in whole seconds.
    """

    memory_bytes: int
    resident_bytes: int
    cpu_seconds: float
    connections: int
    keys: int
    evicted_keys: int
    is_replica: bool
    link_up: bool
    replication_id: str
    replication_offset: int
    silent_seconds: float | None
    commands: Mapping[str, tuple[int, float]]
    run_id: str = ""
    uptime_seconds: float = float("inf")

    @classmethod
    def of(cls, info: Mapping[str, Any], database: int) -> "RedisResources":
        """From the reply to INFO ALL.

        Args:
            info: as redis-py reads it.
            database: number of the one that the run uses.

        Raises:
            KeyError, ValueError, TypeError: it is not that of a Redis.
        """
        replica = info.get("role") == "slave"
        silent = int(info.get("master_last_io_seconds_ago", -1))
        names = ("used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children")
        keyspace = info.get(f"db{database}", {})
        return cls(
            memory_bytes=int(info["used_memory"]),
            resident_bytes=int(info["used_memory_rss"]),
            cpu_seconds=sum(float(info[name]) for name in names if name in info),
            connections=int(info["connected_clients"]),
            keys=int(keyspace.get("keys", 0)),
            evicted_keys=int(info.get("evicted_keys", 0)),
            is_replica=replica,
            link_up=replica and info.get("master_link_status") == "up",
            replication_id=str(info.get("master_replid", "")),
            replication_offset=int(info.get("slave_repl_offset" if replica else "master_repl_offset", 0)),
            silent_seconds=float(silent) if replica and silent >= 0 else None,
            commands=_commands(info),
            run_id=str(info.get("run_id", "")),
            uptime_seconds=float(info.get("uptime_in_seconds", "inf")),
        )


def _commands(info: Mapping[str, Any]) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    for line, values in info.items():
        if not line.startswith("cmdstat_"):
            continue
        name = line.removeprefix("cmdstat_").lower()
        name = name if name in COMMANDS else OTHER
        calls, seconds = found.get(name, (0, 0.0))
        found[name] = (calls + int(values["calls"]), seconds + int(values["usec"]) / 1e6)
    return found


@dataclass(slots=True)
class Watched:
    """What happened to a server since it was first asked.

    Attributes:
        restarts: how often it was started anew meanwhile; another server that answers in its place is none.
        evicted_keys: for want of memory.
    """

    restarts: int = 0
    evicted_keys: int = 0
    _run_id: str = ""
    _evicted_before: int | None = None
    _at_seconds: float = 0.0

    def see(self, found: RedisResources, at_seconds: float) -> None:
        """Take in how it is at a time of the monotonic clock."""
        since = at_seconds - self._at_seconds
        if self._run_id and found.run_id != self._run_id:
            self.restarts += found.uptime_seconds <= since + _UPTIME_ERROR_SECONDS
            self._evicted_before = 0 if found.uptime_seconds <= since + _UPTIME_ERROR_SECONDS else None
        if self._evicted_before is not None:
            self.evicted_keys += max(0, found.evicted_keys - self._evicted_before)
        self._run_id, self._evicted_before, self._at_seconds = found.run_id, found.evicted_keys, at_seconds


@dataclass(frozen=True, slots=True)
class DatabaseResources:
    """PostgreSQL by its own account: the database of the run.

    Attributes:
        connections: to the database.
        commits: transactions, since the statistics began.
        rollbacks: the same.
        blocks_hit: blocks found in its memory.
        blocks_read: blocks that had to be read.
        size_bytes: of the database; None where it was not asked.
    """

    connections: int
    commits: int
    rollbacks: int
    blocks_hit: int
    blocks_read: int
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessResources:
    """Processes of this machine.

    Attributes:
        memory_bytes: resident, what they share counted once.
        cpu_seconds: processor time used since they started.
        cpu_ratio: share of a core since they were asked before; None at first.
    """

    memory_bytes: int
    cpu_seconds: float
    cpu_ratio: float | None = None


@dataclass(slots=True)
class Resources:
    """What was last seen of all of them.

    Attributes:
        redis: servers by role; without those that could not be asked.
        database: None where it could not be asked.
        database_process: of an embedded PostgreSQL; None of any other.
        coordinator: of the process that steers the load.
        failures: how often a server could not be asked, by role.
        watched: what happened to servers meanwhile, by role.
    """

    redis: dict[str, RedisResources] = field(default_factory=dict)
    database: DatabaseResources | None = None
    database_process: ProcessResources | None = None
    coordinator: ProcessResources | None = None
    failures: dict[str, int] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)

    def replication_lag_bytes(self, role: str) -> int | None:
        """How many bytes of writes a server has not taken yet that it follows the other for.

        The two are asked one after the other, so that it may be a little too high. None where it does not follow the
        other, or has not finished its first copy of the data.
        """
        replica = self.redis.get(role)
        leaders = [server for name, server in self.redis.items() if name != role]
        if replica is None or not replica.link_up or not leaders or not replica.replication_id:
            return None
        (leader,) = leaders
        if leader.replication_id != replica.replication_id or leader.is_replica:
            return None
        return max(0, leader.replication_offset - replica.replication_offset)
