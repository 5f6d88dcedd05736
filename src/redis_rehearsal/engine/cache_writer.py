"""Writes to the cache: reports after a miss, and their deletion when an event makes them obsolete.

Both go over one connection for each tenant, so that the server applies them in the order in which they are
sent; a report whose data was read before a deletion is not stored after it. Hence a report that was computed
before an acknowledged deletion and is served after it came back from the dead.
"""

import random
from collections import Counter
from functools import partial
from typing import ClassVar, NamedTuple

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import Entries, expected_identity, milliseconds
from redis_rehearsal.cache.refusals import is_accepted, is_surely_not_applied
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.engine.counts import LateStore
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch
from redis_rehearsal.engine.questions import Novel, QueryBlocks
from redis_rehearsal.workload.hit_ratio import TTL_JITTER_RATIO
from redis_rehearsal.workload.queries import INVALIDATED_SLOTS, SLOTS


class Ticket(NamedTuple):
    """What stood when a report's data was read.

    Attributes:
        generation: of the tenant's reports, which ends with each deletion.
        server: to which the tenant's writes went.
    """

    generation: int
    server: Server


class _CacheWriteBatch(Batch):
    """A cache write of a tenant."""

    __slots__ = ("tenant", "writer")
    operation = "cache_write"
    kind: ClassVar[str]

    def __init__(self, writer: "CacheWriter", tenant: int, count: int) -> None:
        super().__init__(count)
        self.writer = writer
        self.tenant = tenant

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        # Of several replies the last one tells: it is of EXEC, which refuses if anything before it was refused.
        if self.answered + len(replies) == self.count:
            self.on_answer(replies[-1], now_seconds)

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        if is_accepted(reply):
            self.writer.outcomes[f"{self.kind}_ok"] += 1
        else:
            self.writer.note_failed(f"{self.kind}_failed", self.tenant)

    def on_lost(self, now_seconds: float) -> None:
        self.writer.note_failed(f"{self.kind}_unknown", self.tenant)


class _StoreBatch(_CacheWriteBatch):
    """A report on its way into the cache."""

    __slots__ = ()
    kind = "store"


class _InvalidationBatch(_CacheWriteBatch):
    """The deletion of a tenant's reports that an event made obsolete."""

    __slots__ = ("connected_since_seconds", "identities", "sent_seconds", "stable_since_seconds")
    kind = "invalidation"

    def __init__(
        self,
        writer: "CacheWriter",
        tenant: int,
        identities: list[bytes],
        sent: float,
        stable_since: float,
        connected_since: float,
    ) -> None:
        super().__init__(writer, tenant, 1)
        self.identities = identities
        self.sent_seconds = sent
        self.stable_since_seconds = stable_since
        self.connected_since_seconds = connected_since

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        if is_surely_not_applied(reply):
            self.writer.outcomes["invalidation_redirected"] += 1
            self.writer.refused.append(self.tenant)
            return
        super().on_answer(reply, now_seconds)
        if is_accepted(reply):
            self.writer.note_deleted(self, now_seconds)


class CacheWriter:
    """The cache writes of a worker; no query waits for them.

    Args:
        blocks: knows the questions.
        router: the connections.
        clock: the run's time of day.
        tenants: how many tenants the worker has.
        ttl_seconds: of a report, before jitter.
        seed: of the jitter.
        mirror: is told of tenants of which a write did not reach it.

    Attributes:
        obsolete: for the identity of each report whose deletion was acknowledged: the computation times
            between which a report must not be served any more, as in an envelope, and when the
            acknowledgement came.
        outcomes: cache writes and deletions by what became of them.
        late: reports that were stored where the tenant's writes had not gone yet when their data was read: their keys,
            where, and when they were computed, Unix time in milliseconds.
        refused: tenants whose deletion is held, or was refused by a server that takes no writes now; to be sent later.
        also_delete_on: a server on which deletions are made too; None for none.
    """

    def __init__(
        self,
        blocks: QueryBlocks,
        router: Router,
        clock: WallClock,
        tenants: int,
        ttl_seconds: float,
        seed: int,
        mirror: Mirror,
    ) -> None:
        self._mirror = mirror
        self._blocks = blocks
        self._router = router
        self._clock = clock
        self._generations = [0] * tenants
        self._ttl_seconds = ttl_seconds
        self._jitter = random.Random(seed)  # noqa: S311 # not for secrets
        self._deletions: dict[int, tuple[bytes, list[bytes]]] = {}
        self.obsolete: dict[bytes, tuple[bytes, bytes, float]] = {}
        self.outcomes: Counter[str] = Counter()
        self.late: list[LateStore] = []
        self.refused: list[int] = []
        self.also_delete_on: Server | None = None

    def ticket(self, tenant: int) -> Ticket:
        """To be taken before a report's data is read, and shown when it is stored."""
        return Ticket(self._generations[tenant], self._router.writes_of(tenant))

    def is_overtaken(self, tenant: int, ticket: Ticket) -> bool:
        """Whether the tenant's reports were deleted since the ticket was taken."""
        return ticket.generation != self._generations[tenant]

    def take_late(self) -> list[LateStore]:
        """Hand over those of `late`, and begin anew."""
        taken, self.late = self.late, []
        return taken

    def store(
        self,
        question: int | Novel,
        tenant: int,
        ticket: Ticket,
        entries: Entries,
        computed_ms: int,
        life_ratio: float = 1.0,
    ) -> None:
        """Store a report, unless the tenant's reports were deleted since the ticket was taken.

        Args:
            question: that it answers.
            tenant: whose report it is.
            ticket: taken before its data was read.
            entries: of the report.
            computed_ms: when it was computed, Unix time.
            life_ratio: how much of its time to live is left.
        """
        if self.is_overtaken(tenant, ticket):
            self.outcomes["store_overtaken"] += 1
            return
        if self._router.holds(tenant):
            self.outcomes["store_frozen"] += 1
            return
        ttl = self._ttl_seconds * self._jitter.uniform(1 - TTL_JITTER_RATIO, 1 + TTL_JITTER_RATIO)
        ttl_ms = max(1, int(ttl * life_ratio * 1000))
        encoding = self._blocks.encoding(question)
        identity = expected_identity(self._blocks.identity(question))
        value = encoding.encode(identity, entries, computed_ms, ttl_ms)
        key, server = self._blocks.key(question), self._router.writes_of(tenant)
        command, replies = encoding.write_command(key, value, ttl_ms)
        if server.write_for(tenant, command, _StoreBatch(self, tenant, replies)):
            if server is not ticket.server:
                self.late.append((key, server.role, computed_ms))
        else:
            self.note_failed("store_failed", tenant)
        self._send_to_mirror(self._router.mirror_of(tenant), tenant, command, replies)

    def _send_to_mirror(self, server: Server | None, tenant: int, command: bytes, replies: int) -> None:
        if server is not None:
            batch = MirroredBatch(self._mirror, "cache_write", [tenant], self._note_mirrored, commands_each=replies)
            self._mirror.send(partial(server.write_for, tenant), command, batch)

    def _note_mirrored(self, outcome: str) -> None:
        self.outcomes[f"mirror_{outcome}"] += 1

    def send_refused(self) -> None:
        """Delete again what a server refused to delete, where writes go by now."""
        if self.refused and not self._router.frozen:
            refused, self.refused = self.refused, []
            for tenant in refused:
                if tenant in self._router.held:
                    self.refused.append(tenant)
                else:
                    self.invalidate(tenant)

    def invalidate(self, tenant: int) -> None:
        """Delete the tenant's reports that an event made obsolete; later, where its writes are held."""
        self._generations[tenant] += 1
        if self._router.holds(tenant):
            # What is copied meanwhile would bring back what was deleted.
            if tenant not in self.refused:
                self.refused.append(tenant)
            return
        command, identities = self._deletion(tenant)
        router = self._router
        batch = _InvalidationBatch(
            self, tenant, identities, monotonic(), router.writes_stable_since, router.writes_connected_since
        )
        if not self._router.writes_of(tenant).write_for(tenant, command, batch):
            self.note_failed("invalidation_failed", tenant)
        for server in (self._router.mirror_of(tenant), self.also_delete_on):
            self._send_to_mirror(server, tenant, command, 1)

    def _deletion(self, tenant: int) -> tuple[bytes, list[bytes]]:
        known = self._deletions.get(tenant)
        if known is None:
            questions = [tenant * len(SLOTS) + slot for slot in INVALIDATED_SLOTS]
            command = pack("UNLINK", *map(self._blocks.key, questions))
            identities = [expected_identity(self._blocks.identity(q)) for q in questions]
            known = self._deletions[tenant] = (command, identities)
        return known

    def note_failed(self, outcome: str, tenant: int) -> None:
        """Count a write that the server does not have, or of which that is not known."""
        self.outcomes[outcome] += 1
        self._mirror.alone([tenant])

    def note_deleted(self, batch: _InvalidationBatch, now_seconds: float) -> None:
        """From now on what was deleted is obsolete."""
        # After a change of connections the order of what was sent before it is not known. What was stored before a
        # change of the route went to another server: it can only be back because somebody carried it over.
        if self._router.writes_stable_since != batch.stable_since_seconds:
            return
        low = milliseconds(self._clock.at(batch.connected_since_seconds) + 0.001)
        high = milliseconds(self._clock.at(batch.sent_seconds) - 0.001)
        for identity in batch.identities:
            self.obsolete[identity] = (low, high, now_seconds)

    def is_resurrected(self, identity: bytes, computed: bytes, written_seconds: float) -> bool:
        """Whether a report with that time of computation should have been gone for a read.

        Args:
            identity: of the report; in `obsolete`.
            computed: its time, as in an envelope.
            written_seconds: when the read was written.
        """
        low, high, acknowledged_seconds = self.obsolete[identity]
        return low < computed < high and written_seconds > acknowledged_seconds
