"""Many keys of one server at once: the same question about each, in one pipeline that is packed by itself."""

from collections.abc import Sequence
from typing import Final

import hiredis

from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.replies import GONE
from redis_rehearsal.keyspace.types import NONE, TYPES

_LENGTHS: Final = {kind: each.length for kind, each in TYPES.items() if each.length}


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
    return _repeated(b"*%d\r\n$%d\r\n%b\r\n" % (2 + len(more), len(name), name), packed, b"".join(bulk(more)))


def memory_usage(packed: Sequence[bytes]) -> bytes:
    """MEMORY USAGE for many keys.

    Args:
        packed: keys, by `bulk`.
    """
    return _repeated(b"*3\r\n$6\r\nMEMORY\r\n$5\r\nUSAGE\r\n", packed, b"")


def _repeated(head: bytes, packed: Sequence[bytes], tail: bytes) -> bytes:
    # A join costs a tenth of packing each command by itself.
    return head + (tail + head).join(packed) + tail


async def heads(asker: Asker, packed: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """Types and times to live.

    Args:
        asker: of the server.
        packed: keys, by `bulk`.

    Returns:
        The types, and milliseconds: -1 for ever, -2 where there is no such key, which has no type then.

    Raises:
        AskingError: the server went away or does not permit it.
    """
    count = len(packed)
    replies = await asker.pipeline(each(b"TYPE", packed) + each(b"PTTL", packed), 2 * count)
    types, ttls = replies[:count], replies[count:]
    # An error is neither; to look at each reply would cost more than to read it.
    if hiredis.ReplyError in set(map(type, types)) | set(map(type, ttls)):
        asker.see_no_refusal("TYPE or PTTL", replies)
    if GONE in ttls:
        # One that ran out between the two commands would look like one that lives for ever.
        types = [NONE if ttl == GONE else kind for kind, ttl in zip(types, ttls, strict=True)]
    return types, ttls


async def lengths(asker: Asker, packed: Sequence[bytes], types: Sequence[bytes]) -> list[int | None]:
    """How long values are; None where there is no such key, no length, or it has another type by now.

    Args:
        asker: of the server.
        packed: keys, by `bulk`.
        types: of the keys, as TYPE says them.

    Raises:
        AskingError: the server went away or does not permit it.
    """
    by_type: dict[bytes, list[int]] = {}
    for place, kind in enumerate(types):
        if kind in _LENGTHS:
            by_type.setdefault(kind, []).append(place)
    commands = [each(_LENGTHS[kind], [packed[at] for at in places]) for kind, places in by_type.items()]
    known = [place for places in by_type.values() for place in places]
    replies = await asker.pipeline(b"".join(commands), len(known))
    asker.see_no_refusal("a command for the length of a value", replies)
    found: list[int | None] = [None] * len(packed)
    for place, reply in zip(known, replies, strict=True):
        found[place] = reply if isinstance(reply, int) else None
    return found


async def absent(asker: Asker, keys: Sequence[bytes]) -> list[bytes]:
    """Those of some keys that a server does not have.

    Raises:
        AskingError: the server went away or does not permit it.
    """
    if not keys or await asker.ask("EXISTS", *keys) == len(keys):
        return []
    replies = await asker.pipeline(each(b"EXISTS", bulk(keys)), len(keys))
    asker.see_no_refusal("EXISTS", replies)
    return [key for key, reply in zip(keys, replies, strict=True) if reply == 0]
