"""One connection to a server."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import hiredis

from redis_rehearsal.clock import monotonic
from tests.simulation.redis.executing import BLOCKED, execute
from tests.simulation.redis.replies import NOTHING, Refused, encode
from tests.simulation.redis.session import Session

if TYPE_CHECKING:
    from tests.simulation.network import End
    from tests.simulation.redis.accounts import Noted
    from tests.simulation.redis.server import SimulatedRedis


class Connection(asyncio.Protocol, Session):
    """One who asks over the network; what comes together is answered in one write."""

    def __init__(self, server: "SimulatedRedis") -> None:
        super().__init__(server)
        self.came_bytes = 0
        self._life = server.life
        self._reader = hiredis.Reader()
        self._out: list[bytes] = []
        self._flushing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast("End", transport)
        self.address = f"127.0.0.1:{10_000 + self.number}"
        self.server.sessions[self] = None

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        server = self.server
        if server.frozen:
            server.held.append((self._carry_out, (data, self.transport.sent_seconds)))
        else:
            self._carry_out(data, self.transport.sent_seconds)

    def _carry_out(self, data: bytes, sent_seconds: float) -> None:
        if self.closed:
            return
        server, reader, out = self.server, self._reader, self._out
        server.figures.input_bytes += len(data)
        reader.feed(data)
        try:
            while (words := reader.gets()) is not False:
                if self.blocked:
                    self.waiting.append((words, sent_seconds))
                    continue
                self.sent_seconds = sent_seconds
                reply = execute(self, words)
                if reply is not BLOCKED and reply is not NOTHING:
                    out.append(encode(reply))
        except hiredis.ProtocolError:
            self.push(encode(Refused("ERR Protocol error")))
            self.flush()
            self.close()
            return
        self.flush()

    def flush(self) -> None:
        """Send what there is to send."""
        self._flushing = False
        if self.server.frozen or self.closed or not self._out:
            return
        data = b"".join(self._out)
        self._out.clear()
        if self.counted:
            self.transport.write_noted(data, partial(_note, self.counted))
            self.counted = []
        else:
            self.transport.write(data)

    def push(self, data: bytes) -> None:
        """See `Session`."""
        self._out.append(data)
        self._flush_soon()

    def take(self, reply: Any) -> None:
        """See `Session`."""
        if reply is not NOTHING:
            self.push(encode(reply))

    def send(self, data: bytes) -> None:
        """Send something now, behind all that is to be sent before it."""
        self.flush()
        if not self.closed:
            self.transport.write(data)

    def close(self) -> None:
        """See `Session`."""
        self.flush()
        if not self.closed:
            self.leave()
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio."""
        if self.server.frozen and self._life == self.server.life and error is None:
            # It had sent that before it left, and will be heard.
            self.server.held.append((self.leave, ()))
        else:
            self.leave()

    def leave(self) -> None:
        """It is over."""
        if self.closed:
            return
        self.closed = True
        self.forget_transaction()
        server = self.server
        server.sessions.pop(self, None)
        server.subscriptions.forget(self)
        if self.replica is not None:
            server.replication.forget(self.replica)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.server.soon(self.flush)


def _note(counted: "list[Noted]") -> None:
    now = monotonic()
    for each in counted:
        each.acknowledged_seconds = now


Serve = Callable[[], Connection]
