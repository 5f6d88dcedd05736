"""Writes to the cache: reports after a miss, and their deletion when an event makes them obsolete.

Both go over one connection for each tenant, so that the server applies them in the order in which they are
sent; a report whose data was read before a deletion is not stored after it. Hence a report that was computed
before an acknowledged deletion and is served after it came back from the dead.
"""

import abc
import random
from collections import Counter
from functools import partial
from typing import ClassVar, NamedTuple

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import Entries
from redis_rehearsal.cache.refusals import is_accepted, is_surely_not_applied
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.counts import LateStore
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch
from redis_rehearsal.engine.obsolete import Deletion, ObsoleteReports
from redis_rehearsal.engine.proven import ProvenReplies
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

    @abc.abstractmethod
    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        """All has come, with a last reply."""

    def count_answer(self, reply: Reply) -> None:
        """Count what became of it."""
        if is_accepted(reply):
            self.writer.outcomes[f"{self.kind}_ok"] += 1
        else:
            self.writer.note_failed(f"{self.kind}_failed", self.tenant)

    def count_lost(self) -> None:
        """Count it as one of which nothing is known."""
        self.writer.note_failed(f"{self.kind}_unknown", self.tenant)


class _StoreBatch(_CacheWriteBatch):
    """A report on its way into the cache."""

    __slots__ = ()
    kind = "store"

    def settle(self, *, is_sure: bool) -> None:
        """Nothing more will be heard of it."""
        self.writer.obsolete.settled(self.tenant, self, is_sure=is_sure)

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        # Every other error may come from a proxy, and the server behind it store the report later.
        self.settle(is_sure=is_accepted(reply) or is_surely_not_applied(reply))
        self.count_answer(reply)

    def on_lost(self, now_seconds: float) -> None:
        self.settle(is_sure=False)
        self.count_lost()


class _CopyBatch(_StoreBatch):
    """A report that another server had; whether it gets there only changes how often that one is asked."""

    __slots__ = ()

    def count_answer(self, reply: Reply) -> None:
        return

    def count_lost(self) -> None:
        return


class _InvalidationBatch(_CacheWriteBatch):
    """The deletion of a tenant's reports that an event made obsolete, where the tenant's writes go."""

    __slots__ = ("deletion",)
    kind = "invalidation"

    def __init__(self, writer: "CacheWriter", deletion: Deletion) -> None:
        super().__init__(writer, deletion.tenant, 1)
        self.deletion = deletion

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        if is_surely_not_applied(reply):
            self.writer.outcomes["invalidation_redirected"] += 1
            self.writer.refused.append(self.tenant)
        else:
            self.count_answer(reply)
        self.deletion.is_acknowledged = is_accepted(reply)
        self.writer.obsolete.answered(self.deletion)

    def on_lost(self, now_seconds: float) -> None:
        self.count_lost()
        self.writer.obsolete.answered(self.deletion)


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
        proven: replies that are right until they are deleted.

    Attributes:
        obsolete: which reports must not be served any more.
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
        proven: ProvenReplies,
    ) -> None:
        self._mirror = mirror
        self._blocks = blocks
        self._router = router
        self._clock = clock
        self._generations = [0] * tenants
        self._ttl_seconds = ttl_seconds
        self._jitter = random.Random(seed)  # noqa: S311 # not for secrets
        self._deletions: dict[int, tuple[bytes, list[int]]] = {}
        self.obsolete = ObsoleteReports(clock, proven)
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
        value = encoding.encode(self._blocks.expected(question), entries, computed_ms, ttl_ms)
        key, server = self._blocks.key(question), self._router.writes_of(tenant)
        command, replies = encoding.write_command(key, value, ttl_ms)
        if self._store_on(server, command, _StoreBatch(self, tenant, replies)):
            if server is not ticket.server:
                self.late.append((key, server.role, computed_ms))
        else:
            self.note_failed("store_failed", tenant)
        mirror = self._router.mirror_of(tenant)
        if mirror is not None:
            self._store_on_mirror(mirror, tenant, command, replies)

    def copy(self, tenant: int, command: bytes, replies: int) -> None:
        """Store a report that another server had, by a command that replaces none."""
        self._store_on(self._router.writes_of(tenant), command, _CopyBatch(self, tenant, replies))

    def _store_on(self, server: Server, command: bytes, batch: _StoreBatch) -> bool:
        if not server.write_for(batch.tenant, command, batch):
            return False
        self.obsolete.storing(batch.tenant, batch)
        return True

    def _store_on_mirror(self, server: Server, tenant: int, command: bytes, replies: int) -> None:
        def told(outcome: str) -> None:
            self._note_mirrored(outcome)
            if is_sent:
                self.obsolete.settled(tenant, batch, is_sure=outcome == "ok")

        is_sent = False
        batch = MirroredBatch(self._mirror, "cache_write", [tenant], told, commands_each=replies)
        is_sent = self._mirror.send(partial(server.write_for, tenant), command, batch)
        if is_sent:
            self.obsolete.storing(tenant, batch)

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
        command, questions = self._deletion(tenant)
        others = [server for server in (self._router.mirror_of(tenant), self.also_delete_on) if server is not None]
        deletion = self.obsolete.begin(tenant, questions, 1 + len(others))
        batches: list[Batch] = [_InvalidationBatch(self, deletion)]
        if not self._router.writes_of(tenant).write_for(tenant, command, batches[0]):
            self.note_failed("invalidation_failed", tenant)
            self.obsolete.answered(deletion)
            batches.clear()
        for server in others:
            told = partial(self._note_deleted_on_mirror, deletion)
            batch = MirroredBatch(self._mirror, "cache_write", [tenant], told)
            if self._mirror.send(partial(server.write_for, tenant), command, batch):
                batches.append(batch)
        self.obsolete.sent(deletion, batches)

    def _note_deleted_on_mirror(self, deletion: Deletion, outcome: str) -> None:
        self._note_mirrored(outcome)
        self.obsolete.answered(deletion)

    def _deletion(self, tenant: int) -> tuple[bytes, list[int]]:
        known = self._deletions.get(tenant)
        if known is None:
            questions = [tenant * len(SLOTS) + slot for slot in INVALIDATED_SLOTS]
            command = pack("UNLINK", *map(self._blocks.key, questions))
            known = self._deletions[tenant] = (command, questions)
        return known

    def note_failed(self, outcome: str, tenant: int) -> None:
        """Count a write that the server does not have, or of which that is not known."""
        self.outcomes[outcome] += 1
        self._mirror.alone([tenant])
