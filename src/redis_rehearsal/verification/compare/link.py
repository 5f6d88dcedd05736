"""The connection over which one server is read: pipelines of commands, and sentences for what goes wrong."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.control import CONNECT_SECONDS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Batch, Connection, Reply
from redis_rehearsal.errors import CannotTellError

_MAX_REPLY_BYTES: Final = 768 * 1024 * 1024
"""An element of a list or a hash can have 512 MiB, and no server gives a part of one."""


class _Collector:
    """Keeps the replies of one batch until all are there."""

    __slots__ = ("done", "replies")

    def __init__(self, done: "asyncio.Future[list[Reply]]") -> None:
        self.done = done
        self.replies: list[Reply] = []

    def on_replies(self, batch: Batch, replies: list[Reply], now_seconds: float) -> None:
        self.replies += replies
        if len(self.replies) == batch.count and not self.done.done():
            self.done.set_result(self.replies)

    def on_lost(self, batch: Batch, now_seconds: float) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionResetError())


class Link:
    """One server that is read.

    Args:
        role: of the server, for the person who reads an error.
        endpoint: of the server.
        timeout_seconds: longest wait for an answer; for a connection, of which all is small, no longer than 5 s.
    """

    def __init__(self, role: str, endpoint: Endpoint, timeout_seconds: float) -> None:
        self.role = role
        self.endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._connection: Connection | None = None

    async def open(self) -> None:
        """Connect.

        Raises:
            CannotTellError: there is no connection to be had.
        """
        try:
            self._connection = await Connection.open(
                self.endpoint, "redis-rehearsal:compare", min(self._timeout_seconds, CONNECT_SECONDS), lambda _: None
            )
        except (OSError, ValueError) as error:
            raise self._gone(str(error) or type(error).__name__) from None
        self._connection.max_reply_bytes = _MAX_REPLY_BYTES

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.abort("the comparison ended")
            await asyncio.sleep(0)  # its transport closes in the loop's next turn

    async def pipeline(self, commands: bytes, count: int) -> list[Any]:
        """Send packed commands together, and wait for all replies.

        Args:
            commands: packed.
            count: how many they are.

        Returns:
            The replies in order; an error that one command got is among them.

        Raises:
            CannotTellError: the server went away or does not answer.
        """
        if count == 0:
            return []
        connection = self._connection
        if connection is None or not connection.ready:
            raise self._gone(connection.reason if connection else "it was not connected")
        done: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        connection.send(commands, Batch(_Collector(done), count))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await done
        except TimeoutError:
            connection.abort(f"it did not answer within {self._timeout_seconds:g} s")
            raise self._gone(connection.reason) from None
        except ConnectionResetError:
            raise self._gone(connection.reason) from None

    async def ask(self, *command: str | bytes) -> Any:
        """One command.

        Raises:
            CannotTellError: the server went away, or refused it.
        """
        (reply,) = await self.pipeline(pack(*command), 1)
        if isinstance(reply, hiredis.ReplyError):
            raise self.refused(str(command[0]), reply)
        return reply

    def refused(self, command: str, reply: Exception) -> CannotTellError:
        """What to raise where the server refuses to be read."""
        if str(reply).startswith("NOPERM"):
            return CannotTellError(
                f"The {self.role} {self.endpoint} does not permit {command} ({reply}); "
                "its user needs +@read, +info, +dbsize, +memory|usage and the keys that are compared."
            )
        return CannotTellError(f"The {self.role} {self.endpoint} refused {command}: {reply}.")

    def check(self, command: str, replies: Sequence[Any]) -> None:
        """See that no reply is an error that says more than that the key has changed its type.

        Raises:
            CannotTellError: one is.
        """
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError) and not str(reply).startswith("WRONGTYPE"):
                raise self.refused(command, reply)

    def _gone(self, reason: str) -> CannotTellError:
        return CannotTellError(
            f"The {self.role} {self.endpoint} went away while it was compared ({reason}), so nothing can be said."
        )
