"""The stream of a server's writes, and those who follow it."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import monotonic
from tests.simulation.redis.backlog import Backlog
from tests.simulation.redis.replica import Replica

if TYPE_CHECKING:
    from tests.simulation.redis.connection import Connection
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

_NOBODY: Final = "0" * 40
_CRON_SECONDS: Final = 1.0
_MULTI: Final = b"*1\r\n$5\r\nMULTI\r\n"
_EXEC: Final = b"*1\r\n$4\r\nEXEC\r\n"
_PING: Final = b"*1\r\n$4\r\nPING\r\n"
_GET_ACK: Final = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"


class Replication:
    """The stream that a server gives, or hands on.

    Attributes:
        replid: names the history of its data.
        offset: how far that has come, in bytes.
        replid2: the name that the history had before the server was promoted.
        second_offset: the first byte of the stream that is no part of that.
        backlog: the last of the stream; None where nobody has followed so far.
        replicas: those who follow.
        figures: of INFO stats: full synchronisations, partial ones, refused ones, and replicas that were dropped.
    """

    def __init__(self, server: "SimulatedRedis") -> None:
        self._server = server
        self.replid, self.replid2 = server.hexadecimal(), _NOBODY
        self.offset, self.second_offset = 0, -1
        self.backlog: Backlog | None = None
        self.replicas: list[Replica] = []
        self.figures = {
            "sync_full": 0,
            "sync_partial_ok": 0,
            "sync_partial_err": 0,
            "client_output_buffer_limit_disconnections": 0,
        }
        self._together: list[bytes] | None = None
        self._unsent: list[bytes] = []
        self._ticking = False
        self._pinged_seconds = 0.0
        self._waiting: list[tuple[Session, int, int]] = []

    def feed(self, words: list[bytes]) -> None:
        """Put a write into the stream; that of a replica is its primary's alone."""
        if self.backlog is None or self._server.following is not None:
            return
        data = pack(*words)
        if self._together is not None:
            self._together.append(data)
        else:
            self.append(data)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is put into the stream meanwhile is one transaction."""
        self._together = []
        try:
            yield
        finally:
            parts, self._together = self._together, None
            if parts and self.backlog is not None:
                self.append(b"".join(parts if len(parts) == 1 else [_MULTI, *parts, _EXEC]))

    def append(self, data: bytes) -> None:
        """Put bytes into the stream; they leave in the loop's next turn."""
        self.offset += len(data)
        if self.backlog is not None:
            self.backlog.add(data)
        if self.replicas:
            if not self._unsent:
                self._server.soon(self.flush)
            self._unsent.append(data)

    def flush(self) -> None:
        """Send what was put into the stream."""
        if not self._unsent:
            return
        data = b"".join(self._unsent)
        self._unsent.clear()
        limit = self._server.config["client-output-buffer-limit"].split()
        most_bytes = int(limit[limit.index("slave") + 1]) if "slave" in limit else 0
        for replica in list(self.replicas):
            if not replica.give(data, most_bytes):
                self.figures["client_output_buffer_limit_disconnections"] += 1
                replica.session.close()

    def attach(self, session: "Connection", replid: str, first: int) -> None:
        """Let somebody follow: from a byte of the stream on where that is still there, else from the beginning."""
        server, replica = self._server, session.replica or Replica(self._server, session)
        session.replica = replica
        self.flush()
        known = replid == self.replid or (replid == self.replid2 and first <= self.second_offset)
        missed = self.backlog.since(first) if known and self.backlog is not None else None
        if self.backlog is None:
            self.replid, self.replid2, self.second_offset = server.hexadecimal(), _NOBODY, -1
            self.start_backlog()
        self.replicas.append(replica)
        if missed is not None:
            self.figures["sync_partial_ok"] += 1
            replica.offset = first - 1
            replica.resume(f"CONTINUE {self.replid}", missed)
        else:
            self.figures["sync_partial_err"] += replid != "?"
            self.figures["sync_full"] += 1
            replica.copy()
        if not self._ticking:
            self._ticking, self._pinged_seconds = True, monotonic()
            server.later(_CRON_SECONDS, self._tick)

    def start_backlog(self) -> None:
        """Keep what comes from now on."""
        self._unsent.clear()
        self.backlog = Backlog(self._server.config.number("repl-backlog-size"), self.offset)

    def take_over(self, replid: str, offset: int) -> None:
        """The data are another server's from now on, as they were at an offset of its stream."""
        self.replid, self.offset = replid, offset
        self.replid2, self.second_offset = _NOBODY, -1
        self.start_backlog()

    def renamed(self, replid: str) -> None:
        """The history has another name from now on."""
        if replid != self.replid:
            self.replid2, self.second_offset = self.replid, self.offset + 1
            self.replid = replid

    def forget(self, replica: Replica) -> None:
        """Somebody does not follow any more."""
        if replica in self.replicas:
            self.replicas.remove(replica)

    def drop_all(self) -> None:
        """Nobody follows any more."""
        for replica in list(self.replicas):
            replica.session.close()

    def has_enough_replicas(self) -> bool:
        """Whether as many follow as are wanted for a write to be taken."""
        most = self._server.config.number("min-replicas-max-lag")
        good = sum(each.state == "online" and each.lag_seconds() <= most for each in self.replicas)
        return good >= self._server.config.least_replicas

    def acknowledged(self, replica: Replica, offset: int) -> None:
        """Somebody has the stream up to there."""
        replica.acknowledge(offset)
        for waiting in list(self._waiting):
            if self.count(waiting[2]) >= waiting[1]:
                self._end_wait(waiting)

    def count(self, offset: int) -> int:
        """How many have the stream up to there."""
        return sum(each.state == "online" and each.offset >= offset for each in self.replicas)

    def wait(self, session: "Session", wanted: int, seconds: float) -> None:
        """Have somebody wait until so many have all there is, or the time is over; 0 for as long as it takes."""
        waiting = (session, wanted, self.offset)
        session.blocked = True
        self._waiting.append(waiting)
        self.append(_GET_ACK)
        if seconds:
            self._server.later(seconds, self._end_wait, waiting)

    def _end_wait(self, waiting: "tuple[Session, int, int]") -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            session, _, at = waiting
            session.blocked = False
            session.take(self.count(at))
            session.advance()

    def _tick(self) -> None:
        if not self.replicas:
            self._ticking = False
            return
        now, config = monotonic(), self._server.config
        if self._server.following is None and now - self._pinged_seconds >= config.number("repl-ping-replica-period"):
            self._pinged_seconds = now
            self.append(_PING)
        for replica in list(self.replicas):
            if now - replica.heard_seconds > config.number("repl-timeout"):
                replica.session.close()
        self._server.later(_CRON_SECONDS, self._tick)
