"""Reading each type of value from one server and putting it together on another."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis_rehearsal.migration.copying.build import Build, GoneError, NotCopiedError
from redis_rehearsal.migration.copying.streams import copy_stream

NO_FIELD_TTLS: Final = "TTL of a hash's field: the target has no HPEXPIREAT"
_NO_JSON: Final = "a JSON value, and one of the servers has no module for it"
_FIELD_GONE: Final = -2


async def _copy_string(build: Build) -> None:
    offset = 0
    while True:
        piece = await build.ask("GETRANGE", build.key, offset, offset + build.piece_bytes - 1)
        if not isinstance(piece, bytes):
            raise NotCopiedError(f"{build.source.called} answered GETRANGE with something else than a string")
        # An empty string is a value too, and APPEND makes it.
        if piece or not offset:
            await build.add("APPEND", build.temporary, piece, grows=len(piece))
        offset += len(piece)
        build.result.bytes += len(piece)
        if len(piece) < build.piece_bytes:
            return


async def _copy_list(build: Build) -> None:
    count = await build.page_items("LLEN")
    start = 0
    while items := await build.ask_list("LRANGE", build.key, start, start + count - 1):
        await build.add_items("RPUSH", items, replies_growth=False)
        start += len(items)
        if len(items) < count:
            break
    if not start:
        raise GoneError


async def _copy_set(build: Build) -> None:
    if not build.is_big:
        members = await build.ask_list("SMEMBERS", build.key)
        if not members:
            raise GoneError
        await build.add_items("SADD", members)
        return
    async for members in build.scanned("SSCAN", await build.page_items("SCARD")):
        await build.add_items("SADD", members)


async def _copy_sorted_set(build: Build) -> None:
    async def add(items: list[bytes]) -> None:
        # A score goes over as the source wrote it, so that nothing is rounded.
        turned = [b""] * len(items)
        turned[::2], turned[1::2] = items[1::2], items[::2]
        await build.add_items("ZADD", turned, 2)

    if not build.is_big:
        items = await build.ask_list("ZRANGE", build.key, 0, -1, "WITHSCORES")
        if not items:
            raise GoneError
        await add(items)
        return
    async for items in build.scanned("ZSCAN", await build.page_items("ZCARD")):
        await add(items)


async def _copy_hash(build: Build) -> None:
    if not build.is_big:
        items = await build.ask_list("HGETALL", build.key)
        if not items:
            raise GoneError
        await _add_fields(build, items)
        return
    async for items in build.scanned("HSCAN", await build.page_items("HLEN")):
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
        if expiry != _FIELD_GONE:
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


COPIES: Final[dict[str, Callable[[Build], Awaitable[None]]]] = {
    "string": _copy_string,
    "list": _copy_list,
    "set": _copy_set,
    "zset": _copy_sorted_set,
    "hash": _copy_hash,
    "stream": copy_stream,
    "ReJSON-RL": _copy_json,
}
"""By type, as TYPE says it."""
