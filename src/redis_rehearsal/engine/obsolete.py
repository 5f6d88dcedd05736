"""Reports that were deleted and must not be served any more, as far as that is sure.

All writes of a tenant to a server go over one connection, in order. What is not in order is what was sent over another
connection before connections changed: of a tenant with such a store, nothing is claimed.
"""

from collections.abc import Iterable
from typing import Final

from redis_rehearsal.cache.encodings.base import milliseconds
from redis_rehearsal.cache.wire import Batch
from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.engine.proven import ProvenReplies
from redis_rehearsal.engine.questions import Novel

_NOT_DELETED: Final = (b"", b"", 0.0)


class Deletion:
    """The deletion of a tenant's reports, on each server that is to do it.

    Args:
        tenant: whose reports they are.
        questions: that the reports answer.
        servers: how many are to do it.

    Attributes:
        tenant: the same.
        questions: the same.
        sent_seconds: when it was sent, on the monotonic clock.
        unsure_seconds: what was stored before then may have come after it; None where nothing may.
        awaited: how many servers have not answered.
        is_acknowledged: whether the one that takes the tenant's writes has done it.
    """

    __slots__ = ("awaited", "is_acknowledged", "questions", "sent_seconds", "tenant", "unsure_seconds")

    def __init__(self, tenant: int, questions: list[int], servers: int) -> None:
        self.tenant = tenant
        self.questions = questions
        self.sent_seconds = monotonic()
        self.unsure_seconds: float | None = None
        self.awaited = servers
        self.is_acknowledged = False


class ObsoleteReports:
    """Which reports must not be served any more.

    Args:
        clock: the run's time of day.
        proven: replies that are right until they are deleted.

    Attributes:
        reports: for the question of each report whose deletion was acknowledged: the computation times between which a
            report must not be served any more, as in an envelope, and when the last server had answered.
    """

    def __init__(self, clock: WallClock, proven: ProvenReplies) -> None:
        self._clock = clock
        self._proven = proven
        self._storing: dict[int, list[Batch]] = {}
        self._unsure_seconds: dict[int, float] = {}
        self._last: dict[int, Deletion] = {}
        self.reports: dict[int | Novel, tuple[bytes, bytes, float]] = {}

    def storing(self, tenant: int, batch: Batch) -> None:
        """A report of a tenant is on its way to a server."""
        self._storing.setdefault(tenant, []).append(batch)

    def settled(self, tenant: int, batch: Batch, *, is_sure: bool) -> None:
        """It was stored, or surely was not; else the server may still store it."""
        self._storing[tenant].remove(batch)
        if not is_sure:
            self._unsure_seconds[tenant] = monotonic()

    def begin(self, tenant: int, questions: list[int], servers: int) -> Deletion:
        """Reports of a tenant are to be deleted on so many servers."""
        deletion = self._last[tenant] = Deletion(tenant, questions, servers)
        return deletion

    def sent(self, deletion: Deletion, batches: Iterable[Batch]) -> None:
        """A deletion was sent in these batches: what is on its way over other connections may overtake it, or not."""
        deletion.unsure_seconds = self._unsure_seconds.get(deletion.tenant)
        if storing := self._storing.get(deletion.tenant):
            used = {batch.connection for batch in batches}
            if any(batch.connection not in used for batch in storing):
                deletion.unsure_seconds = deletion.sent_seconds

    def answered(self, deletion: Deletion) -> None:
        """A server has answered a deletion, or never will; once all have, what was deleted is obsolete from now on."""
        deletion.awaited -= 1
        if deletion.awaited or not deletion.is_acknowledged:
            return
        unsure = deletion.unsure_seconds
        low = b"" if unsure is None else milliseconds(self._clock.at(unsure) + 0.001)
        high = milliseconds(self._clock.at(deletion.sent_seconds) - 0.001)
        now = monotonic()
        for question in deletion.questions:
            self.reports[question] = (low, high, now)
            self._proven.forget(question)

    def is_deleting(self, tenant: int) -> bool:
        """Whether a server that is to delete a tenant's reports has not answered."""
        deletion = self._last.get(tenant)
        return deletion is not None and deletion.awaited > 0

    def is_deleted(self, question: int | Novel, computed: bytes) -> bool:
        """Whether a report with that time of computation, as in an envelope, was deleted."""
        low, high, _ = self.reports.get(question, _NOT_DELETED)
        return low < computed < high

    def is_resurrected(self, question: int | Novel, computed: bytes, written_seconds: float) -> bool:
        """Whether a report with that time of computation should have been gone for a read.

        Args:
            question: that it answers.
            computed: its time, as in an envelope.
            written_seconds: when the read was written.
        """
        return self.is_deleted(question, computed) and written_seconds > self.reports[question][2]
