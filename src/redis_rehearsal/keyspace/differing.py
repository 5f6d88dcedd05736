"""Which keys a target does not have as the source has them, read from both servers."""

import asyncio
from collections.abc import Sequence
from typing import Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, each
from redis_rehearsal.keyspace.replies import unix_milliseconds

_BATCH: Final = 2000
_LIVES_BETWEEN_CLOCKS: Final = 100
"""So that a time to live is known to within what it takes to read so many."""
_ROUNDING_MILLISECONDS: Final = 2
_CLOCK: Final = pack("TIME")

Life = tuple[int, int] | None
"""Between which Unix times in milliseconds a key expires; None for never, or where it is not there."""


async def differing(source: Asker, target: Asker, keys: Sequence[bytes]) -> list[bytes]:
    """Those whose values or times to live differ; what is no string is taken to differ.

    Args:
        source: where the keys are read.
        target: where they are read too.
        keys: which.

    Raises:
        OSError: a server is away.
    """
    if not keys:
        return []
    exact = await asyncio.gather(*(_tells_when(asker, keys[0]) for asker in (source, target)))
    slack = 0 if all(exact) else _ROUNDING_MILLISECONDS
    found: list[bytes] = []
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        ours, theirs = await asyncio.gather(
            *(_read(asker, batch, is_exact) for asker, is_exact in zip((source, target), exact, strict=True))
        )
        found += [
            key
            for key, (value, life), (other, other_life) in zip(batch, ours, theirs, strict=True)
            if not isinstance(value, bytes) or value != other or not _agree(life, other_life, slack)
        ]
    return found


async def _tells_when(asker: Asker, key: bytes) -> bool:
    return isinstance(await asker.reply("PEXPIRETIME", key), int)


async def _read(asker: Asker, keys: Sequence[bytes], exact: bool) -> list[tuple[Reply, Life]]:
    """Each key's value, None where it is no string, and its life."""
    values = await asker.reply("MGET", *keys)
    if not isinstance(values, list):
        return [(None, None)] * len(keys)
    if exact:
        replies = await asker.pipeline(each(b"PEXPIRETIME", bulk(keys)), len(keys))
        return list(zip(values, [_life(reply, 0, 0) for reply in replies], strict=True))
    lives: list[Life] = []
    parts = [keys[at : at + _LIVES_BETWEEN_CLOCKS] for at in range(0, len(keys), _LIVES_BETWEEN_CLOCKS)]
    commands = _CLOCK + b"".join(each(b"PTTL", bulk(part)) + _CLOCK for part in parts)
    replies = await asker.pipeline(commands, len(keys) + len(parts) + 1)
    at = 0
    for part in parts:
        earliest, latest = _milliseconds(replies[at]), _milliseconds(replies[at + len(part) + 1])
        lives += [_life(reply, earliest, latest) for reply in replies[at + 1 : at + len(part) + 1]]
        at += len(part) + 1
    return list(zip(values, lives, strict=True))


def _milliseconds(time: Reply) -> int:
    return unix_milliseconds(time) if isinstance(time, list) else 0


def _life(reply: Reply, earliest: int, latest: int) -> Life:
    if isinstance(reply, hiredis.ReplyError) or not isinstance(reply, int) or reply < 0:
        return None
    return earliest + reply, latest + reply


def _agree(one: Life, other: Life, slack_milliseconds: int) -> bool:
    if one is None or other is None:
        return one is other
    return one[0] <= other[1] + slack_milliseconds and other[0] <= one[1] + slack_milliseconds
