"""Connections to one server that are always being kept up."""

import asyncio
import contextlib
import random
from typing import Final

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection, Span
from redis_rehearsal.clock import NO_STANDSTILL, Standstill, monotonic

MAX_RECONNECT_SECONDS: Final = 0.25
"""Longest wait between two attempts to connect."""
_CONNECT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.8
"""So often, at most, a connection asks who answers it; it is seen to ten times a second."""


class ConnectionPool:
    """A number of connections, each reconnecting by itself until the pool is closed.

    Args:
        endpoint: of the server.
        size: how many connections.
        name: begins the connections' names in CLIENT LIST.
        timeout: seconds after which a batch without replies breaks its connection.
        spans: gets the service times of what is answered; None where nobody takes them away.

    Attributes:
        ready: the connections that can be used now.
        opened: how many connections have been made so far.
        last_error: why the last connection ended or could not be made; empty if none did.
    """

    def __init__(
        self, endpoint: Endpoint, size: int, name: str, timeout: float, spans: list[Span] | None = None
    ) -> None:
        self.endpoint = endpoint
        self.size = size
        self.ready: list[Connection] = []
        self.opened = 0
        self.last_error = ""
        self._name = name
        self._spans = spans
        self._timeout = timeout
        self._turn = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start connecting; returns when every connection has been tried once."""
        tried = [asyncio.Event() for _ in range(self.size)]
        self._tasks = [asyncio.create_task(self._keep_up(event)) for event in tried]
        for event in tried:
            await event.wait()

    async def close(self) -> None:
        """Close all connections and stop reconnecting."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        await asyncio.sleep(0)  # a transport closes in the loop's next turn

    def next(self) -> Connection | None:
        """A usable connection, each in its turn; None while there is none."""
        ready = self.ready
        if not ready:
            return None
        self._turn += 1
        return ready[self._turn % len(ready)]

    def of(self, number: int) -> Connection | None:
        """A usable connection that is the same one for a number as long as none breaks or is made."""
        ready = self.ready
        return ready[number % len(ready)] if ready else None

    def break_overdue(self, now_seconds: float, still: Standstill = NO_STANDSTILL) -> None:
        """Break the connections on which the oldest batch has waited for longer than the timeout.

        Args:
            now_seconds: on the monotonic clock.
            still: when this process last stood still; that time does not count.
        """
        for connection in list(self.ready):
            pending = connection.pending
            if not pending:
                continue
            written = pending[0].written_seconds
            if now_seconds - written - still.since(written) > self._timeout:
                connection.abort(f"it did not answer within {self._timeout:g} s")

    def look(self, now_seconds: float) -> None:
        """Ask on each connection who answers, where that was not done for a while."""
        for connection in list(self.ready):
            pending = connection.pending
            # One that does not answer what it was asked before is not asked more.
            stuck = pending and now_seconds - pending[0].written_seconds > LOOK_SECONDS
            if now_seconds - connection.looked_seconds >= LOOK_SECONDS and not stuck:
                connection.look()

    async def _keep_up(self, tried: asyncio.Event) -> None:
        while True:
            closed = asyncio.Event()

            def on_closed(connection: Connection, closed: asyncio.Event = closed) -> None:
                if connection in self.ready:
                    self.ready.remove(connection)
                    self.last_error = connection.reason
                closed.set()

            started = monotonic()
            try:
                # A frozen server accepts connections and answers when it thaws, so waiting beats trying anew.
                connection = await Connection.open(
                    self.endpoint, self._name, max(_CONNECT_SECONDS, self._timeout), on_closed
                )
            except (OSError, ValueError) as error:
                self.last_error = str(error) or type(error).__name__
                tried.set()
                spent = monotonic() - started
                # Not for secrets: spreads the attempts of many connections.
                await asyncio.sleep(max(0.0, random.uniform(0.2, 1.0) * MAX_RECONNECT_SECONDS - spent))  # noqa: S311
                continue
            connection.spans = self._spans
            self.ready.append(connection)
            self.opened += 1
            tried.set()
            try:
                await closed.wait()
            except asyncio.CancelledError:
                connection.abort("the run ended")
                raise
