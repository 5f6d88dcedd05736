"""Writes to the cache: reports after a miss, and their deletion when an event makes them obsolete.

Both go over one connection for each tenant, so that the server applies them in the order in which they are
sent; a report whose data was read before a deletion is not stored after it. Hence a report that was computed
before an acknowledged deletion and is served after it came back from the dead.
"""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final, NamedTuple

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import Entries, milliseconds
from redis_rehearsal.cache.refusals import is_accepted, is_surely_not_applied
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.engine.counts import LateStore
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch
from redis_rehearsal.engine.proven import ProvenReplies
from redis_rehearsal.engine.questions import Novel, QueryBlocks
from redis_rehearsal.workload.hit_ratio import TTL_JITTER_RATIO
from redis_rehearsal.workload.queries import INVALIDATED_SLOTS, SLOTS

_NOT_DELETED: Final = (b"", b"", 0.0)


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

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        self.writer.note_settled(self)
        super().on_answer(reply, now_seconds)

    def on_lost(self, now_seconds: float) -> None:
        self.writer.note_settled(self, now_seconds)
        super().on_lost(now_seconds)


class _CopyBatch(_StoreBatch):
    """A report that another server had; whether it gets there only changes how often that one is asked."""

    __slots__ = ()

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        self.writer.note_settled(self)

    def on_lost(self, now_seconds: float) -> None:
        self.writer.note_settled(self, now_seconds)


class _Deletion:
    """The deletion of a tenant's reports, on each server that is to do it.

    Args:
        questions: that the reports answer.
        sent_seconds: when it was sent, on the monotonic clock.

    Attributes:
        questions: the same.
        sent_seconds: the same.
        unsure_seconds: what was stored before then may have come after it; None where nothing may.
        awaited: how many servers have not answered.
        is_acknowledged: whether the one that takes the tenant's writes has done it.
    """

    __slots__ = ("awaited", "is_acknowledged", "questions", "sent_seconds", "unsure_seconds")

    def __init__(self, questions: list[int], sent_seconds: float) -> None:
        self.questions = questions
        self.sent_seconds = sent_seconds
        self.unsure_seconds: float | None = None
        self.awaited = 0
        self.is_acknowledged = False


class _InvalidationBatch(_CacheWriteBatch):
    """The deletion of a tenant's reports that an event made obsolete, where the tenant's writes go."""

    __slots__ = ("deletion",)
    kind = "invalidation"

    def __init__(self, writer: "CacheWriter", tenant: int, deletion: _Deletion) -> None:
        super().__init__(writer, tenant, 1)
        self.deletion = deletion

    def on_answer(self, reply: Reply, now_seconds: float) -> None:
        if is_surely_not_applied(reply):
            self.writer.outcomes["invalidation_redirected"] += 1
            self.writer.refused.append(self.tenant)
            return
        super().on_answer(reply, now_seconds)
        if is_accepted(reply):
            self.deletion.is_acknowledged = True
            self.writer.note_answered(self.deletion, now_seconds)


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
        obsolete: for the question of each report whose deletion was acknowledged: the computation times
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
        proven: ProvenReplies,
    ) -> None:
        self._mirror = mirror
        self._proven = proven
        self._blocks = blocks
        self._router = router
        self._clock = clock
        self._generations = [0] * tenants
        self._ttl_seconds = ttl_seconds
        self._jitter = random.Random(seed)  # noqa: S311 # not for secrets
        self._deletions: dict[int, tuple[bytes, list[int]]] = {}
        self.obsolete: dict[int | Novel, tuple[bytes, bytes, float]] = {}
        self.outcomes: Counter[str] = Counter()
        self.late: list[LateStore] = []
        self.refused: list[int] = []
        self.also_delete_on: Server | None = None
        self._storing: dict[int, list[Batch]] = {}
        self._unsure_seconds: dict[int, float] = {}

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
            self._send_to_mirror(mirror, tenant, command, replies, self._note_mirrored)

    def copy(self, tenant: int, command: bytes, replies: int) -> None:
        """Store a report that another server had, by a command that replaces none."""
        self._store_on(self._router.writes_of(tenant), command, _CopyBatch(self, tenant, replies))

    def _store_on(self, server: Server, command: bytes, batch: _StoreBatch) -> bool:
        if not server.write_for(batch.tenant, command, batch):
            return False
        self._storing.setdefault(batch.tenant, []).append(batch)
        return True

    def note_settled(self, batch: _StoreBatch, lost_seconds: float | None = None) -> None:
        """A report was stored or refused; or its connection was lost, and the server may still store it."""
        self._storing[batch.tenant].remove(batch)
        if lost_seconds is not None:
            self._unsure_seconds[batch.tenant] = lost_seconds

    def _send_to_mirror(
        self, server: Server, tenant: int, command: bytes, replies: int, told: Callable[[str], None]
    ) -> None:
        batch = MirroredBatch(self._mirror, "cache_write", [tenant], told, commands_each=replies)
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
        command, questions = self._deletion(tenant)
        deletion = _Deletion(questions, monotonic())
        batch = _InvalidationBatch(self, tenant, deletion)
        others = [server for server in (self._router.mirror_of(tenant), self.also_delete_on) if server is not None]
        deletion.awaited = 1 + len(others)
        if self._router.writes_of(tenant).write_for(tenant, command, batch):
            deletion.unsure_seconds = self._unsure_seconds.get(tenant)
            # What is on its way on another connection may overtake it, or not.
            if any(storing.connection is not batch.connection for storing in self._storing.get(tenant, ())):
                deletion.unsure_seconds = deletion.sent_seconds
        else:
            self.note_failed("invalidation_failed", tenant)
        for server in others:
            self._send_to_mirror(server, tenant, command, 1, partial(self._note_deleted_on_mirror, deletion))

    def _note_deleted_on_mirror(self, deletion: _Deletion, outcome: str) -> None:
        self._note_mirrored(outcome)
        self.note_answered(deletion, monotonic())

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

    def note_answered(self, deletion: _Deletion, now_seconds: float) -> None:
        """A server has answered a deletion, or will not; once all have, what was deleted is obsolete from now on."""
        deletion.awaited -= 1
        if deletion.awaited or not deletion.is_acknowledged:
            return
        unsure = deletion.unsure_seconds
        low = b"" if unsure is None else milliseconds(self._clock.at(unsure) + 0.001)
        high = milliseconds(self._clock.at(deletion.sent_seconds) - 0.001)
        for question in deletion.questions:
            self.obsolete[question] = (low, high, now_seconds)
            self._proven.forget(question)

    def is_deleted(self, question: int | Novel, computed: bytes) -> bool:
        """Whether a report with that time of computation, as in an envelope, was deleted."""
        low, high, _ = self.obsolete.get(question, _NOT_DELETED)
        return low < computed < high

    def is_resurrected(self, question: int | Novel, computed: bytes, written_seconds: float) -> bool:
        """Whether a report with that time of computation should have been gone for a read.

        Args:
            question: that it answers.
            computed: its time, as in an envelope.
            written_seconds: when the read was written.
        """
        return self.is_deleted(question, computed) and written_seconds > self.obsolete[question][2]
