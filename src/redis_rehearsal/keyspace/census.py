"""Looks through all databases of a server for keys of a kind, so slowly that a busy server does not suffer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

import hiredis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.keyspace.replies import text
from redis_rehearsal.keyspace.scanning import scan
from redis_rehearsal.keyspace.viewing import UnseenError, Viewer

MOST_NAMES: Final = 10
CENSUS_SECONDS: Final = 5.0
"""No search takes longer; what was not looked at by then, is not known."""
_SCAN_COUNT: Final = 250
_PAUSE_FACTOR: Final = 4.0
"""Between two questions it is left alone for so many times as long as the first one took."""
_FIELD_PAGES: Final = 10
_FIELDS_IN_PAGE: Final = 100
_OF_THE_KEY: Final = (
    "WRONGTYPE",
    "NOPERM No permissions to access a key",
    "NOPERM this user has no permissions to access",
)


@dataclass(frozen=True, slots=True)
class Census:
    """What a search through all databases of a server found.

    Attributes:
        names: of keys that were looked for; not more than some.
        complete: whether every key was looked at, so that there are no others.
    """

    names: tuple[str, ...]
    complete: bool


Has = Callable[[Viewer, Sequence[bytes]], Awaitable[list[bytes]]]
"""Those of some keys that are looked for."""


async def in_databases(
    endpoint: Endpoint,
    numbers: Iterable[int],
    timeout_seconds: float,
    look: Callable[[list[Viewer]], Awaitable[Census]],
) -> Census:
    """Look at databases of a source over a connection for each.

    Args:
        endpoint: of the server.
        numbers: of the databases.
        timeout_seconds: for each answer.
        look: at all of them.

    Raises:
        UnseenError: the server does not let it be seen.
        ServerRefusedError: the server went away.
    """
    async with AsyncExitStack() as stack:
        viewers = []
        for number in numbers:
            viewer = Viewer("source", replace(endpoint, database=number), timeout_seconds)
            try:
                await stack.enter_async_context(viewer)
            except ServerRefusedError as error:
                if number == endpoint.database:
                    raise
                raise UnseenError(f"database {number} may not be looked at ({error})") from None
            viewers.append(viewer)
        return await look(viewers)


async def keys_of_type(viewers: Sequence[Viewer], kind: str, until_seconds: float, match: str = "*") -> Census:
    """Look for keys of a type.

    Args:
        viewers: of the server, one for each database that holds keys.
        kind: as TYPE says it.
        until_seconds: on the monotonic clock; nothing is looked at later.
        match: pattern of their names.

    Raises:
        UnseenError: the server does not let it be seen.
        ServerRefusedError: the server went away.
    """
    return await _find(viewers, kind, _all, until_seconds, match)


async def hashes_with_field_ttls(viewers: Sequence[Viewer], until_seconds: float) -> Census:
    """Look for hashes of which some field expires by itself; arguments and errors as of `keys_of_type`."""
    return await _find(viewers, "hash", _with_field_ttls, until_seconds, "*")


async def _find(viewers: Sequence[Viewer], kind: str, has: Has, until_seconds: float, match: str) -> Census:
    found: dict[str, None] = {}
    for viewer in viewers:
        began = monotonic()
        async for page in scan(viewer, _SCAN_COUNT, match, kind):
            await asyncio.sleep((monotonic() - began) * _PAUSE_FACTOR)
            began = monotonic()
            found |= dict.fromkeys(map(text, await has(viewer, page) if page else ()))
            if len(found) >= MOST_NAMES or monotonic() > until_seconds:
                return Census(tuple(found)[:MOST_NAMES], complete=False)
            await asyncio.sleep((monotonic() - began) * _PAUSE_FACTOR)
            began = monotonic()
    return Census(tuple(found), complete=True)


async def _all(viewer: Viewer, keys: Sequence[bytes]) -> list[bytes]:
    return list(keys)


async def _with_field_ttls(viewer: Viewer, keys: Sequence[bytes]) -> list[bytes]:
    found = await asyncio.gather(*(_has_field_ttl(viewer, key) for key in keys))
    return [key for key, has in zip(keys, found, strict=True) if has]


async def _has_field_ttl(viewer: Viewer, key: bytes) -> bool:
    cursor = b"0"
    for _ in range(_FIELD_PAGES):
        reply = await viewer.reply("HSCAN", key, cursor, "COUNT", str(_FIELDS_IN_PAGE), "NOVALUES")
        if not (_readable(viewer, "HSCAN", reply) and isinstance(reply, list)):
            return False
        cursor, fields = bytes(reply[0]), list(reply[1])
        if fields:
            ends = await viewer.reply("HPEXPIRETIME", key, "FIELDS", str(len(fields)), *fields)
            if _readable(viewer, "HPEXPIRETIME", ends) and isinstance(ends, list) and any(end >= 0 for end in ends):
                return True
        if cursor == b"0":
            return False
    return False


def _readable(viewer: Viewer, command: str, reply: Reply) -> bool:
    """Whether a key could be read; one that is of another type meanwhile, or that our user may not see, cannot be."""
    if not isinstance(reply, hiredis.ReplyError):
        return True
    if str(reply).startswith(_OF_THE_KEY):
        return False
    raise viewer.refused(command, reply)
