"""What a server has counted, and what it has applied."""

from dataclasses import dataclass

from redis_rehearsal.clock import monotonic
from tests.simulation.redis.session import Passing, Session


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
        sent_seconds: when it was sent, on the monotonic clock.
        at_seconds: when, on the monotonic clock.
        keys: that were asked for.
        values: that they had; None for each that was not there.
        client: who asked for it, as CLIENT SETNAME named it.
        acknowledged_seconds: see `Increment`.
    """

    sent_seconds: float
    at_seconds: float
    keys: tuple[bytes, ...]
    values: tuple[bytes | None, ...]
    client: str
    acknowledged_seconds: float | None = None


@dataclass(slots=True)
class Deletion:
    """A DEL or UNLINK that was carried out.

    Attributes:
        sent_seconds: when it was sent, on the monotonic clock.
        at_seconds: when, on the monotonic clock.
        keys: that are gone, were they there or not.
        client: who asked for it, as CLIENT SETNAME named it.
        acknowledged_seconds: see `Increment`.
    """

    sent_seconds: float
    at_seconds: float
    keys: tuple[bytes, ...]
    client: str
    acknowledged_seconds: float | None = None


Noted = Increment | Read | Deletion
"""What is accounted for until its reply has arrived."""


class Accounts:
    """What clients had done here; nothing that came by replication. What somebody else does is acknowledged at once.

    Attributes:
        increments: every INCR that was applied, in order; those of somebody else are of a client `do`.
        reads: every GET and MGET of a client with a name, in order.
        deletions: every DEL and UNLINK of one, in order.
    """

    def __init__(self) -> None:
        self.increments: list[Increment] = []
        self.reads: list[Read] = []
        self.deletions: list[Deletion] = []

    def note_increment(self, session: Session, key: bytes, value: int) -> None:
        """Account for an INCR of a client."""
        increment = Increment(monotonic(), key, value, session.name)
        self.increments.append(increment)
        if isinstance(session, Passing):
            increment.acknowledged_seconds = increment.at_seconds
        else:
            session.counted.append(increment)

    def note_read(self, session: Session, asked: list[bytes], values: list[bytes | None]) -> None:
        """Account for what a client was told."""
        if session.name and not isinstance(session, Passing):
            read = Read(session.sent_seconds, monotonic(), tuple(asked), tuple(values), session.name)
            self.reads.append(read)
            session.counted.append(read)

    def note_deletion(self, session: Session, gone: list[bytes]) -> None:
        """Account for what a client had deleted."""
        if session.name and not session.is_primary and not isinstance(session, Passing):
            deletion = Deletion(session.sent_seconds, monotonic(), tuple(gone), session.name)
            self.deletions.append(deletion)
            session.counted.append(deletion)


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
