"""The counters of the server that was left: nobody of ours writes to them any more, so that what changes was others."""

from collections.abc import Mapping

import hiredis

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.errors import RehearsalError
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.workload.keys import Keys

_PAGE_KEYS = "512"
_TIMEOUT_SECONDS = 10.0

Counters = Mapping[bytes, bytes]
"""What counters hold, by key."""


async def counters_of(endpoint: Endpoint, keys: Keys) -> Counters | None:
    """All counters that a server has; None where it could not be read.

    Args:
        endpoint: the server that was left.
        keys: the names of keys.
    """
    pattern = CompareOptions(prefix=f"{keys.prefix}count:").pattern or b"*"
    found: dict[bytes, bytes] = {}
    try:
        connection = await Connection.open(endpoint, "redis-rehearsal:compare", _TIMEOUT_SECONDS, lambda _: None)
        try:
            cursor = b""
            while cursor != b"0":
                page = await connection.ask(
                    _TIMEOUT_SECONDS, "SCAN", cursor or b"0", "MATCH", pattern, "COUNT", _PAGE_KEYS
                )
                if not isinstance(page, list):
                    return None
                cursor, names = page
                values = await connection.ask(_TIMEOUT_SECONDS, "MGET", *names) if names else []
                if isinstance(values, hiredis.ReplyError) or not isinstance(values, list):
                    return None
                found.update((name, value) for name, value in zip(names, values, strict=True) if value is not None)
        finally:
            connection.abort("the look is over")
    except (RehearsalError, *CONTROL_ERRORS):
        return None
    return found


def written(before: Counters | None, now: Counters | None) -> set[bytes]:
    """The counters that somebody wrote to between two looks; what is gone may have expired, and is not among them."""
    if before is None or now is None:
        return set()
    return {key for key, value in now.items() if before.get(key) != value}
