"""A pipelined Redis connection that costs the least a Python one can.

There is no task, future or callback for an operation: commands are written in batches, and the replies that
arrive together are handed over together, to the batch that they belong to.
"""

import abc
import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final, Self, cast

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.node import LOOK, LOOK_COMMANDS, Node
from redis_rehearsal.clock import monotonic

MAX_REPLY_BYTES: Final = 16 * 1024 * 1024
"""A reply that is still incomplete after this much is taken for one that never ends."""
_MAX_HANDSHAKE_BYTES: Final = 64 * 1024

Reply = bytes | int | list[Any] | None | hiredis.ReplyError


@lru_cache(maxsize=8)
def _ssl_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    # Loading the system's certificates takes milliseconds, in which the loop would stand still.
    return endpoint.ssl_context()


Span = tuple[str, float, int]
"""Commands that were answered together: what they were for, seconds from write to reply, and how many there were."""


class Batch(abc.ABC):
    """Commands that are written together; each kind of batch takes its own replies.

    Args:
        count: how many commands there are.

    Attributes:
        operation: what they are for, as it stands in metrics; empty where the service time is nobody's concern.
        count: the same.
        answered: how many have had their reply.
        connection: on which they were written; set by `Connection.send`.
        written_seconds: when they were written, on the monotonic clock; set by `Connection.send`.
    """

    __slots__ = ("answered", "connection", "count", "written_seconds")
    operation: str = ""
    connection: "Connection"

    def __init__(self, count: int) -> None:
        self.count = count
        self.answered = 0
        self.written_seconds = 0.0

    @abc.abstractmethod
    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        """Take the next replies, from that to command number `answered` on."""

    @abc.abstractmethod
    def on_lost(self, now_seconds: float) -> None:
        """The connection broke: commands from number `answered` on will have no reply."""


class AwaitedBatch(Batch):
    """Commands whose replies somebody awaits, together.

    Attributes:
        replies: all of them in order; ConnectionResetError where the connection broke before.
    """

    __slots__ = ("_found", "replies")

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.replies: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        self._found: list[Reply] = []

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        """See `Batch`."""
        self._found += replies
        if len(self._found) == self.count and not self.replies.done():
            self.replies.set_result(self._found)

    def on_lost(self, now_seconds: float) -> None:
        """See `Batch`."""
        if not self.replies.done():
            self.replies.set_exception(ConnectionResetError("the connection was closed before it answered"))


class _Look(Batch):
    """Asks what the server at the other end says that it is."""

    __slots__ = ("_replies",)

    def __init__(self) -> None:
        super().__init__(LOOK_COMMANDS)
        self._replies: list[Reply] = []

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self._replies += replies
        if len(self._replies) == self.count:
            self.connection.note_node(Node.of(*self._replies))

    def on_lost(self, now_seconds: float) -> None:
        return


class _Handshake(Batch):
    """Opens a connection; the last replies say who answers, and to PING."""

    __slots__ = ("_replies", "done")

    def __init__(self, count: int, done: "asyncio.Future[None]") -> None:
        super().__init__(count)
        self.done = done
        self._replies: list[Reply] = []

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self._replies += replies
        for reply in replies:
            # A user who may not PING or name a connection may still use the prefix.
            if isinstance(reply, hiredis.ReplyError) and not str(reply).startswith(("NOPERM", "ERR unknown")):
                if not self.done.done():
                    self.done.set_exception(ConnectionRefusedError(str(reply)))
                return
        if len(self._replies) == self.count and not self.done.done():
            self.connection.note_node(Node.of(*self._replies[-1 - LOOK_COMMANDS : -1]))
            self.done.set_result(None)

    def on_lost(self, now_seconds: float) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionResetError("the connection was closed before it answered"))


class Connection(asyncio.Protocol):
    """One connection to a Redis; use `Connection.open`.

    Attributes:
        pending: batches that have not had all their replies, oldest first.
        ready: whether commands may be sent.
        reason: why the connection closed, in words, once it has.
        spans: gets the service times of what is answered; None where nobody takes them away.
        max_reply_bytes: a reply that is still incomplete after this much is taken for one that never ends.
        nodes: which servers answered when it was looked who does, oldest first; one only where it is another one than
            before.
        changed_at: at which look each of these was first seen, by its place.
        looks: how often it was looked.
        looked_seconds: when it was last asked who it is, on the monotonic clock.
    """

    max_reply_bytes = MAX_REPLY_BYTES

    def __init__(self, on_closed: Callable[["Connection"], None]) -> None:
        self.pending: deque[Batch] = deque()
        self.ready = False
        self.reason = ""
        self.spans: list[Span] | None = None
        self._on_closed = on_closed
        self._reader = hiredis.Reader()
        self._incomplete_bytes = 0
        self._queued: list[bytes] = []
        self._transport: asyncio.WriteTransport | None = None
        self.nodes: list[Node] = []
        self.changed_at: dict[int, int] = {}
        self.looks = 0
        self.looked_seconds = 0.0

    @classmethod
    async def open(
        cls,
        endpoint: Endpoint,
        name: str,
        timeout: float,
        on_closed: Callable[["Connection"], None] = lambda _: None,
    ) -> Self:
        """Connect, log in, select the database and see that a Redis answers that is not loading.

        Args:
            endpoint: where to; its name is resolved anew.
            name: as CLIENT LIST shows it.
            timeout: seconds for all of it.
            on_closed: called once, when an opened connection can no longer be used, whoever closes it.

        Raises:
            OSError: there is no connection to be had, or the server refused; its text says why.
        """
        loop = asyncio.get_running_loop()
        connection: Self | None = None
        done: asyncio.Future[None] = loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                if endpoint.path:
                    _, connection = await loop.create_unix_connection(lambda: cls(on_closed), endpoint.path)
                else:
                    _, connection = await loop.create_connection(
                        lambda: cls(on_closed),
                        endpoint.host,
                        endpoint.port,
                        ssl=_ssl_context(endpoint),
                        server_hostname=endpoint.host if endpoint.tls else None,
                    )
                commands: list[tuple[str, ...]] = []
                if endpoint.password:
                    login = (endpoint.username, endpoint.password) if endpoint.username else (endpoint.password,)
                    commands.append(("AUTH", *login))
                if endpoint.database:
                    commands.append(("SELECT", str(endpoint.database)))
                commands += [("CLIENT", "SETNAME", name), ("PING",)]
                # Who answers is asked before PING, whose reply ends it.
                *before, ping = (pack(*command) for command in commands)
                packed = b"".join([*before, LOOK, ping])
                connection.looked_seconds = monotonic()
                connection.send(packed, _Handshake(len(commands) + LOOK_COMMANDS, done))
                await done
        except TimeoutError:
            if connection is not None:
                await connection.close("it did not answer in time")
            tls = "; it may speak no TLS (rediss://)" if endpoint.tls else ""
            raise TimeoutError(f"no answer within {timeout:g} s{tls}") from None
        except BaseException as error:
            if connection is not None:
                reason = connection.reason
                await connection.close("the handshake failed")
                if isinstance(error, ConnectionResetError) and reason:
                    raise ConnectionResetError(reason) from None
            raise
        finally:
            # Where nobody awaits it any more, its error must not be reported as forgotten.
            if done.done() and not done.cancelled():
                done.exception()
        connection.ready = True
        return connection

    @classmethod
    @asynccontextmanager
    async def opened(cls, endpoint: Endpoint, name: str, timeout: float) -> AsyncIterator[Self]:
        """A connection for as long as the block lasts; arguments and errors as of `open`."""
        connection = await cls.open(endpoint, name, timeout)
        try:
            yield connection
        finally:
            await connection.close("it is not needed any more")

    def send(self, commands: bytes, batch: Batch) -> None:
        """Write a batch's commands; the caller has made sure that the connection is open.

        What was queued before leaves first: replies come in the order in which commands were written.
        """
        if self._queued:
            self.flush()
        batch.written_seconds = monotonic()
        batch.connection = self
        self.pending.append(batch)
        self._transport.write(commands)  # type: ignore[union-attr]  # open connections have one

    def queue(self, commands: bytes, batch: Batch) -> None:
        """Like `send`, but the commands leave together with others at the next `flush`.

        A write to a socket costs some 25 µs on a virtual machine, whatever its size.
        """
        batch.written_seconds = monotonic()
        batch.connection = self
        self.pending.append(batch)
        self._queued.append(commands)

    def flush(self) -> None:
        """Write what was queued."""
        if self._queued and self.ready:
            self._transport.write(b"".join(self._queued))  # type: ignore[union-attr]  # see above
        self._queued.clear()

    def look(self) -> None:
        """Ask the server who it is, between what else is asked of it."""
        self.looked_seconds = monotonic()
        self.send(LOOK, _Look())

    def note_node(self, node: Node) -> None:
        """Note who answered a look; one that did not say is the same as before, as far as is known."""
        self.looks += 1
        if not self.nodes or (node.run_id and node != self.nodes[-1]):
            self.changed_at[len(self.nodes)] = self.looks
            self.nodes.append(node)

    async def ask(self, timeout: float, *command: str | bytes) -> Reply:
        """One command, apart from the load.

        Args:
            timeout: seconds for the reply.
            command: its words.

        Raises:
            OSError: the connection broke, or there was no reply in time.
        """
        batch = AwaitedBatch(1)
        self.send(pack(*command), batch)
        try:
            async with asyncio.timeout(timeout):
                return (await batch.replies)[0]
        except ConnectionResetError:
            raise ConnectionResetError(self.reason) from None

    def abort(self, reason: str) -> None:
        """Close at once; what is pending is lost."""
        self._leave(reason)
        if self._transport is not None:
            self._transport.abort()

    async def close(self, reason: str) -> None:
        """Like `abort`, and wait until nothing of the connection is left."""
        self.abort(reason)
        await asyncio.sleep(0)  # the transport closes in the loop's next turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        now = monotonic()
        reader, pending = self._reader, self.pending
        replies: list[Reply] = []
        reader.feed(data)
        try:
            next_reply = reader.gets
            while (reply := next_reply()) is not False:
                replies.append(reply)
        except hiredis.ProtocolError as error:
            self._deliver(replies, now)
            self.abort(f"what it sent is not the Redis protocol ({error})")
            return
        if replies:
            self._incomplete_bytes = 0
            if pending and pending[0].count - pending[0].answered == len(replies):
                batch = pending.popleft()
                if self.spans is not None:
                    self.spans.append((batch.operation, now - batch.written_seconds, len(replies)))
                batch.on_replies(replies, now)
            else:
                self._deliver(replies, now)
        else:
            self._incomplete_bytes += len(data)
            most = self.max_reply_bytes if self.ready else _MAX_HANDSHAKE_BYTES
            if self._incomplete_bytes > most:
                self.abort(f"a reply did not end within {most} bytes")

    def _deliver(self, replies: list[Reply], now: float) -> None:
        pending = self.pending
        start = 0
        while start < len(replies):
            if not pending:
                said = replies[start]
                # An error that comes unasked says why the server will not have us.
                refusal = str(said) if isinstance(said, hiredis.ReplyError) else ""
                self.abort(refusal or "it sent a reply that nothing asked for")
                return
            batch = pending[0]
            part = replies[start : start + batch.count - batch.answered]
            start += len(part)
            if self.spans is not None:
                self.spans.append((batch.operation, now - batch.written_seconds, len(part)))
            if batch.answered + len(part) == batch.count:
                pending.popleft()
                batch.on_replies(part, now)
            else:
                batch.on_replies(part, now)
                batch.answered += len(part)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._leave(str(error) if error else "the server closed the connection")
        now = monotonic()
        while self.pending:
            batch = self.pending.popleft()
            batch.on_lost(now)

    def _leave(self, reason: str) -> None:
        # First of all, since who learns of a loss may send something else at once.
        self.reason = self.reason or reason
        if self.ready:
            self.ready = False
            self._on_closed(self)
