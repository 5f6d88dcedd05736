"""After a cutover: the two servers key by key, and what the workload itself explains."""

import asyncio
import itertools
import operator
from collections.abc import Collection
from typing import Final

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.cache.encodings import ENCODINGS
from redis_rehearsal.cache.encodings.base import COMPUTED_AT, expected_identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.errors import RehearsalError
from redis_rehearsal.migration.assessment import KeyComparison
from redis_rehearsal.verification.compare.classify import Difference, Kind
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.rounds import compare
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.queries import INVALIDATED_KINDS

_SOON_MS: Final = 2_000
_BATCH: Final = 200
_TIMEOUT_SECONDS: Final = 10.0
_ENCODING_OF_TYPE: Final = {
    **{name.encode(): encoding for name, encoding in ENCODINGS.items()},
    b"zset": ENCODINGS["sorted-set"],
    b"ReJSON-RL": ENCODINGS["json"],
}
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
        self._written = (prefix + b"count:", prefix + b"live:")
        self._reports = prefix + b"report:"
        self._copying = keys.copying.encode()
        self._deleted_kinds = {kind.encode() for kind in INVALIDATED_KINDS}
        self._wrong = {key.encode() for key in wrong_counters}
        self._cutover_ms = cutover_ms
        self.doubtful: list[Difference] = []

    def explain(self, difference: Difference) -> str | None:
        """Why a difference is benign; None where it is not."""
        key = difference.key
        if key in self._own or key.startswith(self._copying):
            return "the run's own"
        if key.startswith(self._written):
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

    async def unexplained(self, target: Endpoint) -> dict[Kind, int]:
        """Of the doubtful ones, those that were not written since the cutover, by class.

        Raises:
            OSError, TimeoutError: the target could not be read.
        """
        found: dict[Kind, int] = {}
        connection = await Connection.open(target, "redis-rehearsal:compare", _TIMEOUT_SECONDS, lambda _: None)
        try:
            for start in range(0, len(self.doubtful), _BATCH):
                batch = self.doubtful[start : start + _BATCH]
                since = await asyncio.gather(*(self._is_since(connection, each.key) for each in batch))
                for difference in itertools.compress(batch, map(operator.not_, since)):
                    found[difference.kind] = found.get(difference.kind, 0) + 1
        finally:
            connection.abort("the comparison ended")
            await asyncio.sleep(0)  # the transport closes in the loop's next turn
        return found

    async def _is_since(self, connection: Connection, key: bytes) -> bool:
        kind = await connection.ask(_TIMEOUT_SECONDS, "TYPE", key)
        if kind == b"none":
            return True  # it expired meanwhile
        encoding = _ENCODING_OF_TYPE.get(kind) if isinstance(kind, bytes) else None
        try:
            name = key.decode()
        except UnicodeDecodeError:
            return False  # none of ours
        if encoding is None:
            return False
        value = await connection.ask(_TIMEOUT_SECONDS, *encoding.read_arguments(name))
        if value is None or value == []:
            return True
        envelope = encoding.envelope(value)
        right = encoding.is_right(value, expected_identity(name[len(self._reports) :]))
        return right and envelope is not None and int(envelope[COMPUTED_AT]) >= self._cutover_ms


async def compare_servers(source: Endpoint, target: Endpoint, keys: Keys, after: AfterCutover) -> KeyComparison:
    """Compare what is under the prefix on both servers.

    Args:
        source: the server that was left.
        target: the server that was moved to.
        keys: the names of keys.
        after: explains what differs.
    """
    try:
        found = await compare(source, target, CompareOptions(prefix=keys.prefix, rounds=2), explain=after.explain)
        left = await after.unexplained(target)
    except (RehearsalError, *CONTROL_ERRORS) as error:
        return KeyComparison(error=str(error) or type(error).__name__)
    counts = {kind.value: found.counts[kind.value] + left.get(kind, 0) for kind in Kind}
    return KeyComparison(found.keys_compared, counts, sum(found.benign.values()) - sum(left.values()))
