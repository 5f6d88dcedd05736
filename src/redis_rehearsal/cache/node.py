"""Which Redis process answers on a connection, whatever its address is."""

from dataclasses import dataclass, field
from typing import Any, Final

from redis_rehearsal.cache.commands import pack

LOOK: Final = pack("INFO", "server") + pack("ROLE")
"""Asks for it; two replies, for `Node.of`."""
LOOK_COMMANDS: Final = 2
_RUN_ID: Final = b"run_id:"
_UPTIME: Final = b"uptime_in_seconds:"


@dataclass(frozen=True, slots=True)
class Node:
    """One Redis process.

    Attributes:
        run_id: differs after every start, and from server to server; empty where it may not be asked.
        role: master or slave, as servers call it; empty where it may not be asked.
        up_seconds: since its start, as it says to the second; None where it does not. It is no part of who it is.
    """

    run_id: str
    role: str
    up_seconds: int | None = field(default=None, compare=False)

    @classmethod
    def of(cls, information: Any, role: Any) -> "Node":
        """From the replies to `LOOK`."""
        told = information if isinstance(information, bytes) else b""
        run_id, up = _value(told, _RUN_ID), _value(told, _UPTIME)
        named = (
            role[0].decode(errors="replace") if isinstance(role, list) and role and isinstance(role[0], bytes) else ""
        )
        return cls(run_id, named, int(up) if up.isdecimal() else None)

    def started_seconds(self, at_seconds: float) -> float:
        """When it had not been started yet, on the clock of the time at which it was asked at the earliest."""
        if self.up_seconds is None:
            return -float("inf")
        # Both ends of its uptime are whole seconds, the fractions cut off.
        return at_seconds - self.up_seconds - 1


def _value(told: bytes, name: bytes) -> str:
    _, found, rest = told.partition(name)
    return rest.partition(b"\r\n")[0].decode(errors="replace").strip() if found else ""
