"""After a cutover: the two servers key by key, and what the workload itself explains."""

from collections.abc import Collection
from typing import Any, Final

import redis.asyncio as redis

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import RehearsalError
from redis_rehearsal.migration.assessment import KeyComparison
from redis_rehearsal.verification.compare.classify import Difference, Kind
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.rounds import compare
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.queries import INVALIDATED_KINDS

_COMPUTED_BYTES: Final = 13
"""A report begins with when it was computed, in milliseconds of Unix time."""
_SOON_MS: Final = 2_000
_BATCH: Final = 1_000
_LATER: Final = "looked at below"


class AfterCutover:
    """Explains what differs once only the target was written to for a while.

    Args:
        keys: the names of keys.
        cutover_ms: when the application left the source, in milliseconds of Unix time.
        wrong_counters: those that are not as the ledger predicts.
    """

    def __init__(self, keys: Keys, cutover_ms: int, wrong_counters: Collection[str]) -> None:
        prefix = keys.prefix.encode()
        self._own = {keys.lock.encode(), keys.marker.encode()}
        self._counters, self._reports = prefix + b"count:", prefix + b"report:"
        self._copying = prefix + b"copying:"
        self._deleted_kinds = {kind.encode() for kind in INVALIDATED_KINDS}
        self._wrong = {key.encode() for key in wrong_counters}
        self._cutover_ms = cutover_ms
        self.doubtful: list[Difference] = []

    def explain(self, difference: Difference) -> str | None:
        """Why a difference is benign; None where it is not."""
        key = difference.key
        if key in self._own or key.startswith(self._copying):
            return "the run's own"
        if key.startswith(self._counters):
            return None if key in self._wrong else "as the ledger predicts"
        if not key.startswith(self._reports) or difference.kind is Kind.TTL:
            return None
        if difference.kind is Kind.MISSING:
            if key[len(self._reports) :].split(b":")[1] in self._deleted_kinds:
                return "deleted since"
            left = difference.source.ttl_ms if difference.source else None
            return "about to expire" if left is not None and left < _SOON_MS else None
        self.doubtful.append(difference)
        return _LATER

    async def unexplained(self, target: redis.Redis) -> dict[Kind, int]:
        """Of the doubtful ones, those that were not written since the cutover, by class.

        Raises:
            RedisError, OSError, TimeoutError: the target could not be read.
        """
        found: dict[Kind, int] = {}
        for start in range(0, len(self.doubtful), _BATCH):
            batch = self.doubtful[start : start + _BATCH]
            pipe = target.pipeline(transaction=False)
            for difference in batch:
                pipe.getrange(difference.key, 0, _COMPUTED_BYTES - 1)
            values = await pipe.execute(raise_on_error=False)
            for difference, value in zip(batch, values, strict=True):
                if not self._is_since(value):
                    found[difference.kind] = found.get(difference.kind, 0) + 1
        return found

    def _is_since(self, value: Any) -> bool:
        # Gone by now is as well: it expired.
        if value == b"":
            return True
        return isinstance(value, bytes) and value.isdigit() and int(value) >= self._cutover_ms


async def compare_servers(
    source: Endpoint, target: Endpoint, client: redis.Redis, keys: Keys, after: AfterCutover
) -> KeyComparison:
    """Compare what is under the prefix on both servers.

    Args:
        source: the server that was left.
        target: the server that was moved to.
        client: of the target.
        keys: the names of keys.
        after: explains what differs.
    """
    try:
        found = await compare(source, target, CompareOptions(prefix=keys.prefix, rounds=2), explain=after.explain)
        left = await after.unexplained(client)
    except (RehearsalError, *CONTROL_ERRORS) as error:
        return KeyComparison(error=str(error) or type(error).__name__)
    counts = {kind.value: found.counts[kind.value] + left.get(kind, 0) for kind in Kind}
    return KeyComparison(found.keys_compared, counts, sum(found.benign.values()) - sum(left.values()))
