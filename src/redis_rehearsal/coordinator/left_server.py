"""The server that was left: nobody of ours writes to it any more, so that what changes there was others."""

import asyncio
from collections.abc import Mapping
from typing import Final

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import CannotTellError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, heads
from redis_rehearsal.keyspace.types import NONE
from redis_rehearsal.verification.compare.contents import READABLE, contents, digest_of
from redis_rehearsal.verification.compare.reader import ComparedServer, batches
from redis_rehearsal.workload.keys import WRITTEN_KINDS, Keys

_TIMEOUT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.01
"""After each page, since the application's latency is being measured meanwhile."""

Look = Mapping[bytes, str]
"""The digests of what events write to, by key; empty where the value never stood still while it was read."""


async def look_at(endpoint: Endpoint, keys: Keys) -> Look | None:
    """All counters and live structures that a server has; None where it could not be read.

    Args:
        endpoint: the server that was left.
        keys: the names of keys.
    """
    found: dict[bytes, str] = {}
    try:
        async with ComparedServer("server that was left", endpoint, _TIMEOUT_SECONDS) as server:
            for kind in WRITTEN_KINDS:
                async for names in batches(server, keys.every_of(kind)):
                    found |= await _digests(server, names)
                    await asyncio.sleep(_PAUSE_SECONDS)
    except CannotTellError:
        return None
    return found


async def _digests(server: Asker, names: list[bytes]) -> dict[bytes, str]:
    types, _ = await heads(server, bulk(names))
    by_type: dict[bytes, list[bytes]] = {}
    for name, kind in zip(names, types, strict=True):
        if kind in READABLE:
            by_type.setdefault(kind, []).append(name)
    found: dict[bytes, str] = {}
    for kind, some in by_type.items():
        values = await contents(server, kind, some, bulk(some))
        found.update((name, digest_of(value) or "") for name, value in zip(some, values, strict=True))
    if not found:
        return found
    still, _ = await heads(server, bulk(list(found)))
    # What expired before its value was read looks like one that was emptied.
    return {name: digest for (name, digest), kind in zip(found.items(), still, strict=True) if kind != NONE}


def written(before: Look, now: Look) -> set[bytes]:
    """What somebody wrote to between two looks; what is gone may have expired, and is not among them."""
    return {key for key, digest in now.items() if not digest or before.get(key) != digest}


class LeftServers:
    """Looks at the servers that a migration left, after each of its cutovers.

    The first look is taken as soon as the cutover is over. By then a write of ours may still be on its way there, which
    the ledger knows: it is unknown, or was acknowledged too late. For that case there is a second look, once none can
    be.

    Args:
        settled_seconds: so long after a cutover none of ours can be on its way any more.
    """

    def __init__(self, settled_seconds: float) -> None:
        self._settled_seconds = settled_seconds
        self._looks: dict[tuple[int, bool], asyncio.Task[Look | None]] = {}

    def look_when_due(
        self, place: int, ended_seconds: float, now_seconds: float, endpoint: Endpoint, keys: Keys
    ) -> None:
        """Begin a look that is due.

        Args:
            place: of the cutover, from 1.
            ended_seconds: when it ended, on the monotonic clock.
            now_seconds: the same clock, now.
            endpoint: of the server that was left.
            keys: the names of keys.
        """
        for settled, due_seconds in ((False, ended_seconds), (True, ended_seconds + self._settled_seconds)):
            if (place, settled) not in self._looks and now_seconds >= due_seconds:
                self._looks[place, settled] = asyncio.create_task(look_at(endpoint, keys))
                return

    async def before(self, place: int, endpoint: Endpoint, keys: Keys, *, ours_were_late: bool) -> Look | None:
        """What the server held after a cutover; as it holds it now, where nobody looked; None where it cannot be read.

        Args:
            place: of the cutover, from 1.
            endpoint: of the server that was left.
            keys: the names of keys.
            ours_were_late: whether writes of ours may have been applied there after the cutover.
        """
        look = self._looks.get((place, ours_were_late))
        return await look if look is not None else await look_at(endpoint, keys)
