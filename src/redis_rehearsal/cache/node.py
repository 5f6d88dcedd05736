"""Which Redis process answers on a connection, whatever its address is."""

from typing import Any, Final, NamedTuple

from redis_rehearsal.cache.commands import pack

LOOK: Final = pack("INFO", "server") + pack("ROLE")
"""Asks for it; two replies, for `Node.of`."""
LOOK_COMMANDS: Final = 2
_RUN_ID: Final = b"run_id:"


class Node(NamedTuple):
    """One Redis process.

    Attributes:
        run_id: differs after every start, and from server to server; empty where it may not be asked.
        role: master or slave, as servers call it; empty where it may not be asked.
    """

    run_id: str
    role: str

    @classmethod
    def of(cls, information: Any, role: Any) -> "Node":
        """From the replies to `LOOK`."""
        run_id = ""
        if isinstance(information, bytes):
            _, found, rest = information.partition(_RUN_ID)
            run_id = rest.partition(b"\r\n")[0].decode(errors="replace").strip() if found else ""
        named = (
            role[0].decode(errors="replace") if isinstance(role, list) and role and isinstance(role[0], bytes) else ""
        )
        return cls(run_id, named)
