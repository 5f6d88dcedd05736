"""Reads the values of keys, in pieces whose size is bounded whatever the size of the value.

A small value is kept as it was read, which compares fastest; of a larger one only the digest is.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, each, memory_usage
from redis_rehearsal.keyspace.paging import chunks, entries, pending, ranges, scanned
from redis_rehearsal.keyspace.pieces import page_items
from redis_rehearsal.keyspace.replies import is_unknown, named
from redis_rehearsal.keyspace.types import JSON, TYPES
from redis_rehearsal.verification.compare import digest, hyperloglog
from redis_rehearsal.verification.compare.digest import Raw

READABLE: Final = frozenset(TYPES)
"""The types whose values can be compared."""

_SMALL_STRING_BYTES: Final = 16 * 1024
_SMALL_BYTES: Final = 64 * 1024
_KEPT_BYTES: Final = 4 * 1024
_FLIGHT_BYTES: Final = 4 * 1024 * 1024
_PAGE_BYTES: Final = 1024 * 1024
_MOST_ELEMENTS: Final = 5000
_ASSUMED_ELEMENT_BYTES: Final = 1024
_UNORDERED_TRIES: Final = 3
_STREAMS_AT_ONCE: Final = 32
_count = struct.Struct(">Q").pack


class Unsure:
    """A value that changed its type or went away while it was read: equal to nothing, itself on the other server."""


class Unreadable:
    """A value that the server has no command for."""


UNREADABLE: Final = Unreadable()

Content = Raw | str | Unsure | Unreadable
"""A small value as it was read, or the digest of a larger one."""


def same(source: Content, target: Content) -> bool:
    """Whether two values are equal."""
    if isinstance(source, bytes) and isinstance(target, bytes):
        return source == target or hyperloglog.same(source, target)
    if isinstance(source, str) != isinstance(target, str):
        return digest_of(source) == digest_of(target) is not None
    return bool(source == target)


def digest_of(content: Content) -> str | None:
    """The digest of a value; None where it was not read."""
    if isinstance(content, str):
        return content
    return None if isinstance(content, Unsure | Unreadable) else digest.digest_of(content)


async def contents(
    asker: Asker,
    kind: bytes,
    keys: Sequence[bytes],
    packed: Sequence[bytes],
    *,
    counts: bool = False,
    polling: bool = True,
) -> list[Content]:
    """The values of keys that have one type.

    Args:
        asker: of the server.
        kind: their type, one of `READABLE`.
        keys: their names.
        packed: the same, by `bulk`.
        counts: whether those that streams keep of entries added, deleted and read are part of their values.
        polling: whether what reading alone changes in a stream is: consumers that have nothing pending, and how often
            entries were delivered.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    if kind == b"string":
        return await _strings(asker, keys, packed)
    if kind == JSON:
        return [await _json(asker, key) for key in keys]
    if kind == b"stream":
        found: list[Content] = []
        for start in range(0, len(keys), _STREAMS_AT_ONCE):
            found += await asyncio.gather(
                *(_stream(asker, key, counts, polling) for key in keys[start : start + _STREAMS_AT_ONCE])
            )
        return found
    return await _collections(asker, kind, keys, packed)


async def _strings(asker: Asker, keys: Sequence[bytes], packed: Sequence[bytes]) -> list[Content]:
    replies = await asker.pipeline(each(b"GETRANGE", packed, b"0", b"%d" % (_SMALL_STRING_BYTES - 1)), len(keys))
    lengths = list(map(len, replies)) if hiredis.ReplyError not in set(map(type, replies)) else None
    if lengths is not None and max(lengths) < _SMALL_STRING_BYTES:
        return replies
    asker.see_no_refusal("GETRANGE", replies)
    for place, reply in enumerate(replies):
        if isinstance(reply, hiredis.ReplyError):
            replies[place] = Unsure()
        elif len(reply) == _SMALL_STRING_BYTES:
            whole = digest.Bytes()
            whole.add(reply)
            async for chunk in string_chunks(asker, keys[place], len(reply)):
                whole.add(chunk)
            replies[place] = whole.hexdigest()
    return replies


def string_chunks(asker: Asker, key: bytes, start: int = 0) -> AsyncIterator[bytes]:
    """A string from a place on, in chunks."""
    return chunks(partial(_string_or_nothing, asker), key, _PAGE_BYTES, start)


async def _json(asker: Asker, key: bytes) -> Content:
    reply = await asker.reply("JSON.GET", key)
    if isinstance(reply, hiredis.ReplyError) and is_unknown(str(reply)):
        return UNREADABLE
    asker.see_no_refusal("JSON.GET", [reply])
    return digest.canonical_json(reply) if isinstance(reply, bytes) else Unsure()


async def _collections(asker: Asker, kind: bytes, keys: Sequence[bytes], packed: Sequence[bytes]) -> list[Content]:
    lengths, sizes = await _sizes(asker, kind, packed)
    found: list[Content] = [Unsure() for _ in keys]
    flight: list[int] = []
    flying = 0
    for place, (length, size) in enumerate(zip(lengths, sizes, strict=True)):
        if length == 0:
            continue
        if size > _SMALL_BYTES:
            found[place] = await _large(asker, kind, keys[place], length, size)
            continue
        flight.append(place)
        flying += size
        if flying > _FLIGHT_BYTES:
            await _small(asker, kind, packed, flight, sizes, found)
            flight, flying = [], 0
    await _small(asker, kind, packed, flight, sizes, found)
    return found


async def _sizes(asker: Asker, kind: bytes, packed: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """Lengths, 0 where there is nothing of this type any more, and bytes, estimated."""
    count = len(packed)
    command = TYPES[kind].length
    replies = await asker.pipeline(each(command, packed) + memory_usage(packed), 2 * count)
    asker.see_no_refusal(command, replies[:count])
    lengths = [reply if isinstance(reply, int) else 0 for reply in replies[:count]]
    # Some services do not permit MEMORY.
    sizes = [
        reply if isinstance(reply, int) else length * _ASSUMED_ELEMENT_BYTES
        for reply, length in zip(replies[count:], lengths, strict=True)
    ]
    return lengths, sizes


async def _small(
    asker: Asker,
    kind: bytes,
    packed: Sequence[bytes],
    places: Sequence[int],
    sizes: Sequence[int],
    found: list[Content],
) -> None:
    if not places:
        return
    name, *arguments = TYPES[kind].whole
    replies = await asker.pipeline(each(name, [packed[place] for place in places], *arguments), len(places))
    asker.see_no_refusal(name, replies)
    for place, reply in zip(places, replies, strict=True):
        if isinstance(reply, list) and reply:
            raw = _raw(kind, reply)
            # As objects values take some times their size, and those of many keys are held at once.
            found[place] = raw if sizes[place] <= _KEPT_BYTES else digest.digest_of(raw)


def _raw(kind: bytes, reply: list[Any]) -> Raw:
    match kind:
        case b"list":
            return reply
        case b"hash":
            return named(reply)
        case b"set":
            return frozenset(reply)
        case _:
            return digest.scored(reply)


async def _large(asker: Asker, kind: bytes, key: bytes, length: int, size: int) -> Content:
    page = page_elements(length, size)
    if kind in (b"list", b"zset"):
        ordered = digest.Ordered()
        async for elements in pages(asker, kind, key, page):
            if kind == b"list":
                ordered.add(*elements)
            else:
                digest.add_scored(ordered, elements)
        return ordered.hexdigest()
    for _ in range(_UNORDERED_TRIES):
        unordered = digest.Unordered()
        async for elements in pages(asker, kind, key, page):
            for element in elements:
                unordered.add(*element)
        # A table that is resized meanwhile may give an element twice.
        if await asker.ask(TYPES[kind].length, key) == unordered.count:
            return unordered.hexdigest()
    return Unsure()


def page_elements(length: int, size: int) -> int:
    """So many elements of a value are read together."""
    return page_items(length, size, _PAGE_BYTES, _MOST_ELEMENTS)


async def pages(asker: Asker, kind: bytes, key: bytes, page: int) -> AsyncIterator[list[Any]]:
    """The elements of a list (bytes), sorted set (member and score), hash (field and value) or set (member)."""
    ask = partial(_or_nothing, asker)
    if kind == b"list":
        async for elements in ranges(ask, "LRANGE", key, page):
            yield elements
        return
    if kind == b"zset":
        async for flat in ranges(ask, "ZRANGE", key, page, "WITHSCORES"):
            yield digest.scored(flat)
        return
    async for flat in scanned(ask, TYPES[kind].scan, key, page):
        yield list(zip(flat[::2], flat[1::2], strict=True)) if kind == b"hash" else [(member,) for member in flat]


class _GoneError(Exception):
    """A key, or a group of it, went away while it was read."""


def _is_gone(reply: Any) -> bool:
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(("ERR no such key", "NOGROUP"))


async def _or_nothing(asker: Asker, *command: str | bytes | int) -> list[Any]:
    reply = await asker.reply(*command)
    if _is_gone(reply):
        raise _GoneError
    asker.see_no_refusal(command[0], [reply])
    return reply if isinstance(reply, list) else []


async def _string_or_nothing(asker: Asker, *command: str | bytes | int) -> bytes:
    reply = await asker.reply(*command)
    asker.see_no_refusal(command[0], [reply])
    return reply if isinstance(reply, bytes) else b""


def stream_entries(asker: Asker, key: bytes, page: int) -> AsyncIterator[list[Any]]:
    """The entries of a stream, each its ID and its fields and values."""
    return entries(partial(_or_nothing, asker), key, page)


async def _stream(asker: Asker, key: bytes, counts: bool, polling: bool) -> Content:
    try:
        return await _whole_stream(asker, key, counts, polling)
    except _GoneError:
        return Unsure()


async def _whole_stream(asker: Asker, key: bytes, counts: bool, polling: bool) -> Content:
    (length,), (size,) = await _sizes(asker, b"stream", bulk([key]))
    about, groups = await asker.pipeline(pack("XINFO", "STREAM", key) + pack("XINFO", "GROUPS", key), 2)
    if _is_gone(about) or _is_gone(groups):
        return Unsure()
    asker.see_no_refusal("XINFO", [about, groups])
    if not isinstance(about, list) or not isinstance(groups, list):
        return Unsure()
    ordered = digest.Ordered()
    async for found in stream_entries(asker, key, page_elements(length, size)):
        for identifier, fields in found:
            ordered.add(identifier, _count(len(fields)), *fields)
    stream = named(about)
    ordered.add(b"last", stream[b"last-generated-id"])
    if counts:
        ordered.add(b"added", str(stream.get(b"entries-added")).encode(), stream.get(b"max-deleted-entry-id", b""))
    # Lag and idle times follow from when one looks.
    for group in sorted(map(named, groups), key=lambda group: bytes(group[b"name"])):
        name = group[b"name"]
        ordered.add(b"group", name, group[b"last-delivered-id"])
        if counts:
            ordered.add(b"read", str(group.get(b"entries-read")).encode())
        consumers = map(named, await _or_nothing(asker, "XINFO", "CONSUMERS", key, name))
        for consumer in sorted(bytes(held[b"name"]) for held in consumers if polling or held[b"pending"]):
            ordered.add(b"consumer", consumer)
        async for page in pending(partial(_or_nothing, asker), key, name, _MOST_ELEMENTS):
            for identifier, consumer, _, deliveries in page:
                ordered.add(b"pending", identifier, consumer, _count(deliveries if polling else 0))
    return ordered.hexdigest()
