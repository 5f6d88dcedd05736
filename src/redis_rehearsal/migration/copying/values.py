"""Reading each type of value from one server and putting it together on another."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from redis_rehearsal.keyspace.paging import chunks, ranges, scanned
from redis_rehearsal.keyspace.replies import GONE
from redis_rehearsal.keyspace.types import JSON
from redis_rehearsal.migration.copying.build import Build, GoneError, NotCopiedError
from redis_rehearsal.migration.copying.streams import copy_stream

NO_FIELD_TTLS: Final = "TTL of a hash's field: the target has no HPEXPIREAT"
_NO_JSON: Final = "a JSON value, and one of the servers has no module for it"


async def _copy_string(build: Build) -> None:
    # An empty string is a value too, and APPEND makes it.
    async for piece in chunks(build.ask_string, build.key, build.piece_bytes):
        await build.add("APPEND", build.temporary, piece, grows=len(piece))
        build.result.bytes += len(piece)


async def _copy_list(build: Build) -> None:
    found = False
    async for items in ranges(build.ask_list, "LRANGE", build.key, await build.page_items()):
        await build.add_items("RPUSH", items, replies_growth=False)
        found = True
    if not found:
        raise GoneError


async def _elements(build: Build) -> AsyncIterator[list[bytes]]:
    """What a set, sorted set or hash holds, in any order: all at once, or page by page where it is big."""
    if build.is_big:
        async for page in scanned(build.ask_list, build.read_by.scan, build.key, await build.page_items()):
            yield page
        return
    command, *arguments = build.read_by.whole
    elements = await build.ask_list(command, build.key, *arguments)
    if not elements:
        raise GoneError
    yield elements


async def _copy_set(build: Build) -> None:
    async for members in _elements(build):
        await build.add_items("SADD", members)


async def _copy_sorted_set(build: Build) -> None:
    async for items in _elements(build):
        # A score goes over as the source wrote it, so that nothing is rounded.
        turned = [b""] * len(items)
        turned[::2], turned[1::2] = items[1::2], items[::2]
        await build.add_items("ZADD", turned, 2)


async def _copy_hash(build: Build) -> None:
    async for items in _elements(build):
        await _add_fields(build, items)


async def _add_fields(build: Build, items: list[bytes]) -> None:
    if not build.capabilities.field_ttls_read:
        await build.add_items("HSET", items, 2)
        return
    fields = items[::2]
    expiries = await build.ask("HPEXPIRETIME", build.key, "FIELDS", len(fields), *fields)
    if not isinstance(expiries, list):
        raise GoneError
    left: list[bytes] = []
    ending: dict[int, list[bytes]] = defaultdict(list)
    for name, value, expiry in zip(fields, items[1::2], expiries, strict=True):
        if expiry != GONE:
            left += (name, value)
        if expiry > 0:
            ending[expiry].append(name)
    await build.add_items("HSET", left, 2)
    if ending and not build.capabilities.field_ttls_written:
        build.result.lose(build.key, NO_FIELD_TTLS, sum(map(len, ending.values())))
        return
    for expiry, names in ending.items():
        build.length_may_shrink()
        await build.add("HPEXPIREAT", build.temporary, expiry, "FIELDS", len(names), *names)


async def _copy_json(build: Build) -> None:
    if not (build.capabilities.json_read and build.capabilities.json_written):
        raise NotCopiedError(_NO_JSON)
    document: Any = await build.ask("JSON.GET", build.key)
    if not isinstance(document, bytes):
        raise GoneError
    build.result.bytes += len(document)
    await build.add("JSON.SET", build.temporary, "$", document)


COPIES: Final[dict[bytes, Callable[[Build], Awaitable[None]]]] = {
    b"string": _copy_string,
    b"list": _copy_list,
    b"set": _copy_set,
    b"zset": _copy_sorted_set,
    b"hash": _copy_hash,
    b"stream": copy_stream,
    JSON: _copy_json,
}
"""By type, as TYPE says it."""
