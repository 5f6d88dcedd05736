"""A connection on which many askers share writes to the socket, made anew when it is next needed."""

import asyncio
from collections.abc import Sequence
from typing import Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.cache.wire import Batch, Connection, Reply
from redis_rehearsal.clock import monotonic

_MAX_REPLY_BYTES: Final = 1024 * 1024 * 1024
"""One element may be 512 MiB, and no server can hand it out in parts."""
_READS_REFUSED: Final = ("LOADING", "MASTERDOWN", "NOAUTH", "BUSY ", "CLUSTERDOWN")
_WRITES_REFUSED: Final = ("READONLY", "NOREPLICAS", "MISCONF")
_AWAY: Final = {"source": _READS_REFUSED, "target": (*_READS_REFUSED, *_WRITES_REFUSED)}
"""Refusals that concern the server and not the key; a source may be a replica, or fenced."""
_CHECKS_IN_TIMEOUT: Final = 4


def packed(*parts: str | bytes | int) -> bytes:
    """A command as it is sent."""
    return pack(*parts)


def in_words(reply: Reply) -> str:
    """A reply for people; an error as the server worded it."""
    return reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)


class _PatientConnection(Connection):
    """Takes replies of any size as long as bytes go on coming, or leaving."""

    max_reply_bytes = _MAX_REPLY_BYTES
    _moved_seconds = 0.0
    _unsent_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._moved_seconds = monotonic()
        super().data_received(data)

    def still_seconds(self, now_seconds: float) -> float:
        """For how long a reply has been owed and nothing moved."""
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if unsent != self._unsent_bytes:
            self._unsent_bytes, self._moved_seconds = unsent, now_seconds
        if not self.pending:
            return 0.0
        return now_seconds - max(self.pending[0].written_seconds, self._moved_seconds)


class _Collected:
    """Receives all replies of a batch."""

    def __init__(self, done: "asyncio.Future[list[Reply]]") -> None:
        self._done = done
        self._replies: list[Reply] = []

    def on_replies(self, batch: Batch, replies: list[Reply], now_seconds: float) -> None:
        self._replies += replies
        if len(self._replies) == batch.count and not self._done.done():
            self._done.set_result(self._replies)

    def on_lost(self, batch: Batch, now_seconds: float) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionResetError())


class Line:
    """A connection to one server for any number of askers at once.

    Args:
        role: whether it is copied from there or to there.
        endpoint: where it is.
        timeout_seconds: without any byte from the server while it owes a reply, after which it is away.
        called: what people know it as; on the way back the source is copied to. Default: as its role says.
    """

    def __init__(self, role: Role, endpoint: Endpoint, timeout_seconds: float, called: Role | None = None) -> None:
        self.role: Role = role
        self.called = f"the {called or role}"
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._connection: _PatientConnection | None = None
        self._opening = asyncio.Lock()
        self._watch: asyncio.TimerHandle | None = None
        self._flush_is_due = False

    def __str__(self) -> str:
        """For people."""
        return f"{self.called} {self._endpoint}"

    async def open(self) -> _PatientConnection:
        """Connect where there is no connection.

        Raises:
            OSError: there is none to be had.
        """
        async with self._opening:
            connection = self._connection
            if connection is None or not connection.ready:
                try:
                    connection = await _PatientConnection.open(
                        self._endpoint, "redis-rehearsal:copy", self._timeout_seconds, lambda _: None
                    )
                except TimeoutError as error:
                    raise TimeoutError(f"{self} cannot be reached: {error}") from None
                except (OSError, ValueError) as error:
                    raise ConnectionError(f"{self} cannot be reached: {error}") from None
                self._connection = connection
                self._watch_over()
            return connection

    async def close(self) -> None:
        """Close the connection; what is under way on it is lost."""
        if self._watch is not None:
            self._watch.cancel()
        if self._connection is not None:
            self._connection.abort("the copying ended")
            self._connection = None
            await asyncio.sleep(0)  # its transport closes in the loop's next turn

    async def all(self, commands: Sequence[bytes]) -> list[Reply]:
        """The replies to commands, errors of single ones among them.

        Raises:
            OSError: the server is away, or refuses all work.
        """
        if not commands:
            return []
        connection = self._connection
        if connection is None or not connection.ready:
            connection = await self.open()
        done: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        connection.queue(b"".join(commands), Batch(_Collected(done), len(commands)))
        self._flush_soon()
        try:
            replies = await done
        except ConnectionResetError:
            raise ConnectionResetError(f"{self} went away: {connection.reason}") from None
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError) and str(reply).startswith(_AWAY[self.role]):
                raise ConnectionRefusedError(f"{self} refuses all work: {reply}")
        return replies

    async def one(self, *parts: str | bytes | int) -> Reply:
        """The reply to one command.

        Raises:
            OSError: the server is away, or refuses all work.
        """
        return (await self.all([packed(*parts)]))[0]

    def _flush_soon(self) -> None:
        # In the loop's next turn, so that all who ask in this one share a write to the socket.
        if not self._flush_is_due:
            self._flush_is_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._connection is not None:
            self._connection.flush()

    def _watch_over(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        connection = self._connection
        if connection is None or not connection.ready:
            return
        if connection.still_seconds(monotonic()) > self._timeout_seconds:
            connection.abort(f"it did not answer within {self._timeout_seconds:g} s")
            return
        self._watch = asyncio.get_running_loop().call_later(
            self._timeout_seconds / _CHECKS_IN_TIMEOUT, self._watch_over
        )
