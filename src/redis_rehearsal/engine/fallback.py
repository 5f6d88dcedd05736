"""Reads that miss on the target and are answered by the source, which the target then gets a copy of."""

import abc
from collections.abc import Callable
from typing import Any

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import COMPUTED_AT
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.engine.cache_writer import CacheWriter, Ticket
from redis_rehearsal.engine.questions import Novel, QueryBlocks

Answered = Callable[[Reply, float], None]
"""Takes what the source has in place of what was missing, and when it came; None where it has nothing either.

Of counters, whatever is not a list is no answer: an error of the source's, or None where its connection was lost.
"""


class _ReadBatch(Batch):
    """A read of the source.

    Args:
        answered_by: takes what it has.
        count: how many commands it has; the first one reads.
    """

    __slots__ = ("_answered_by", "value")
    operation = "read"

    def __init__(self, answered_by: Answered, count: int) -> None:
        super().__init__(count)
        self._answered_by = answered_by
        self.value: Reply = None

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        if self.answered == 0:
            self.value = replies[0]
        if self.answered + len(replies) == self.count:
            self._answered_by(self.on_whole(replies[-1]), now_seconds)

    @abc.abstractmethod
    def on_whole(self, last: Reply) -> Reply:
        """All has come, with a last reply; returns what is the answer."""

    def on_lost(self, now_seconds: float) -> None:
        self._answered_by(None, now_seconds)


class _ReportBatch(_ReadBatch):
    """A read of a report and of its time to live."""

    __slots__ = ("fallback", "question", "tenant", "ticket")

    def __init__(
        self, fallback: "Fallback", tenant: int, ticket: Ticket, question: int | Novel, answered_by: Answered
    ) -> None:
        super().__init__(answered_by, 2)
        self.fallback = fallback
        self.tenant = tenant
        self.ticket = ticket
        self.question = question

    def on_whole(self, last: Reply) -> Reply:
        self.fallback.copy(self, last)
        return self.value


class _CountersBatch(_ReadBatch):
    """A read of counters of which some were missing."""

    __slots__ = ("missing",)

    def __init__(self, missing: list[Any], answered_by: Answered) -> None:
        super().__init__(answered_by, 1)
        self.missing = missing

    def on_whole(self, last: Reply) -> Reply:
        if not isinstance(last, list):
            return last
        return [there if here is None else here for here, there in zip(self.missing, last, strict=True)]


class Fallback:
    """Asks the source for what the target does not have.

    Args:
        server: the source.
        router: where copies go.
        blocks: knows the keys of questions.
        writer: knows what was deleted.
    """

    def __init__(self, server: Server, router: Router, blocks: QueryBlocks, writer: CacheWriter) -> None:
        self._server = server
        self._router = router
        self._blocks = blocks
        self._writer = writer

    def ask_report(self, tenant: int, question: int | Novel, command: bytes, answered_by: Answered) -> bool:
        """Ask for a report; False while there is no connection."""
        batch = _ReportBatch(self, tenant, self._writer.ticket(tenant), question, answered_by)
        return self._send(command + pack("PTTL", self._blocks.key(question)), batch)

    def ask_counters(self, command: bytes, missing: list[Any], answered_by: Answered) -> bool:
        """Ask for the counters that a real-time read did not find; False while there is no connection."""
        return self._send(command, _CountersBatch(missing, answered_by))

    def _send(self, commands: bytes, batch: _ReadBatch) -> bool:
        connection = self._server.reads.next()
        if connection is None:
            return False
        connection.send(commands, batch)
        return True

    def copy(self, batch: _ReportBatch, ttl_ms: Reply) -> None:
        """Copy a report to the target, with what is left of its time to live, unless it was deleted since."""
        tenant, question, blocks = batch.tenant, batch.question, self._blocks
        encoding = blocks.encoding(question)
        envelope = encoding.envelope(batch.value)
        if self._writer.is_overtaken(tenant, batch.ticket) or envelope is None:
            return
        # The source may have been asked before a deletion got there that had been sent before.
        obsolete = self._writer.obsolete
        if obsolete.is_deleting(tenant) or obsolete.is_deleted(question, envelope[COMPUTED_AT]):
            return
        if not isinstance(ttl_ms, int) or ttl_ms <= 0 or self._router.holds(tenant):
            return
        # Never over something newer.
        command, count = encoding.add_command(blocks.key(question), batch.value, ttl_ms, blocks.spare_key(question))
        self._writer.copy(tenant, command, count)
