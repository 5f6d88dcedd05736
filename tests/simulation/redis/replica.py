"""One who follows, as the server knows it that is followed."""

from collections import deque
from typing import TYPE_CHECKING, Final

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import monotonic
from tests.simulation.redis.payloads import format_of, packed
from tests.simulation.redis.replies import Simple, encode

if TYPE_CHECKING:
    from tests.simulation.redis.connection import Connection
    from tests.simulation.redis.server import SimulatedRedis

_PIECE_SECONDS: Final = 0.25
_MOST_PIECES: Final = 400
_NEVER: Final = b"-1"


class Replica:
    """A connection over which somebody follows.

    Attributes:
        session: it.
        port: on which the replica says that it listens.
        state: wait_bgsave, send_bulk or online, as INFO says it.
        offset: to which it has acknowledged the stream.
        heard_seconds: when it last did, on the monotonic clock.
        is_full: whether it was sent all of the data, and not yet acknowledged that.
    """

    def __init__(self, server: "SimulatedRedis", session: "Connection") -> None:
        self.session = session
        self.port = 0
        self.state = ""
        self.offset = 0
        self.heard_seconds = monotonic()
        self.is_full = False
        self._server = server
        self._takes = False
        self._buffered: list[bytes] = []
        self._buffered_bytes = 0
        self._late: deque[tuple[float, bytes]] = deque()
        self._last_seconds = 0.0

    def lag_seconds(self) -> int:
        """Since it was last heard of, in whole seconds."""
        return int(monotonic() - self.heard_seconds)

    def resume(self, answer: str, missed: bytes) -> None:
        """Go on where it was."""
        self.session.push(encode(Simple(answer.encode())))
        self.session.flush()
        self.state = "online"
        self.heard_seconds = monotonic()
        self._takes = True
        if missed:
            self._send(missed)

    def copy(self) -> None:
        """Give it all there is: what is there by the time it begins, then what came meanwhile."""
        self.state = "wait_bgsave"
        self._server.later(float(self._server.config["repl-diskless-sync-delay"]), self._begin)

    def _begin(self) -> None:
        if self.session.closed:
            return
        server = self._server
        server.replication.flush()
        self.state, self._takes = "send_bulk", True
        replication = server.replication
        self.session.push(encode(Simple(f"FULLRESYNC {replication.replid} {replication.offset}".encode())))
        self.session.flush()
        parts: list[bytes] = []
        for key, value in server.keyspace.values.items():
            at = server.keyspace.expiry.get(key)
            parts += (key, packed(value), _NEVER if at is None else b"%d" % at)
        image = pack(b"RDB", format_of(server.numbers), *parts)
        count = max(1, min(_MOST_PIECES, int(server.full_sync_seconds / _PIECE_SECONDS)))
        size = -(-len(image) // count)
        for number in range(count):
            after = server.full_sync_seconds * (number + 1) / count
            server.later(after, self._send_piece, image[number * size : (number + 1) * size], number + 1 == count)

    def _send_piece(self, piece: bytes, is_last: bool) -> None:
        if not self.session.closed:
            self.session.send(piece)
            self.is_full = is_last
            self.heard_seconds = monotonic()

    def acknowledge(self, offset: int) -> None:
        """It has the stream up to there."""
        self.offset = max(self.offset, offset)
        self.heard_seconds = monotonic()
        if self.is_full and self.state == "send_bulk":
            self.state, self.is_full = "online", False
            data = b"".join(self._buffered)
            self._buffered.clear()
            if data:
                self._send(data)

    def give(self, data: bytes, most_bytes: int) -> bool:
        """Give it more of the stream; False where it has not taken so much that it is dropped.

        Args:
            data: of the stream.
            most_bytes: that may wait for it; 0 for as many as there are.
        """
        if self.state == "online":
            self._send(data)
        elif self._takes:
            self._buffered.append(data)
            self._buffered_bytes += len(data)
            return not 0 < most_bytes < self._buffered_bytes
        return True

    def _send(self, data: bytes) -> None:
        lag = self._server.stream_lag_seconds
        if not lag and not self._late:
            self.session.send(data)
            return
        # Nothing overtakes what was sent before it, also where the lag became less.
        self._last_seconds = max(self._last_seconds, monotonic() + lag)
        self._late.append((self._last_seconds, data))
        self._server.later(self._last_seconds - monotonic(), self._send_late)

    def _send_late(self) -> None:
        if self._late:
            _, data = self._late.popleft()
            if not self.session.closed:
                self.session.send(data)
