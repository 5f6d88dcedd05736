"""One server that is asked over a connection of its own: single commands and pipelines, by many at once."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Self

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import MAX_REPLY_BYTES, AwaitedBatch, Connection, Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.keyspace.errors import AwayError, LostError, RefusedError, RefusingError, UnreachedError

LARGE_REPLY_BYTES: Final = 1024 * 1024 * 1024
"""One element may have 512 MiB, and no server can hand it out in parts."""
_CHECKS_IN_TIMEOUT: Final = 4
_PARSED_BYTES: Final = 16 * 1024
_NOT_OPEN: Final = "it was not connected"


class _PatientConnection(Connection):
    """Knows for how long nothing has moved on it."""

    _moved_seconds = 0.0
    _unsent_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._moved_seconds = monotonic()
        # For each KiB that is taken from its buffer the parser moves all the rest of it.
        for start in range(0, len(data), _PARSED_BYTES):
            super().data_received(data[start : start + _PARSED_BYTES])
            if self.reason:
                return

    def still_seconds(self, now_seconds: float) -> float:
        """For how long a reply has been owed and nothing moved."""
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if unsent != self._unsent_bytes:
            self._unsent_bytes, self._moved_seconds = unsent, now_seconds
        if not self.pending:
            return 0.0
        return now_seconds - max(self.pending[0].written_seconds, self._moved_seconds)


class Asker:
    """A server, and one connection to it for any number of those who ask at once.

    What they ask in one turn of the loop leaves in one write to the socket. Used as a context manager, or by `open`
    and `close`.

    Args:
        role: of the server, in one word or some, as people know it.
        endpoint: of the server.
        purpose: what the connection is for, which ends its name in CLIENT LIST.
        timeout_seconds: without a byte that moves while the server owes a reply, after which it is away.
        connect_seconds: for a connection; as the timeout, unless it is given.
        reply_bytes: a reply that is still incomplete after this much is taken for one that never ends.
        reopens: whether what is asked after the connection broke is asked over another one; who may not be told of two
            states of a server, or of two servers, does without.
        refusals: how an error begins that concerns the server and not what was asked.
    """

    def __init__(
        self,
        role: str,
        endpoint: Endpoint,
        purpose: str,
        timeout_seconds: float,
        *,
        connect_seconds: float | None = None,
        reply_bytes: int = MAX_REPLY_BYTES,
        reopens: bool = False,
        refusals: tuple[str, ...] = (),
    ) -> None:
        self.role = role
        self.endpoint = endpoint
        self._name = f"redis-rehearsal:{purpose}"
        self._timeout_seconds = timeout_seconds
        self._connect_seconds = timeout_seconds if connect_seconds is None else connect_seconds
        self._reply_bytes = reply_bytes
        self._reopens = reopens
        self._refusals = refusals
        self._connection: _PatientConnection | None = None
        self._opening = asyncio.Lock()
        self._watch: asyncio.TimerHandle | None = None
        self._flush_is_due = False

    def __str__(self) -> str:
        """The server, within a sentence."""
        return f"{self.called} {self.endpoint}"

    @property
    def called(self) -> str:
        """The server by its role alone, within a sentence."""
        return f"the {self.role}"

    @property
    def title(self) -> str:
        """The server, to begin a sentence."""
        return f"The {self.role} {self.endpoint}"

    def away(self, error: AwayError) -> Exception:
        """What to raise where the server is not to be used."""
        return error

    def refused(self, command: str | bytes | int, reply: Reply) -> Exception:
        """What to raise where the server refused a command, or answered it with something else than a server does."""
        return RefusedError(str(self), command, reply)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect where there is no connection.

        Raises:
            UnreachedError: there is none to be had.
        """
        async with self._opening:
            if self._connection is not None and self._connection.ready:
                return
            try:
                connection = await _PatientConnection.open(self.endpoint, self._name, self._connect_seconds)
            except (OSError, ValueError) as error:
                raise self.away(UnreachedError(str(self), str(error) or type(error).__name__)) from None
            connection.max_reply_bytes = self._reply_bytes
            self._connection = connection
            self._watch_over()

    async def close(self) -> None:
        """Close the connection; what is under way on it is lost."""
        if self._watch is not None:
            self._watch.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close("all was asked")

    async def pipeline(self, commands: bytes, count: int) -> list[Any]:
        """Send packed commands together, and wait for all replies.

        Args:
            commands: packed.
            count: how many they are.

        Returns:
            The replies in order; an error that one command got is among them.

        Raises:
            AwayError: the server is away, or refuses all work.
        """
        if count == 0:
            return []
        connection = self._connection
        if connection is None or not connection.ready:
            connection = await self._opened_again()
        batch = AwaitedBatch(count)
        connection.queue(commands, batch)
        self._flush_soon()
        try:
            replies = await batch.replies
        except ConnectionResetError:
            raise self.away(LostError(str(self), connection.reason)) from None
        if self._refusals:
            for reply in replies:
                if isinstance(reply, hiredis.ReplyError) and str(reply).startswith(self._refusals):
                    raise self.away(RefusingError(str(self), str(reply)))
        return replies

    async def all(self, commands: Sequence[bytes]) -> list[Reply]:
        """The replies to packed commands, errors of single ones among them.

        Raises:
            AwayError: the server is away, or refuses all work.
        """
        return await self.pipeline(b"".join(commands), len(commands))

    async def reply(self, *command: str | bytes | int) -> Reply:
        """The reply to one command, be it an error.

        Raises:
            AwayError: the server is away, or refuses all work.
        """
        replies: list[Reply] = await self.pipeline(pack(*command), 1)
        return replies[0]

    async def ask(self, *command: str | bytes | int) -> Any:
        """The reply to one command.

        Raises:
            RefusedError: it is an error.
            AwayError: the server is away, or refuses all work.
        """
        reply = await self.reply(*command)
        if isinstance(reply, hiredis.ReplyError):
            raise self.refused(command[0], reply)
        return reply

    def see_no_refusal(self, command: str | bytes | int, replies: Sequence[Any]) -> None:
        """See that no reply is an error that says more than that a key has changed its type.

        Raises:
            RefusedError: one is.
        """
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError) and not str(reply).startswith("WRONGTYPE"):
                raise self.refused(command, reply)

    async def _opened_again(self) -> _PatientConnection:
        if self._reopens:
            await self.open()
        connection = self._connection
        if connection is None or not connection.ready:
            raise self.away(LostError(str(self), connection.reason if connection is not None else _NOT_OPEN))
        return connection

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
