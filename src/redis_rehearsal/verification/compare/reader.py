"""Reads keys of one server in batches: their names, types, times to live and lengths."""

from collections.abc import AsyncIterator, Sequence
from math import ceil
from typing import Any, Final

import hiredis

from redis_rehearsal.clock import monotonic
from redis_rehearsal.verification.compare.link import Link

BATCH_KEYS: Final = 512
"""So many keys are read together."""
NONE: Final = b"none"
"""The type of a key that is not there."""
_GONE: Final = -2
LENGTH_COMMANDS: Final = {
    b"string": b"STRLEN",
    b"list": b"LLEN",
    b"hash": b"HLEN",
    b"set": b"SCARD",
    b"zset": b"ZCARD",
    b"stream": b"XLEN",
}
"""By type, what tells the length of a value."""


def cost_ms_since(began_seconds: float) -> int:
    """By so much times to live may seem apart that were read together since then, and rounded."""
    return ceil((monotonic() - began_seconds) * 1000) + 1


def bulk(keys: Sequence[bytes]) -> list[bytes]:
    """Keys in the protocol's form, to be put into many commands."""
    return [b"$%d\r\n%b\r\n" % (len(key), key) for key in keys]


def each(name: bytes, packed: Sequence[bytes], *more: bytes) -> bytes:
    """The same command for many keys.

    Args:
        name: of the command.
        packed: keys, by `bulk`.
        more: arguments after the key.
    """
    head = b"*%d\r\n$%d\r\n%b\r\n" % (2 + len(more), len(name), name)
    tail = b"".join(bulk(more))
    # A join costs a tenth of packing each command by itself.
    return head + (tail + head).join(packed) + tail


async def heads(link: Link, packed: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """Types and times to live.

    Args:
        link: to the server.
        packed: keys, by `bulk`.

    Returns:
        The types, and milliseconds: -1 for ever, -2 where there is no such key, which has no type then.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    count = len(packed)
    replies = await link.pipeline(each(b"TYPE", packed) + each(b"PTTL", packed), 2 * count)
    types, ttls = replies[:count], replies[count:]
    # An error is neither; to look at each reply would cost more than to read it.
    if hiredis.ReplyError in set(map(type, types)) | set(map(type, ttls)):
        link.check("TYPE or PTTL", replies)
    if _GONE in ttls:
        # One that ran out between the two commands would look like one that lives for ever.
        types = [NONE if ttl == _GONE else kind for kind, ttl in zip(types, ttls, strict=True)]
    return types, ttls


async def lengths(link: Link, packed: Sequence[bytes], types: Sequence[bytes]) -> list[int | None]:
    """How long the values are; None where there is no such key, no length, or it has another type by now."""
    by_type: dict[bytes, list[int]] = {}
    for place, kind in enumerate(types):
        if kind in LENGTH_COMMANDS:
            by_type.setdefault(kind, []).append(place)
    commands = [each(LENGTH_COMMANDS[kind], [packed[at] for at in places]) for kind, places in by_type.items()]
    known = [place for places in by_type.values() for place in places]
    replies = await link.pipeline(b"".join(commands), len(known))
    link.check("a command for the length of a value", replies)
    found: list[int | None] = [None] * len(packed)
    for place, reply in zip(known, replies, strict=True):
        found[place] = reply if isinstance(reply, int) else None
    return found


async def scan(link: Link, pattern: bytes | None) -> AsyncIterator[list[bytes]]:
    """The names of all keys, in batches without doubles in them.

    A key that is there throughout comes at least once.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    cursor = b"0"
    chosen = () if pattern is None else (b"MATCH", pattern)
    while True:
        cursor, keys = await link.ask("SCAN", cursor, "COUNT", str(BATCH_KEYS), *chosen)
        unique = list(dict.fromkeys(keys))
        # A hash table with long chains gives more than was asked for.
        for start in range(0, len(unique), 2 * BATCH_KEYS):
            yield unique[start : start + 2 * BATCH_KEYS]
        if cursor == b"0":
            return


async def absent(link: Link, keys: Sequence[bytes]) -> list[bytes]:
    """Those of some keys that a server does not have.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    if not keys or await link.ask("EXISTS", *keys) == len(keys):
        return []
    replies = await link.pipeline(each(b"EXISTS", bulk(keys)), len(keys))
    link.check("EXISTS", replies)
    return [key for key, reply in zip(keys, replies, strict=True) if reply == 0]


async def information(link: Link, section: str) -> dict[str, str]:
    """A section of INFO.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    reply: Any = await link.ask("INFO", section)
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else ""
    return {name: value for name, colon, value in (line.partition(":") for line in text.splitlines()) if colon}
