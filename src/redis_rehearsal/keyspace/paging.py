"""Values in pieces, so that no command takes a server long, whatever the size of the value.

Who reads says by how they ask what an answer that is none means to them: that the key went away, has another type by
now, or may not be read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from redis_rehearsal.keyspace.pieces import format_id, next_id, parse_id

AskList = Callable[..., Awaitable[list[Any]]]
"""Asks one command, and gives its reply, a list; an empty one where nothing can be read any more."""
AskString = Callable[..., Awaitable[bytes]]
"""The same of a command whose reply is a string."""


async def chunks(ask: AskString, key: bytes, chunk_bytes: int, start: int = 0) -> AsyncIterator[bytes]:
    """A string from a place on, in chunks; the first one is empty where nothing is there."""
    at = start
    while True:
        chunk = await ask("GETRANGE", key, at, at + chunk_bytes - 1)
        if chunk or at == start:
            yield chunk
        at += len(chunk)
        if len(chunk) < chunk_bytes:
            return


async def ranges(ask: AskList, command: str, key: bytes, count: int, *options: str) -> AsyncIterator[list[Any]]:
    """The elements of a list or a sorted set, in their order.

    Args:
        ask: see the module.
        command: LRANGE or ZRANGE.
        key: its name.
        count: elements in a page.
        options: WITHSCORES or nothing; with it members and scores alternate.
    """
    parts = 2 if options else 1
    start = 0
    while True:
        elements = await ask(command, key, start, start + count - 1, *options)
        if elements:
            yield elements
        if len(elements) < count * parts:
            return
        start += count


async def scanned(ask: AskList, command: str | bytes, key: bytes, count: int) -> AsyncIterator[list[Any]]:
    """All items by HSCAN, SSCAN or ZSCAN, about so many in a page; some may come twice."""
    cursor = b"0"
    while True:
        reply = await ask(command, key, cursor, "COUNT", count)
        if not reply:
            return
        cursor, items = reply
        if items:
            yield items
        if cursor == b"0":
            return


async def entries(ask: AskList, key: bytes, count: int) -> AsyncIterator[list[Any]]:
    """The entries of a stream, each its id and its fields and values."""
    start = "-"
    while True:
        found = await ask("XRANGE", key, start, "+", "COUNT", count)
        if found:
            yield found
        if len(found) < count:
            return
        # Servers before 6.2 know no exclusive ranges.
        start = format_id(next_id(parse_id(found[-1][0])))


async def pending(ask: AskList, key: bytes, group: bytes, count: int) -> AsyncIterator[list[Any]]:
    """The pending entries of a stream's group, each its id, its consumer, idle milliseconds and deliveries."""
    start = "-"
    while True:
        found = await ask("XPENDING", key, group, start, "+", count)
        if found:
            yield found
        if len(found) < count:
            return
        start = format_id(next_id(parse_id(found[-1][0])))
