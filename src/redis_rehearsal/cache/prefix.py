"""All keys under our prefix: finding, removing, and adding dead weight."""

from collections.abc import Callable
from typing import Final

import numpy as np
import redis.asyncio as redis

from redis_rehearsal.errors import LockedError
from redis_rehearsal.workload.keys import Keys

_SCAN_COUNT: Final = 1000
_BALLAST_VALUE_BYTES: Final = 1024
_BIG_FIELDS: Final = 10_240
_BIG_FIELD_BYTES: Final = 1024
_BATCH: Final = 1000


async def remove_all(client: redis.Redis, keys: Keys, *, keep_lock: bool) -> int:
    """Remove every key under the prefix, and no other; returns how many there were.

    Raises:
        LockedError: another run is under way under a longer prefix; nothing was removed.
    """
    async for key in client.scan_iter(match=keys.longer_locks, count=_SCAN_COUNT):
        raise LockedError(
            f"{key.decode(errors='replace')} is the lock of a run whose prefix begins with ours ({keys.prefix}); "
            "its keys would be removed too. Stop it, or set another KEY_PREFIX."
        )
    removed = 0
    found: list[bytes] = []
    lock = keys.lock.encode()
    async for key in client.scan_iter(match=keys.every, count=_SCAN_COUNT):
        if keep_lock and key == lock:
            continue
        found.append(key)
        if len(found) >= _BATCH:
            removed += await client.unlink(*found)
            found.clear()
    if found:
        removed += await client.unlink(*found)
    return removed


async def count_keys(client: redis.Redis, keys: Keys) -> int:
    """How many keys there are under the prefix, without the lock."""
    found = 0
    lock = keys.lock.encode()
    async for key in client.scan_iter(match=keys.every, count=_SCAN_COUNT):
        found += key != lock
    return found


async def count_others(client: redis.Redis, keys: Keys) -> int:
    """How many keys of the database are not under the prefix; those that have expired are none, deleted or not."""
    prefix, found = keys.prefix.encode(), 0
    async for key in client.scan_iter(count=_SCAN_COUNT):
        found += not key.startswith(prefix)
    return found


async def add_dead_weight(
    client: redis.Redis,
    keys: Keys,
    ballast_bytes: int,
    big_keys: int,
    progress: Callable[[str, int, int], None],
) -> None:
    """Add data that nothing asks for: strings of 1 KiB and hashes of 10 MiB.

    Values differ and do not compress, so that the data set moves as slowly as a real one.
    """
    rng = np.random.default_rng(0)
    count = -(-ballast_bytes // _BALLAST_VALUE_BYTES)
    for start in range(0, count, _BATCH):
        progress("ballast", start, count)
        pipe = client.pipeline(transaction=False)
        for number in range(start, min(count, start + _BATCH)):
            size = min(_BALLAST_VALUE_BYTES, ballast_bytes - number * _BALLAST_VALUE_BYTES)
            pipe.set(keys.ballast(number), rng.bytes(size))
        await pipe.execute()
    if count:
        progress("ballast", count, count)
    for number in range(big_keys):
        progress("big keys", number, big_keys)
        for start in range(0, _BIG_FIELDS, _BATCH):
            fields = range(start, min(_BIG_FIELDS, start + _BATCH))
            await client.hset(keys.big(number), mapping={f"field:{i}": rng.bytes(_BIG_FIELD_BYTES) for i in fields})
    if big_keys:
        progress("big keys", big_keys, big_keys)
