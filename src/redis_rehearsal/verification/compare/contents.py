"""Reads the values of keys, in pieces whose size is bounded whatever the size of the value.

A small value is kept as it was read, which compares fastest; of a larger one only the digest is.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.verification.compare import digest, hyperloglog
from redis_rehearsal.verification.compare.digest import Raw
from redis_rehearsal.verification.compare.link import Link
from redis_rehearsal.verification.compare.reader import LENGTH_COMMANDS, bulk, each

JSON_TYPE: Final = b"ReJSON-RL"
READABLE: Final = frozenset({*LENGTH_COMMANDS, JSON_TYPE})
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
_WHOLE: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"list": (b"LRANGE", b"0", b"-1"),
    b"hash": (b"HGETALL",),
    b"set": (b"SMEMBERS",),
    b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
}
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
    link: Link,
    kind: bytes,
    keys: Sequence[bytes],
    packed: Sequence[bytes],
    *,
    counts: bool = False,
    polling: bool = True,
) -> list[Content]:
    """The values of keys that have one type.

    Args:
        link: to the server.
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
        return await _strings(link, keys, packed)
    if kind == JSON_TYPE:
        return [await _json(link, key) for key in keys]
    if kind == b"stream":
        found: list[Content] = []
        for start in range(0, len(keys), _STREAMS_AT_ONCE):
            found += await asyncio.gather(
                *(_stream(link, key, counts, polling) for key in keys[start : start + _STREAMS_AT_ONCE])
            )
        return found
    return await _collections(link, kind, keys, packed)


async def _strings(link: Link, keys: Sequence[bytes], packed: Sequence[bytes]) -> list[Content]:
    replies = await link.pipeline(each(b"GETRANGE", packed, b"0", b"%d" % (_SMALL_STRING_BYTES - 1)), len(keys))
    lengths = list(map(len, replies)) if hiredis.ReplyError not in set(map(type, replies)) else None
    if lengths is not None and max(lengths) < _SMALL_STRING_BYTES:
        return replies
    link.check("GETRANGE", replies)
    for place, reply in enumerate(replies):
        if isinstance(reply, hiredis.ReplyError):
            replies[place] = Unsure()
        elif len(reply) == _SMALL_STRING_BYTES:
            whole = digest.Bytes()
            whole.add(reply)
            async for chunk in string_chunks(link, keys[place], len(reply)):
                whole.add(chunk)
            replies[place] = whole.hexdigest()
    return replies


async def string_chunks(link: Link, key: bytes, start: int = 0) -> AsyncIterator[bytes]:
    """A string from a place on, in chunks."""
    while True:
        (chunk,) = await link.pipeline(pack("GETRANGE", key, str(start), str(start + _PAGE_BYTES - 1)), 1)
        link.check("GETRANGE", [chunk])
        if not isinstance(chunk, bytes) or not chunk:
            return
        yield chunk
        start += len(chunk)
        if len(chunk) < _PAGE_BYTES:
            return


async def _json(link: Link, key: bytes) -> Content:
    (reply,) = await link.pipeline(pack("JSON.GET", key), 1)
    if isinstance(reply, hiredis.ReplyError) and str(reply).startswith("ERR unknown command"):
        return UNREADABLE
    link.check("JSON.GET", [reply])
    return digest.canonical_json(reply) if isinstance(reply, bytes) else Unsure()


async def _collections(link: Link, kind: bytes, keys: Sequence[bytes], packed: Sequence[bytes]) -> list[Content]:
    lengths, sizes = await _sizes(link, kind, packed)
    found: list[Content] = [Unsure() for _ in keys]
    flight: list[int] = []
    flying = 0
    for place, (length, size) in enumerate(zip(lengths, sizes, strict=True)):
        if length == 0:
            continue
        if size > _SMALL_BYTES:
            found[place] = await _large(link, kind, keys[place], length, size)
            continue
        flight.append(place)
        flying += size
        if flying > _FLIGHT_BYTES:
            await _small(link, kind, packed, flight, sizes, found)
            flight, flying = [], 0
    await _small(link, kind, packed, flight, sizes, found)
    return found


async def _sizes(link: Link, kind: bytes, packed: Sequence[bytes]) -> tuple[list[int], list[int]]:
    """Lengths, 0 where there is nothing of this type any more, and bytes, estimated."""
    count = len(packed)
    usage = b"*3\r\n$6\r\nMEMORY\r\n$5\r\nUSAGE\r\n"
    commands = each(LENGTH_COMMANDS[kind], packed) + usage + usage.join(packed)
    replies = await link.pipeline(commands, 2 * count)
    link.check(LENGTH_COMMANDS[kind].decode(), replies[:count])
    lengths = [reply if isinstance(reply, int) else 0 for reply in replies[:count]]
    # Some services do not permit MEMORY.
    sizes = [
        reply if isinstance(reply, int) else length * _ASSUMED_ELEMENT_BYTES
        for reply, length in zip(replies[count:], lengths, strict=True)
    ]
    return lengths, sizes


async def _small(
    link: Link,
    kind: bytes,
    packed: Sequence[bytes],
    places: Sequence[int],
    sizes: Sequence[int],
    found: list[Content],
) -> None:
    if not places:
        return
    name, *arguments = _WHOLE[kind]
    replies = await link.pipeline(each(name, [packed[place] for place in places], *arguments), len(places))
    link.check(name.decode(), replies)
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
            return dict(zip(reply[::2], reply[1::2], strict=True))
        case b"set":
            return frozenset(reply)
        case _:
            return digest.scored(reply)


async def _large(link: Link, kind: bytes, key: bytes, length: int, size: int) -> Content:
    page = page_elements(length, size)
    if kind in (b"list", b"zset"):
        ordered = digest.Ordered()
        async for elements in pages(link, kind, key, page):
            if kind == b"list":
                ordered.add(*elements)
            else:
                digest.add_scored(ordered, elements)
        return ordered.hexdigest()
    for _ in range(_UNORDERED_TRIES):
        unordered = digest.Unordered()
        async for elements in pages(link, kind, key, page):
            for element in elements:
                unordered.add(*element)
        # A table that is resized meanwhile may give an element twice.
        if await link.ask(LENGTH_COMMANDS[kind], key) == unordered.count:
            return unordered.hexdigest()
    return Unsure()


def page_elements(length: int, size: int) -> int:
    """So many elements of a value are read together."""
    return max(1, min(_MOST_ELEMENTS, _PAGE_BYTES * length // max(size, 1)))


async def pages(link: Link, kind: bytes, key: bytes, page: int) -> AsyncIterator[list[Any]]:
    """The elements of a list (bytes), sorted set (member and score), hash (field and value) or set (member)."""
    if kind in (b"list", b"zset"):
        start = 0
        while True:
            places = (str(start), str(start + page - 1))
            if kind == b"list":
                elements = await _or_nothing(link, "LRANGE", key, *places)
            else:
                elements = digest.scored(await _or_nothing(link, "ZRANGE", key, *places, "WITHSCORES"))
            if elements:
                yield elements
            if len(elements) < page:
                return
            start += page
    cursor = b"0"
    while True:
        reply = await _or_nothing(link, "HSCAN" if kind == b"hash" else "SSCAN", key, cursor, "COUNT", str(page))
        if not reply:
            return
        cursor, flat = reply
        yield list(zip(flat[::2], flat[1::2], strict=True)) if kind == b"hash" else [(member,) for member in flat]
        if cursor == b"0":
            return


class _GoneError(Exception):
    """A key, or a group of it, went away while it was read."""


def _is_gone(reply: Any) -> bool:
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(("ERR no such key", "NOGROUP"))


async def _or_nothing(link: Link, *command: str | bytes) -> list[Any]:
    (reply,) = await link.pipeline(pack(*command), 1)
    if _is_gone(reply):
        raise _GoneError
    link.check(str(command[0]), [reply])
    return reply if isinstance(reply, list) else []


async def entries(link: Link, key: bytes, page: int) -> AsyncIterator[list[Any]]:
    """The entries of a stream, each its ID and its fields and values."""
    start = b"-"
    while True:
        found = await _or_nothing(link, "XRANGE", key, start, "+", "COUNT", str(page))
        if found:
            yield found
        if len(found) < page:
            return
        start = _after(found[-1][0])


def _after(identifier: bytes) -> bytes:
    """The next ID of an entry; servers before 6.2 know no exclusive ranges."""
    milliseconds, _, number = identifier.partition(b"-")
    if int(number) == (1 << 64) - 1:
        return b"%d-0" % (int(milliseconds) + 1)
    return b"%b-%d" % (milliseconds, int(number) + 1)


async def _stream(link: Link, key: bytes, counts: bool, polling: bool) -> Content:
    try:
        return await _whole_stream(link, key, counts, polling)
    except _GoneError:
        return Unsure()


async def _whole_stream(link: Link, key: bytes, counts: bool, polling: bool) -> Content:
    (length,), (size,) = await _sizes(link, b"stream", bulk([key]))
    about, groups = await link.pipeline(pack("XINFO", "STREAM", key) + pack("XINFO", "GROUPS", key), 2)
    if _is_gone(about) or _is_gone(groups):
        return Unsure()
    link.check("XINFO", [about, groups])
    if not isinstance(about, list) or not isinstance(groups, list):
        return Unsure()
    ordered = digest.Ordered()
    async for found in entries(link, key, page_elements(length, size)):
        for identifier, fields in found:
            ordered.add(identifier, _count(len(fields)), *fields)
    stream = _named(about)
    ordered.add(b"last", stream[b"last-generated-id"])
    if counts:
        ordered.add(b"added", str(stream.get(b"entries-added")).encode(), stream.get(b"max-deleted-entry-id", b""))
    # Lag and idle times follow from when one looks.
    for group in sorted(map(_named, groups), key=lambda named: bytes(named[b"name"])):
        name = group[b"name"]
        ordered.add(b"group", name, group[b"last-delivered-id"])
        if counts:
            ordered.add(b"read", str(group.get(b"entries-read")).encode())
        consumers = map(_named, await _or_nothing(link, "XINFO", "CONSUMERS", key, name))
        for consumer in sorted(bytes(held[b"name"]) for held in consumers if polling or held[b"pending"]):
            ordered.add(b"consumer", consumer)
        async for identifier, consumer, _, deliveries in pending(link, key, name):
            ordered.add(b"pending", identifier, consumer, _count(deliveries if polling else 0))
    return ordered.hexdigest()


async def pending(link: Link, key: bytes, group: bytes) -> AsyncIterator[tuple[bytes, bytes, int, int]]:
    """The pending entries of a consumer group: ID, consumer, idle milliseconds, deliveries."""
    start = b"-"
    while True:
        found = await _or_nothing(link, "XPENDING", key, group, start, "+", str(_MOST_ELEMENTS))
        for identifier, consumer, idle, deliveries in found:
            yield identifier, consumer, idle, deliveries
        if len(found) < _MOST_ELEMENTS:
            return
        start = _after(found[-1][0])


def _named(flat: list[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
