"""The settings of a server, as CONFIG shows and changes them."""

from collections.abc import Mapping
from typing import Any, Final

from tests.simulation.redis.globbing import matches
from tests.simulation.redis.replies import Refused

_ALL_KINDS: Final = "g$lshzxetd"
_KINDS: Final = f"{_ALL_KINDS}nKEm"
_DEFAULTS: Final = {
    "appendonly": "no",
    "client-output-buffer-limit": "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    "client-query-buffer-limit": "1073741824",
    "databases": "1",
    "hz": "10",
    "masterauth": "",
    "masteruser": "",
    "maxclients": "10000",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "min-replicas-max-lag": "10",
    "min-replicas-to-write": "0",
    "notify-keyspace-events": "",
    "proto-max-bulk-len": "536870912",
    "repl-backlog-size": "1048576",
    "repl-diskless-sync": "yes",
    # Redis waits for 5 s; here it is part of how long a synchronisation is told to take.
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "10",
    "repl-timeout": "60",
    "replica-read-only": "yes",
    "replica-serve-stale-data": "yes",
    "requirepass": "",
    "save": "3600 1 300 100 60 10000",
    "timeout": "0",
    "tls-replication": "no",
}
_BYTES: Final = ("maxmemory", "repl-backlog-size", "proto-max-bulk-len", "client-query-buffer-limit")
_NUMBERS: Final = (
    *("min-replicas-to-write", "min-replicas-max-lag", "repl-timeout", "repl-ping-replica-period", "maxclients"),
    *("repl-diskless-sync-delay", "hz", "timeout"),
)
_SWITCHES: Final = ("appendonly", "repl-diskless-sync", "replica-read-only", "replica-serve-stale-data")
_POLICIES: Final = (
    *("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"),
    *("allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"),
)
_FIXED: Final = ("databases", "port")
_UNITS: Final = {"k": 1000, "kb": 1024, "m": 10**6, "mb": 1024**2, "g": 10**9, "gb": 1024**3, "b": 1, "": 1}


class Settings(dict[str, str]):
    """All settings, by their names.

    Attributes:
        maxmemory_bytes: 0 for no limit.
        notifies: the kinds of which there are notifications, A written out; empty where there are none.
        least_replicas: so many have to follow for a write to be taken.
        read_only: whether a replica refuses writes.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.maxmemory_bytes = 0
        self.notifies = ""
        self.least_replicas = 0
        self.read_only = True
        self.update(_DEFAULTS | {"port": str(port)})

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name, value)
        match name:
            case "maxmemory":
                self.maxmemory_bytes = _in_bytes(value) or 0
            case "notify-keyspace-events":
                flags = value.replace("A", _ALL_KINDS)
                self.notifies = flags if "K" in flags or "E" in flags else ""
            case "min-replicas-to-write" | "min-replicas-max-lag":
                lag = self.get("min-replicas-max-lag", "0")
                self.least_replicas = 0 if lag == "0" else int(self.get("min-replicas-to-write", "0"))
            case "replica-read-only":
                self.read_only = value == "yes"

    def update(self, other: Mapping[str, str], /, **more: str) -> None:  # type: ignore[override]  # one form is enough
        """See dict."""
        for name, value in {**other, **more}.items():
            self[name] = value

    def number(self, name: str) -> int:
        """A setting that is a whole number."""
        return int(self[name])

    def shown(self, patterns: list[bytes]) -> list[Any]:
        """The settings that patterns mean, as CONFIG GET answers."""
        found: list[Any] = []
        for name, value in self.items():
            for alias in (name, _older(name)):
                if alias and any(matches(pattern.lower(), alias.encode()) for pattern in patterns):
                    found += [alias.encode(), value.encode()]
        return found

    def checked(self, pairs: list[tuple[str, str]]) -> dict[str, str]:
        """What CONFIG SET is to change, by the names that are in use today, as it is going to be shown.

        Raises:
            Refused: a setting is not there, or the value is none for it.
        """
        found: dict[str, str] = {}
        for asked, value in pairs:
            name = asked.lower().replace("slave", "replica")
            if name not in self:
                raise Refused(f"ERR Unknown option or number of arguments for CONFIG SET - '{asked}'")
            found[name] = _checked(name, value)
        return found


def _older(name: str) -> str:
    return name.replace("replica", "slave") if "replica" in name and name != "repl-ping-replica-period" else ""


def _in_bytes(value: str) -> int | None:
    digits = value.rstrip("bkmgBKMG")
    unit = _UNITS.get(value[len(digits) :].lower())
    return int(digits) * unit if digits.isdigit() and unit else None


def _checked(name: str, value: str) -> str:
    def refuse(reason: str) -> Refused:
        return Refused(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")

    if name in _FIXED:
        raise refuse("can't set immutable config")
    if name in _BYTES:
        found = _in_bytes(value)
        if found is None:
            raise refuse("argument must be a memory value")
        return str(found)
    if name in _NUMBERS and not value.isdigit():
        raise refuse("argument couldn't be parsed into an integer")
    if name in _SWITCHES and value not in ("yes", "no"):
        raise refuse("argument must be 'yes' or 'no'")
    if name == "maxmemory-policy" and value not in _POLICIES:
        raise refuse(f"argument(s) must be one of the following: {', '.join(_POLICIES)}")
    if name == "notify-keyspace-events":
        if not all(letter in f"A{_KINDS}" for letter in value):
            raise refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
        return _in_order(value)
    return value


def _in_order(flags: str) -> str:
    """Kinds of notifications as a server shows them, in whatever order they were given."""
    flags = flags.replace("A", _ALL_KINDS)
    every = all(letter in flags for letter in _ALL_KINDS)
    return "".join(
        letter
        for letter in ("A" if every else "") + _KINDS
        if letter == "A" or (letter in flags and not (every and letter in _ALL_KINDS))
    )
