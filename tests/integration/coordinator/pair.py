"""Two servers of one state, of which the second one is written to from then on."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import redis

from redis_rehearsal.cache.encodings import ENCODINGS
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.coordinator.comparing import AfterCutover, compare_servers
from redis_rehearsal.coordinator.left_server import Look, look_at
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.assessment.evidence import KeyComparison
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.workload.keys import Keys

KEYS = Keys("rehearsal:")
BUCKET_SECONDS, KEPT = 3600, 24
NOTHING = {"missing": 0, "extra": 0, "type": 0, "value": 0, "ttl": 0}


class Pair:
    """Two servers of one state, of which the second one is written to from then on."""

    def __init__(self, old: RedisServer, new: RedisServer) -> None:
        self.servers = old, new
        self.old, self.new = (redis.Redis(port=server.port, protocol=2) for server in (old, new))
        self.cutover_seconds = time.time()
        # The hour of the cutover, also where the tests began in the one before.
        self.start = int(self.cutover_seconds) // BUCKET_SECONDS * BUCKET_SECONDS
        self.expiry = self.start + (1 + KEPT) * BUCKET_SECONDS
        self.verified: set[str] = set()
        self.unsettled: set[str] = set()
        self.deleted: set[int] = set()
        self.deleted_at = float("inf")
        self.rows_complete = True
        self.operation_timeout = 0.0
        self.stored_late: set[tuple[str, int]] = set()

    def counter(self, organization: int, before: int, since: int) -> str:
        key = KEYS.counter(organization, 0, self.start)
        self.old.set(key, before, exat=self.expiry)
        self.new.set(key, before + since, exat=self.expiry)
        self.verified.add(key)
        return key

    def report(self, client: "redis.Redis", kind: str, data_type: str, at_seconds: float) -> str:
        identity = KEYS.report_identity(1, kind, 0)
        value = ENCODINGS[data_type].encode(expected_identity(identity), {"a": 1}, int(at_seconds * 1000), 300_000)
        key = KEYS.report(identity)
        if data_type == "string":
            client.set(key, value, px=300_000)
        else:
            client.rpush(key, *value)
            client.pexpire(key, 300_000)
        return key

    def look_behind(self) -> Look:
        found = asyncio.run(look_at(Endpoint.parse(self.servers[0].url), KEYS))
        assert found is not None
        return found

    def compared(
        self,
        drift_seconds: float = 2.0,
        left_with: Look | None = None,
        left: Callable[[], Awaitable[Look | None]] | None = None,
        after_cutover: type[AfterCutover] = AfterCutover,
    ) -> KeyComparison:
        async def audit() -> Audit:
            return Audit(verified=self.verified, unsettled=self.unsettled)

        async def deleted_since(unix_seconds: float) -> tuple[set[int], bool]:
            assert unix_seconds <= self.cutover_seconds
            return self.deleted if unix_seconds <= self.deleted_at else set(), self.rows_complete

        async def given() -> Look | None:
            return left_with

        old, new = (Endpoint.parse(server.url) for server in self.servers)
        limits = drift_seconds, self.operation_timeout
        after = after_cutover(KEYS, self.cutover_seconds, BUCKET_SECONDS, KEPT, *limits, self.stored_late)
        look = given if left_with is not None else left
        return asyncio.run(compare_servers(old, new, KEYS, after, audit, deleted_since, left_with=look))


def only(**counts: int) -> dict[str, int]:
    return NOTHING | counts
