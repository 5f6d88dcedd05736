"""The names of a server's keys."""

from collections.abc import AsyncIterator
from typing import Final

from redis_rehearsal.keyspace.asking import Asker

_SPECIAL: Final = b"*?[]^\\"


async def scan(
    asker: Asker, count: int, pattern: str | bytes | None = None, kind: str | None = None
) -> AsyncIterator[list[bytes]]:
    """The names of keys, page by page; one that is there throughout comes at least once, perhaps more often.

    Args:
        asker: of the server.
        count: of the keys that it is to look at for each page; the fewer, the shorter it takes for each. A page may be
            empty, and has now and then more.
        pattern: of their names, as SCAN's MATCH takes it; None for all.
        kind: their type, as TYPE says it; None for all.

    Raises:
        RefusedError: the server does not permit it.
        AwayError: the server is away.
    """
    chosen: tuple[str | bytes, ...] = () if pattern is None else ("MATCH", pattern)
    if kind is not None:
        chosen += ("TYPE", kind)
    cursor = b"0"
    while True:
        reply = await asker.ask("SCAN", cursor, *chosen, "COUNT", count)
        if not (isinstance(reply, list) and len(reply) == 2):
            raise asker.refused("SCAN", reply)
        cursor, keys = bytes(reply[0]), reply[1]
        yield keys
        if cursor == b"0":
            return


def literally(text: bytes) -> bytes:
    """A pattern that only a text itself matches."""
    return b"".join(b"\\" + bytes([byte]) if byte in _SPECIAL else bytes([byte]) for byte in text)
