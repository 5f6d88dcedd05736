"""Which keys were written to meanwhile, as the server itself tells those who listen.

Keyspace notifications are not kept for a listener that is away, so they are hints, unless it is sure that none was
missed: the connection has been the same since before the first change that matters, and the server has answered on
it, behind all that it had to tell. Nobody is told of a database that is flushed or swapped, nor of what is read from a
stream's group, acknowledged or claimed.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Final

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Batch, Connection, Reply

_TIMEOUT_SECONDS: Final = 5.0
_NO_END: Final = 1 << 62


class _Listening(Batch):
    """What a feed says to its server; all replies belong to the subscription, which has no end."""

    __slots__ = ("feed",)

    def __init__(self, feed: "ChangeFeed", count: int) -> None:
        super().__init__(count)
        self.feed = feed

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self.feed.on_told(replies)

    def on_lost(self, now_seconds: float) -> None:
        self.feed.on_lost()


class ChangeFeed:
    """The names of the keys under a prefix that are written to, expire or are evicted; use `ChangeFeed.open`.

    Attributes:
        untold: how often each command was run that changes keys untold, when it began; who listens knows them.
    """

    def __init__(self, prefix: bytes, database: int) -> None:
        channel = b"__keyspace@%d__:" % database
        self._pattern = channel + prefix + b"*"
        self._skip = len(channel)
        self._changed: set[bytes] = set()
        self._awaited: dict[bytes, asyncio.Future[None]] = {}
        self._connection: Connection | None = None
        self.untold: dict[str, int] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, endpoint: Endpoint, prefix: bytes) -> "AsyncIterator[ChangeFeed]":
        """Listen.

        Args:
            endpoint: of the server that is written to, which must notify of all classes of changes.
            prefix: of the keys that matter.

        Raises:
            OSError: the server is away, or does not let us listen.
        """
        feed = cls(prefix, endpoint.database)
        async with Connection.opened(endpoint, "redis-rehearsal:changes", _TIMEOUT_SECONDS) as connection:
            feed._connection = connection
            connection.send(pack("PSUBSCRIBE", feed._pattern), _Listening(feed, _NO_END))
            if not await feed.is_complete():
                raise ConnectionRefusedError(f"{endpoint} does not let us listen: {connection.reason}")
            feed.take()
            yield feed

    def take(self) -> set[bytes]:
        """The keys that changed since this was last asked for."""
        found, self._changed = self._changed, set()
        return found

    async def is_complete(self) -> bool:
        """Wait for all that the server had to tell by now; False where some of it was missed, now or before."""
        connection = self._connection
        if connection is None or not connection.ready:
            return False
        token = secrets.token_hex(8).encode()
        self._awaited[token] = answer = asyncio.get_running_loop().create_future()
        connection.send(pack("PING", token), _Listening(self, 1))
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await answer
        except (OSError, TimeoutError):
            return False
        finally:
            del self._awaited[token]
        return True

    def on_told(self, replies: list[Reply]) -> None:
        """Take what the server says."""
        for reply in replies:
            match reply:
                case [b"pmessage", _, bytes() as channel, _]:
                    self._changed.add(channel[self._skip :])
                case [b"pong", bytes() as token]:
                    answer = self._awaited.get(token)
                    if answer is not None and not answer.done():
                        answer.set_result(None)
                case [b"psubscribe", *_]:
                    pass
                case _:
                    if self._connection is not None:
                        self._connection.abort(str(reply))

    def on_lost(self) -> None:
        """The connection broke: something may have been missed."""
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError())
