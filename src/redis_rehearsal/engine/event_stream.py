"""Events: each is one INCR in Redis and one row in PostgreSQL, whatever becomes of the INCR."""

from bisect import bisect_left
from typing import Final

import hiredis
import numpy as np

from redis_rehearsal.cache.refusals import SURELY_NOT_APPLIED, code_of
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import NO_STANDSTILL, Standstill, WallClock, monotonic
from redis_rehearsal.database.ports import EventWriter
from redis_rehearsal.database.rows import EventRows
from redis_rehearsal.engine.attribution import Attribution
from redis_rehearsal.engine.cache_writer import CacheWriter
from redis_rehearsal.engine.counts import EventCounts
from redis_rehearsal.engine.expiries import Expiries
from redis_rehearsal.engine.increments import IncrementBlock, IncrementBlocks
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.live_writes import LiveWrites
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch
from redis_rehearsal.engine.open_loop import OpenLoop
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.waiting import Waiting

ACTIVE_SECONDS: Final = 60.0
"""An organisation is active for this long after an event."""


class _IncrementBatch(Batch):
    """Increments that were written together to one server; `again` where it was not for the first time."""

    __slots__ = ("again", "block", "events", "first", "server")
    operation = "increment"

    def __init__(
        self, events: "EventDriver", server: Server, block: IncrementBlock, start: int, stop: int, *, again: bool
    ) -> None:
        super().__init__(stop - start)
        self.events = events
        self.server = server
        self.block = block
        self.first = start
        self.again = again

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self.events.on_replies(self, replies, now_seconds)

    def on_lost(self, now_seconds: float) -> None:
        self.events.on_lost(self, now_seconds)


class EventDriver:
    """The events of a worker.

    Args:
        blocks: knows the events' commands.
        router: the connections.
        ledger: is kept.
        recorder: keeps the tallies.
        writer: deletes the reports that an event makes obsolete.
        rows: takes the rows.
        first_id: of the rows of this worker.
        id_step: between the rows of this worker.
        bucket_seconds: length of a time bucket.
        buckets_kept: see TIME_BUCKETS.
        timeout_seconds: how long a refused increment is sent again.
        live: keeps live structures too.
        attribution: learns which connection acknowledged what.
        mirror: is told of tenants of which a write did not reach the second server.
        max_in_flight: most events that are sent and not answered.
        max_queued: most events that wait.

    Attributes:
        loop: the open loop that drives it.
        blocks: the same.
        counts: of events.
        live: the same.
        expiries: of the counters.
    """

    def __init__(
        self,
        blocks: IncrementBlocks,
        router: Router,
        ledger: Ledger,
        recorder: Recorder,
        writer: CacheWriter,
        rows: EventWriter,
        *,
        first_id: int,
        id_step: int,
        clock: WallClock,
        bucket_seconds: int,
        buckets_kept: int,
        timeout_seconds: float,
        live: LiveWrites,
        attribution: Attribution,
        mirror: Mirror,
        max_in_flight: int,
        max_queued: int,
    ) -> None:
        self.loop: OpenLoop[IncrementBlock] = OpenLoop("events", None, self.send, recorder, max_in_flight, max_queued)
        self.live = live
        self._mirror = mirror
        self._attribution = attribution
        self.blocks = blocks
        self._router = router
        self._ledger = ledger
        self._recorder = recorder
        self._writer = writer
        self._rows = rows
        self._timeout_seconds = timeout_seconds
        self._next_id = first_id
        self._id_step = id_step
        self._clock = clock
        self._bucket_seconds = bucket_seconds
        self.expiries = Expiries(router, bucket_seconds, buckets_kept, ledger, mirror)
        self._unwritten: list[tuple[IncrementBlock, int, int]] = []
        self.counts = EventCounts()
        self._last_event_seconds = np.full(len(blocks.organization_array()), -np.inf)
        self._later = Waiting()

    @property
    def waiting_tenants(self) -> set[int]:
        """Tenants whose increments wait to be sent, because they are held or were refused."""
        return self._later.tenants

    def tick(self, now_seconds: float) -> None:
        """Send what is due, and remember it for its rows."""
        if self._later.count:
            self._send_later(now_seconds)
        for block, start, stop in self.loop.tick(now_seconds):
            if self._unwritten and self._unwritten[-1][0] is block:
                self._unwritten[-1] = (block, self._unwritten[-1][1], stop)
            else:
                self._unwritten.append((block, start, stop))

    def flush_rows(self) -> None:
        """Hand the rows of all events that were due to the writer."""
        organizations = self.blocks.organization_array()
        for block, start, stop in self._unwritten:
            drawn, count = block.drawn, stop - start
            ids = self._next_id + self._id_step * np.arange(count, dtype=np.int64)
            self._next_id += self._id_step * count
            types = drawn.types[start:stop]
            self._last_event_seconds[drawn.tenants[start:stop]] = block.intended[stop - 1]
            for kind, due in enumerate(np.bincount(types).tolist()):
                self.counts.by_type[kind] += due
            self._rows.append(
                EventRows(
                    ids=ids,
                    organizations=organizations[drawn.tenants[start:stop]],
                    users=drawn.users[start:stop],
                    types=types,
                    pages=drawn.pages[start:stop],
                    occurred_seconds=block.occurred_seconds[start:stop],
                )
            )
        self._unwritten.clear()

    def count_active(self, now_seconds: float) -> int:
        """How many organisations had an event in the last `ACTIVE_SECONDS`."""
        return int(np.count_nonzero(self._last_event_seconds > now_seconds - ACTIVE_SECONDS))

    def send(self, block: IncrementBlock, start: int, stop: int) -> None:
        """Write the block's increments from `start` to `stop` on one connection of each server that takes some."""
        # Entered before the commands can leave, so that the ledger never knows too little.
        sent = self._ledger.sent
        for place in block.places[start:stop]:
            sent[place] += 1
        self.loop.sent += stop - start
        self._route(block, start, stop, again=False)
        invalidating = block.invalidating
        index = bisect_left(invalidating, start)
        while index < len(invalidating) and invalidating[index] < stop:
            self._writer.invalidate(int(block.drawn.tenants[invalidating[index]]))
            index += 1

    def _route(self, block: IncrementBlock, start: int, stop: int, *, again: bool) -> None:
        router = self._router
        server = router.write_server
        if router.held:
            held = [p for p in range(start, stop) if int(block.drawn.tenants[p]) in router.held]
            if held:
                kept_back = set(held)
                self._later.hold(block.chosen(held), again=again)
                block = block.chosen([p for p in range(start, stop) if p not in kept_back])
                start, stop = 0, len(block.intended)
                if start == stop:
                    return
        if server is not None:
            self._send_to(server, router.mirror_server, block, start, stop, again=again)
            return
        by_servers: dict[tuple[Server, Server | None], list[int]] = {}
        for position in range(start, stop):
            tenant = int(block.drawn.tenants[position])
            by_servers.setdefault((router.writes_of(tenant), router.mirror_of(tenant)), []).append(position)
        for (server, mirror), positions in by_servers.items():
            self._send_to(server, mirror, block.chosen(positions), 0, len(positions), again=again)

    def _send_to(
        self, server: Server, mirror: Server | None, block: IncrementBlock, start: int, stop: int, *, again: bool
    ) -> None:
        commands = b"".join(block.commands[start:stop])
        if mirror is not None and not again:
            tenants = block.drawn.tenants[start:stop].tolist()
            mirrored = MirroredBatch(self._mirror, "increment", tenants, self._note_mirrored)
            self._mirror.send(mirror.write, commands, mirrored)
        sent = server.write(commands, _IncrementBatch(self, server, block, start, stop, again=again))
        if not again:
            self.live.send(server, mirror, block, start, stop)
        if sent:
            return
        now = monotonic()
        if mirror is not None:
            # Only the mirror has them.
            self._mirror.missed(block.drawn.tenants[start:stop].tolist())
        failed = self._ledger.failed
        for place in block.places[start:stop]:
            failed[place] += 1
        self._recorder.record(Outcome.FAILED, block.intended[start:stop], now, now)
        self.counts.failures["no connection"] += stop - start
        # Not by `release`, which would send what waits, and come here again.
        self.loop.sent -= stop - start

    def _note_mirrored(self, outcome: str) -> None:
        self.counts.mirrored[outcome] += 1

    def tend(self, now_seconds: float, still: Standstill = NO_STANDSTILL) -> None:
        """Send again what waits, and fail what has waited for too long; also where no tick comes any more.

        Args:
            now_seconds: on the monotonic clock.
            still: when this process last stood still; that time does not count.
        """
        if self._later.count:
            before = now_seconds - self._timeout_seconds
            self._fail_overdue(now_seconds, before - still.since(before))
            self._send_later(now_seconds)

    def _send_later(self, now_seconds: float) -> None:
        if self.loop.frozen:
            return
        for block, again in self._later.take(now_seconds, self._router.write_server):
            self._route(block, 0, len(block.intended), again=again)

    def _fail_overdue(self, now_seconds: float, due_before_seconds: float) -> None:
        for block, code in self._later.take_overdue(due_before_seconds):
            count = len(block.intended)
            for place in block.places:
                self._ledger.failed[place] += 1
            self._recorder.record(Outcome.FAILED, block.intended, now_seconds, now_seconds)
            self.counts.failures[code] += count
            self.loop.sent -= count
            self._mirror.alone(block.drawn.tenants[:count].tolist())

    def on_replies(self, batch: _IncrementBatch, replies: list[Reply], now_seconds: float) -> None:
        """Account for what was acknowledged, and for what was not."""
        block = batch.block
        first = batch.first + batch.answered
        stop = first + len(replies)
        acknowledged, expiries = self._ledger.acknowledged, self.expiries
        refused: list[int] = []
        bucket = int(self._clock.at(block.intended[first]) // self._bucket_seconds)
        last_bucket = int(self._clock.at(block.intended[stop - 1]) // self._bucket_seconds)
        for position, (place, reply) in enumerate(zip(block.places[first:stop], replies, strict=True), first):
            if reply.__class__ is int:
                acknowledged[place] += 1
                if bucket != last_bucket:
                    bucket = int(self._clock.at(block.intended[position]) // self._bucket_seconds)
                # A counter that begins at 1 was just made, also where a server lost the earlier one.
                if reply == 1 or not expiries.is_set(place, bucket):
                    expiries.set(place, bucket, block.commands[position])
            else:
                refused.append(position)
        if self._router.truth_server is not batch.server:
            self._note_stranded(batch, first, replies)
        else:
            not_ok = set(refused)
            places = (
                block.places[first:stop]
                if not refused
                else [place for position, place in enumerate(block.places[first:stop], first) if position not in not_ok]
            )
            self._attribution.acknowledged(
                batch.server.role, batch.connection, batch.written_seconds, now_seconds, self._ledger, places
            )
        if not refused:
            self._recorder.record(Outcome.OK, block.intended[first:stop], batch.written_seconds, now_seconds)
            self._later.is_taken_by(batch.server)
            if batch.again:
                # What was sent again did not go to the mirror again: it may have it or not.
                self._mirror.alone(block.drawn.tenants[first:stop].tolist())
            self.loop.release(stop - first)
        else:
            held = self._on_refused(batch, first, replies, refused, now_seconds)
            self.loop.release(stop - first - held)

    def _note_stranded(self, batch: _IncrementBatch, first: int, replies: list[Reply]) -> None:
        block = batch.block
        for position, reply in enumerate(replies, first):
            truth = self._router.truth_of(int(block.drawn.tenants[position]))
            if reply.__class__ is int and truth is not batch.server:
                self._ledger.stranded[block.places[position]] += 1

    def _on_refused(
        self,
        batch: _IncrementBatch,
        first: int,
        replies: list[Reply],
        refused: list[int],
        now_seconds: float,
    ) -> int:
        """Account for what was not acknowledged; returns how many are kept to be sent again."""
        block, written = batch.block, batch.written_seconds
        not_ok = set(refused)
        ok = [at for i, at in enumerate(block.intended[first : first + len(replies)], first) if i not in not_ok]
        if ok:
            self._recorder.record(Outcome.OK, ok, written, now_seconds)
        unknown: list[int] = []
        again: dict[str, list[int]] = {}
        for position in refused:
            reply = replies[position - first]
            code = code_of(reply) if isinstance(reply, hiredis.ReplyError) else "unexpected reply"
            if code in SURELY_NOT_APPLIED:
                again.setdefault(code, []).append(position)
            else:
                # Who answers that may have applied it all the same.
                self._ledger.unknown[block.places[position]] += 1
                unknown.append(position)
                self.counts.failures[code] += 1
        for code, positions in again.items():
            self._mirror.alone(block.drawn.tenants[positions].tolist())
            self._later.refuse(block.chosen(positions), code, batch.server, again=batch.again)
        kept = sum(map(len, again.values()))
        self.counts.redirected += 0 if batch.again else kept
        if unknown:
            self._mirror.alone(block.drawn.tenants[unknown].tolist())
            self._recorder.record(Outcome.UNKNOWN, [block.intended[p] for p in unknown], written, now_seconds)
        return kept

    def on_lost(self, batch: _IncrementBatch, now_seconds: float) -> None:
        """Account for what a server may have applied or not."""
        self._mirror.alone(batch.block.drawn.tenants[batch.first + batch.answered : batch.first + batch.count].tolist())
        lost = batch.block.intended[batch.first + batch.answered : batch.first + batch.count]
        for place in batch.block.places[batch.first + batch.answered : batch.first + batch.count]:
            self._ledger.unknown[place] += 1
        self._recorder.record(Outcome.UNKNOWN, lost, batch.written_seconds, now_seconds)
        self.counts.failures["connection lost"] += len(lost)
        self.loop.release(len(lost))
