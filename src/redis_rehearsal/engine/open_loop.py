"""One kind of operation, driven by its schedule whether or not earlier ones were answered."""

from collections import deque
from collections.abc import Callable
from typing import Generic

from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.pacer import BlockT, Pacer
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.errors import AccountingError


class OpenLoop(Generic[BlockT]):
    """Hands due operations to a sender, up to a number in flight; the rest waits in turn, up to a limit.

    Args:
        name: of the kind of operation, for errors.
        pacer: the schedule; None for a rate of zero.
        send: sends the operations of a block from a start to a stop.
        recorder: keeps the tallies.
        limit: most operations that are sent and not answered.
        queue_limit: most operations that wait; what is due beyond is shed.

    Attributes:
        sent: operations that are sent and not answered; the sender adds, `release` subtracts.
        waiting: operations that are due and not sent.
        until_seconds: nothing that is due later is handed out.
        frozen: whether what is due must wait; it stays due, and its wait is in its response time.
    """

    def __init__(
        self,
        name: str,
        pacer: Pacer[BlockT] | None,
        send: Callable[[BlockT, int, int], None],
        recorder: Recorder,
        limit: int,
        queue_limit: int,
    ) -> None:
        self.name = name
        self.pacer = pacer
        self.recorder = recorder
        self.sent = 0
        self.waiting = 0
        self.until_seconds = float("inf")
        self.frozen = False
        self._send = send
        self._limit = limit
        self._queue_limit = queue_limit
        self._backlog: deque[tuple[BlockT, int, int]] = deque()

    @property
    def next_seconds(self) -> float:
        """When the next operation is due; infinity where none will be."""
        if self.pacer is None:
            return float("inf")
        at = self.pacer.next_seconds
        return at if at <= self.until_seconds else float("inf")

    def tick(self, now_seconds: float) -> list[tuple[BlockT, int, int]]:
        """Send what is due.

        Returns:
            The ranges of blocks that became due, also those that had to wait or were shed.
        """
        if self.pacer is None:
            return []
        due = self.pacer.take(min(now_seconds, self.until_seconds))
        for block, start, stop in due:
            self.recorder.offer(block.intended[start:stop])
            if self._backlog or self.frozen or self.sent + stop - start > self._limit:
                self._queue(block, start, stop, now_seconds)
            else:
                self._send(block, start, stop)
        if self._backlog and not self.frozen:
            self._drain()
        return due

    def release(self, count: int) -> None:
        """Operations were answered; others may go."""
        self.sent -= count
        if self._backlog and not self.frozen:
            self._drain()

    def thaw(self) -> None:
        """Send what waited while it was frozen."""
        self.frozen = False
        self._drain()

    def give_up(self, now_seconds: float) -> None:
        """Shed all that still waits: the run ends."""
        while self._backlog:
            block, start, stop = self._backlog.popleft()
            self.recorder.record(Outcome.SHED, block.intended[start:stop], now_seconds, now_seconds)
        self.waiting = 0

    def check(self) -> None:
        """See that the books add up.

        Raises:
            AccountingError: they do not.
        """
        recorder = self.recorder
        if recorder.offered != recorder.ended + self.sent + self.waiting:
            raise AccountingError(
                f"The generator lost count of its {self.name}: {recorder.offered} were offered, but "
                f"{recorder.ended} ended, {self.sent} are sent and {self.waiting} wait."
            )

    def _queue(self, block: BlockT, start: int, stop: int, now_seconds: float) -> None:
        # Those that fit into flight right now will leave the queue in this very tick.
        room = self._queue_limit + max(0, self._limit - self.sent) - self.waiting
        kept = start + max(0, min(stop - start, room))
        if kept < stop:
            self.recorder.record(Outcome.SHED, block.intended[kept:stop], now_seconds, now_seconds)
        if kept > start:
            self._backlog.append((block, start, kept))
            self.waiting += kept - start

    def _drain(self) -> None:
        while self._backlog and self.sent < self._limit:
            block, start, stop = self._backlog[0]
            end = min(stop, start + self._limit - self.sent)
            if end == stop:
                self._backlog.popleft()
            else:
                self._backlog[0] = (block, end, stop)
            self.waiting -= end - start
            self._send(block, start, end)
