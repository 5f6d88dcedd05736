"""The servers that are compared: how they are asked, and the names of their keys."""

from collections.abc import AsyncIterator
from math import ceil
from typing import Final

from redis_rehearsal.cache.client import CONNECT_SECONDS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import CannotTellError
from redis_rehearsal.keyspace.asking import LARGE_REPLY_BYTES, Asker
from redis_rehearsal.keyspace.errors import AwayError
from redis_rehearsal.keyspace.replies import in_words
from redis_rehearsal.keyspace.scanning import scan

BATCH_KEYS: Final = 512
"""So many keys are read together."""


class ComparedServer(Asker):
    """A server that is compared: of one that went away, or refuses to be read, nothing can be said.

    Where its connection breaks no other one is opened, which might lead to another state of it, or to another server.

    Args:
        role: of the server.
        endpoint: of the server.
        timeout_seconds: without a byte of an answer; for a connection, of which all is small, no longer than 5 s.
    """

    def __init__(self, role: str, endpoint: Endpoint, timeout_seconds: float) -> None:
        super().__init__(
            role,
            endpoint,
            "compare",
            timeout_seconds,
            connect_seconds=min(timeout_seconds, CONNECT_SECONDS),
            reply_bytes=LARGE_REPLY_BYTES,
        )

    def away(self, error: AwayError) -> Exception:
        """See `Asker`."""
        return CannotTellError(
            f"{self.title} went away while it was compared ({error.reason}), so nothing can be said."
        )

    def refused(self, command: str | bytes | int, reply: Reply) -> Exception:
        """See `Asker`."""
        name, said = in_words(command), in_words(reply)
        if said.startswith("NOPERM"):
            return CannotTellError(
                f"{self.title} does not permit {name} ({said}); "
                "its user needs +@read, +info, +dbsize, +memory|usage and the keys that are compared."
            )
        return CannotTellError(f"{self.title} refused {name}: {said}.")


def cost_ms_since(began_seconds: float) -> int:
    """By so much times to live may seem apart that were read together since then, and rounded."""
    return ceil((monotonic() - began_seconds) * 1000) + 1


async def batches(server: Asker, pattern: str | bytes | None) -> AsyncIterator[list[bytes]]:
    """The names of all keys, in batches without doubles in them.

    A key that is there throughout comes at least once.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    async for keys in scan(server, BATCH_KEYS, pattern):
        unique = list(dict.fromkeys(keys))
        # A hash table with long chains gives more than was asked for.
        for start in range(0, len(unique), 2 * BATCH_KEYS):
            yield unique[start : start + 2 * BATCH_KEYS]
