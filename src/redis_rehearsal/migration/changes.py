"""Which keys were written to meanwhile, as the server itself tells those who listen.

Keyspace notifications are not kept for a listener that is away, so they are hints, unless it is sure that none was
missed: the connection has been the same since before the first change that matters, and the server has answered on
it, behind all that it had to tell. Nobody is told of a database that is flushed or swapped, so that this is asked for;
nor of what is read from a stream's group, acknowledged or claimed, so that those streams are copied in any case.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Final

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Batch, Connection, Reply
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.context import Context

_SETTING: Final = "notify-keyspace-events"
_ENOUGH: Final = frozenset("KA")
_UNTOLD: Final = ("flushall", "flushdb", "swapdb")
"""Commands that change keys, and of which there is no notification."""
_TIMEOUT_SECONDS: Final = 5.0
_NO_END: Final = 1 << 62


class ChangeFeed:
    """The names of the keys under a prefix that are written to, expire or are evicted; use `ChangeFeed.open`.

    Attributes:
        untold: how often each command was run that changes keys untold, when it began.
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
            connection.send(pack("PSUBSCRIBE", feed._pattern), Batch(feed, _NO_END))
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
        connection.send(pack("PING", token), Batch(self, 1))
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await answer
        except (OSError, TimeoutError):
            return False
        finally:
            del self._awaited[token]
        return True

    def on_replies(self, batch: Batch, replies: list[Reply], now_seconds: float) -> None:
        """See `Receiver`; all replies belong to the subscription, which has no end."""
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

    def on_lost(self, batch: Batch, now_seconds: float) -> None:
        """See `Receiver`."""
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError())


@contextlib.asynccontextmanager
async def listening(context: Context) -> AsyncIterator[ChangeFeed | None]:
    """Listen to the changes of the context's source, where it notifies of them or may be made to; else None."""
    async with contextlib.AsyncExitStack() as stack:
        feed = None
        async with context.step("listen for changes") as step:
            try:
                await _make_it_notify(context)
                opened = ChangeFeed.open(context.source.endpoint, context.keys.prefix.encode())
                untold = await _untold(context)
                feed = await stack.enter_async_context(opened)
                feed.untold = untold
                step.detail = f"the {context.source.role} tells which keys change"
            except (MigrationError, *CONTROL_ERRORS) as error:
                step.detail = f"not possible, so that all keys are compared instead: {error}"
        yield feed


async def tells_all(context: Context, feed: ChangeFeed) -> bool:
    """Whether all that changed was told: nothing was missed, and nobody did what the source tells nobody of."""
    try:
        return (
            await feed.is_complete() and set(await _flags(context)) >= _ENOUGH and await _untold(context) == feed.untold
        )
    except CONTROL_ERRORS:
        return False


async def _untold(context: Context) -> dict[str, int]:
    found = await context.source.info("commandstats")
    return {name: int(found.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in _UNTOLD}


async def _flags(context: Context) -> str:
    return str((await context.source.client.config_get(_SETTING)).get(_SETTING, ""))


async def _make_it_notify(context: Context) -> None:
    source, flags = context.source, await _flags(context)
    if set(flags) >= _ENOUGH:
        return
    if not (source.embedded or context.options.allow_server_wide):
        raise MigrationError(f"{_SETTING} of {source} is {flags!r}; --allow-server-wide allows to set it meanwhile")
    await context.set_config(source, _SETTING, flags + "KA")
