"""Reads that miss on the target and are answered by the source, which the target then gets a copy of."""

from collections.abc import Callable
from typing import Any

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.cache_writer import CacheWriter, Ticket
from redis_rehearsal.engine.questions import Novel, QueryBlocks

Answered = Callable[[Reply, float], None]
"""Takes what the source has in place of what was missing, and when it came; None where it has nothing either.

Of counters, whatever is not a list is no answer: an error of the source's, or None where its connection was lost.
"""


class _ReadBatch(Batch):
    """A read of the source, with the time to live of what it reads."""

    __slots__ = ("answered_by", "missing", "question", "tenant", "ticket", "value")
    operation = "read"

    def __init__(
        self,
        receiver: "Fallback",
        tenant: int,
        ticket: Ticket | None,
        question: "int | Novel | None",
        missing: Any,
        answered_by: Answered,
    ) -> None:
        super().__init__(receiver, 1 if question is None else 2)
        self.tenant = tenant
        self.ticket = ticket
        self.question = question
        self.missing = missing
        self.answered_by = answered_by
        self.value: Reply = None


class _CopyBatch(Batch):
    """A copy on its way to the target; whether it gets there only changes how often the source is asked."""

    __slots__ = ()
    operation = "cache_write"


class Fallback:
    """Asks the source for what the target does not have.

    Args:
        server: the source.
        router: where copies go.
        blocks: knows the keys of questions.
        writer: knows what was deleted.

    Attributes:
        answered: reads that the source answered.
        copied: reports that were copied.
    """

    def __init__(self, server: Server, router: Router, blocks: QueryBlocks, writer: CacheWriter) -> None:
        self._server = server
        self._router = router
        self._blocks = blocks
        self._writer = writer
        self.answered = 0
        self.copied = 0

    def ask_report(self, tenant: int, question: "int | Novel", command: bytes, answered_by: Answered) -> bool:
        """Ask for a report; False while there is no connection."""
        batch = _ReadBatch(self, tenant, self._writer.ticket(tenant), question, None, answered_by)
        return self._send(command + pack("PTTL", self._blocks.key(question)), batch)

    def ask_counters(self, tenant: int, command: bytes, missing: list[Any], answered_by: Answered) -> bool:
        """Ask for the counters that a real-time read did not find; False while there is no connection."""
        return self._send(command, _ReadBatch(self, tenant, None, None, missing, answered_by))

    def _send(self, commands: bytes, batch: _ReadBatch) -> bool:
        connection = self._server.reads.next()
        if connection is None:
            return False
        connection.send(commands, batch)
        return True

    def on_replies(self, batch: Batch, replies: list[Reply], now_seconds: float) -> None:
        """See `Receiver`."""
        if not isinstance(batch, _ReadBatch):
            return
        if batch.answered == 0:
            batch.value = replies[0]
        if batch.answered + len(replies) < batch.count:
            return
        value = batch.value
        if batch.question is None or batch.ticket is None:
            value = _filled(batch.missing, value)
        elif not self._writer.is_overtaken(batch.tenant, batch.ticket) and self._is_report(batch.question, value):
            self._copy(batch.tenant, batch.question, value, replies[-1])
        self.answered += value is not None
        batch.answered_by(value, now_seconds)

    def _is_report(self, question: "int | Novel", value: Reply) -> bool:
        return self._blocks.encoding(question).envelope(value) is not None

    def _copy(self, tenant: int, question: "int | Novel", value: Reply, ttl_ms: Reply) -> None:
        if not isinstance(ttl_ms, int) or ttl_ms <= 0 or self._router.holds(tenant):
            return
        # Never over something newer.
        blocks = self._blocks
        key, spare = blocks.key(question), blocks.spare_key(question)
        command, count = blocks.encoding(question).add_command(key, value, ttl_ms, spare)
        if self._router.writes_of(tenant).write_for(tenant, command, _CopyBatch(self, count)):
            self.copied += 1

    def on_lost(self, batch: Batch, now_seconds: float) -> None:
        """See `Receiver`."""
        if isinstance(batch, _ReadBatch):
            batch.answered_by(None, monotonic())


def _filled(missing: list[Any], found: Reply) -> Reply:
    if not isinstance(found, list):
        return found
    return [there if here is None else here for here, there in zip(missing, found, strict=True)]
