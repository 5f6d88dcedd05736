"""What a server has counted, and what it has applied."""

from dataclasses import dataclass


@dataclass(slots=True)
class Increment:
    """An INCR that was applied.

    Attributes:
        at_seconds: when, on the monotonic clock.
        key: of the counter.
        value: that it came to.
        client: who asked for it, as CLIENT SETNAME named it.
        acknowledged_seconds: when the reply reached the other end's protocol; None while it has not, or never did, or
            was an error.
    """

    at_seconds: float
    key: bytes
    value: int
    client: str
    acknowledged_seconds: float | None = None


@dataclass(slots=True)
class Read:
    """A GET or MGET of strings that was answered.

    Attributes:
        at_seconds: when, on the monotonic clock.
        keys: that were asked for.
        values: that they had; None for each that was not there.
        client: who asked for it, as CLIENT SETNAME named it.
        acknowledged_seconds: see `Increment`.
    """

    at_seconds: float
    keys: tuple[bytes, ...]
    values: tuple[bytes | None, ...]
    client: str
    acknowledged_seconds: float | None = None


@dataclass(slots=True)
class Deletion:
    """A DEL or UNLINK that was carried out.

    Attributes:
        at_seconds: when, on the monotonic clock.
        keys: that are gone, were they there or not.
        client: who asked for it, as CLIENT SETNAME named it.
        acknowledged_seconds: see `Increment`.
    """

    at_seconds: float
    keys: tuple[bytes, ...]
    client: str
    acknowledged_seconds: float | None = None


Noted = Increment | Read | Deletion
"""What is accounted for until its reply has arrived."""


@dataclass(slots=True)
class Figures:
    """What a process has counted since it started.

    Attributes:
        input_bytes: that came over connections.
        connections: that were made.
        expired_keys: that it removed since their time had come.
        evicted_keys: that it removed for want of memory.
    """

    input_bytes: int = 0
    connections: int = 0
    expired_keys: int = 0
    evicted_keys: int = 0
