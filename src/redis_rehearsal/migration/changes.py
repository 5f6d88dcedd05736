"""Listening to what changes on a migration's source, and whether that was all.

Nobody is told of a database that is flushed or swapped, so that this is asked for; nor of what is read from a stream's
group, acknowledged or claimed, so that those streams are copied in any case.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.keyspace.changes import ChangeFeed
from redis_rehearsal.migration.context import Context

_SETTING: Final = "notify-keyspace-events"
_ENOUGH: Final = frozenset("KA")
_UNTOLD: Final = ("flushall", "flushdb", "swapdb")
"""Commands that change keys, and of which there is no notification."""


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
            except (MigrationError, *CLIENT_ERRORS) as error:
                step.detail = f"not possible, so that all keys are compared instead: {error}"
        yield feed


async def tells_all(context: Context, feed: ChangeFeed) -> bool:
    """Whether all that changed was told: nothing was missed, and nobody did what the source tells nobody of."""
    try:
        return (
            await feed.is_complete() and set(await _flags(context)) >= _ENOUGH and await _untold(context) == feed.untold
        )
    except CLIENT_ERRORS:
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
