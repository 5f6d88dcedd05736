"""Looks at keys of a server's database, some of them or all under our prefix, within a time."""

import asyncio
from dataclasses import dataclass
from typing import Final

from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.keyspace.replies import GONE, text
from redis_rehearsal.keyspace.scanning import scan
from redis_rehearsal.keyspace.types import NONE
from redis_rehearsal.keyspace.viewing import UnseenError, Viewer
from redis_rehearsal.workload.keys import Keys

MOST_KEYS: Final = 2000
BIG_BYTES: Final = 10 * 1024 * 1024
_SCAN_SECONDS: Final = 5.0
_SCAN_COUNT: Final = 1000
_TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Some keys of a server's database.

    Attributes:
        keys: how many could be looked at.
        without_ttl: how many of them never expire; None where that could not be seen.
        big: those above the threshold, with their bytes, the largest first; None where that could not be seen.
        types: of values.
        own_types: of those under our prefix.
        own_ratio: how much of what they take is under our prefix: by bytes, or by number where these could not be seen.
        largest: the largest of them, with its bytes; None where there is none, or that could not be seen.
        largest_string: the same of those of ours that are strings.
    """

    keys: int
    without_ttl: int | None
    big: tuple[tuple[str, int], ...] | None
    types: frozenset[str] = frozenset()
    own_types: frozenset[str] = frozenset()
    own_ratio: float = 1.0
    largest: tuple[str, int] | None = None
    largest_string: tuple[str, int] | None = None


async def count_prefix(viewer: Viewer, keys: Keys, *, others: bool = False) -> tuple[int, int | None, bool]:
    """Count keys of our database.

    Args:
        viewer: of the server.
        keys: names of ours.
        others: whether those that are not under our prefix are counted too, all of which then cross the network.

    Returns:
        How many there are under our prefix without the lock, how many others (None where these were not asked for), and
        whether all keys were looked at for that.
    """
    ours: set[bytes] = set()
    theirs: set[bytes] = set()
    prefix, lock, until = keys.prefix.encode(), keys.lock.encode(), monotonic() + _SCAN_SECONDS
    complete, late = True, False
    async for page in scan(viewer, _SCAN_COUNT, None if others else keys.every):
        if late:
            complete = False
            break
        ours.update(key for key in page if key.startswith(prefix) and key != lock)
        theirs.update(key for key in page if not key.startswith(prefix))
        late = monotonic() > until
    return len(ours), len(theirs) if others else None, complete


async def take_sample(viewer: Viewer, prefix: str) -> Sample:
    """Look at up to `MOST_KEYS` keys: how large they are, whether they expire, of what type they are.

    Args:
        viewer: of the server.
        prefix: begins ours.
    """
    names: dict[bytes, None] = {}
    until = monotonic() + _SCAN_SECONDS
    async for page in scan(viewer, _SCAN_COUNT):
        names |= dict.fromkeys(page)
        if len(names) >= MOST_KEYS or monotonic() > until:
            break
    keys = list(names)[:MOST_KEYS]
    sizes: dict[bytes, int] = {}
    expiries: list[int] = []
    types: set[str] = set()
    own_types: set[str] = set()
    strings: set[bytes] = set()
    until = monotonic() + _SCAN_SECONDS
    for start in range(0, len(keys), _TOGETHER):
        if monotonic() > until:
            break
        batch = keys[start : start + _TOGETHER]
        for key, (size, expiry, kind) in zip(
            batch, await asyncio.gather(*(_look_at(viewer, key) for key in batch)), strict=True
        ):
            if isinstance(size, int):
                sizes[key] = size
            if isinstance(expiry, int) and expiry != GONE:
                expiries.append(expiry)
            if isinstance(kind, bytes) and kind != NONE:
                types.add(text(kind))
                if key.startswith(prefix.encode()):
                    own_types.add(text(kind))
                    if kind == b"string":
                        strings.add(key)
    if keys and not (sizes or expiries or types):
        raise UnseenError("none of the keys that SCAN names may be looked at")
    big = sorted(((text(key), size) for key, size in sizes.items() if size > BIG_BYTES), key=lambda each: -each[1])
    return Sample(
        keys=len(expiries) or len(sizes),  # others may not be looked at, or are gone
        without_ttl=sum(expiry == -1 for expiry in expiries) if expiries or not keys else None,
        big=tuple(big) if sizes or not keys else None,
        types=frozenset(types),
        own_types=frozenset(own_types),
        own_ratio=_own_ratio(sizes or dict.fromkeys(keys, 1), prefix.encode()),
        largest=_largest(sizes),
        largest_string=_largest({key: size for key, size in sizes.items() if key in strings}),
    )


def _own_ratio(sizes: dict[bytes, int], prefix: bytes) -> float:
    whole = sum(sizes.values())
    return sum(size for key, size in sizes.items() if key.startswith(prefix)) / whole if whole else 1.0


def _largest(sizes: dict[bytes, int]) -> tuple[str, int] | None:
    return max(((text(key), size) for key, size in sizes.items()), key=lambda each: each[1], default=None)


async def _look_at(viewer: Viewer, key: bytes) -> tuple[Reply, Reply, Reply]:
    found = await asyncio.gather(
        viewer.reply("MEMORY", "USAGE", key), viewer.reply("PTTL", key), viewer.reply("TYPE", key)
    )
    return found[0], found[1], found[2]
