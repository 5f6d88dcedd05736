"""Queries: read the cache; what it does not have is asked of the database (`misses.py`)."""

import random
from bisect import bisect_left
from typing import Any, Final, cast

import hiredis

from redis_rehearsal.cache.encodings import ENCODINGS, Encoding
from redis_rehearsal.cache.encodings.base import COMPUTED_AT, EXPIRES_AT, milliseconds
from redis_rehearsal.cache.refusals import code_of
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.engine.cache_writer import CacheWriter
from redis_rehearsal.engine.counts import QueryCounts
from redis_rehearsal.engine.fallback import Fallback
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.misses import Misses
from redis_rehearsal.engine.open_loop import OpenLoop
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.proven import ProvenReplies
from redis_rehearsal.engine.questions import Novel, QueryBlock, QueryBlocks
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.queries import SLOTS

_TYPES: Final = len(EVENT_TYPES)
_SLOTS: Final = len(SLOTS)
_NO_FLOORS: Final = [0] * _TYPES

_STRING: Final = ENCODINGS["string"]


class _QueryBatch(Batch):
    """Reads that were written together; `floors` is what the counters of real-time reads must reach."""

    __slots__ = ("block", "first", "floors", "queries")
    operation = "read"

    def __init__(self, queries: "CacheAside", block: QueryBlock, start: int, stop: int) -> None:
        super().__init__(stop - start)
        self.queries = queries
        self.block = block
        self.first = start
        self.floors: dict[int, list[int]] = {}

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self.queries.on_replies(self, replies, now_seconds)

    def on_lost(self, now_seconds: float) -> None:
        self.queries.on_lost(self, now_seconds)


class CacheAside:
    """The queries of a worker.

    Args:
        blocks: knows the questions.
        router: the connections.
        writer: fills the cache.
        misses: answers what the cache does not have.
        proven: replies that are known to be right.
        ledger: what the servers acknowledged, against which real-time reads are checked.
        recorder: keeps the tallies.
        clock: the run's time of day.
        counts: of queries.
        timeout_seconds: of a query.
        buckets_kept: see TIME_BUCKETS.
        bucket_seconds: length of a time bucket.
        sample_rate: share of replies that are checked.
        seed: of what is left to chance.
        max_in_flight: most queries that are sent and not answered.
        max_queued: most queries that wait.

    Attributes:
        loop: the open loop that drives it.
        blocks: the same.
        counts: the same.
    """

    def __init__(
        self,
        blocks: QueryBlocks,
        router: Router,
        writer: CacheWriter,
        misses: Misses,
        proven: ProvenReplies,
        ledger: Ledger,
        recorder: Recorder,
        clock: WallClock,
        counts: QueryCounts,
        *,
        timeout_seconds: float,
        buckets_kept: int,
        bucket_seconds: int,
        sample_rate: float,
        seed: int,
        max_in_flight: int,
        max_queued: int,
    ) -> None:
        self.blocks = blocks
        self._router = router
        self._writer = writer
        self._misses = misses
        self._ledger = ledger
        self._recorder = recorder
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._counter_life_seconds = buckets_kept * bucket_seconds
        self._sample_rate = sample_rate
        self._sampling = random.Random(seed)  # noqa: S311 # not for secrets
        self._floor_bucket = -1
        self._floor_at_zero = True
        self._fallback: Fallback | None = None
        self._proven = proven
        self.counts = counts
        self.loop: OpenLoop[QueryBlock] = OpenLoop("queries", None, self.send, recorder, max_in_flight, max_queued)

    def send(self, block: QueryBlock, start: int, stop: int) -> None:
        """Write the block's reads from `start` to `stop` on one connection of each server that answers some."""
        self.loop.sent += stop - start
        server = self._router.read_server
        if server is not None:
            self._send_to(server, block, start, stop)
            return
        by_server: dict[Server, list[int]] = {}
        for position in range(start, stop):
            tenant = self.blocks.split(block.questions[position])[0]
            by_server.setdefault(self._router.reads_of(tenant), []).append(position)
        for server, positions in by_server.items():
            self._send_to(server, block.chosen(positions), 0, len(positions))

    def set_fallback(self, server: Server | None) -> None:
        """From now on a server answers reads that find nothing where reads go; None for none."""
        self._fallback = None if server is None else Fallback(server, self._router, self.blocks, self._writer)
        # What is deleted must not be found there either.
        self._writer.also_delete_on = server

    def _send_to(self, server: Server, block: QueryBlock, start: int, stop: int) -> None:
        connection = server.reads.next()
        if connection is None:
            # Not by `release`, which would send what waits, and come here again.
            self.loop.sent -= stop - start
            now = monotonic()
            self._recorder.record(Outcome.FAILED, block.intended[start:stop], now, now)
            self.counts.failures["no connection"] += stop - start
            return
        batch = _QueryBatch(self, block, start, stop)
        real_time = block.real_time
        for index in range(bisect_left(real_time, start), bisect_left(real_time, stop)):
            position = real_time[index]
            batch.floors[position] = self._floors(block.questions[position], block.buckets[index])
        connection.send(b"".join(block.commands[start:stop]), batch)

    def _floors(self, question: int | Novel, bucket: int) -> list[int]:
        # Taken before the read is written: what is acknowledged by now, the read must see.
        ledger = self._ledger
        if not ledger.has(bucket):
            return _NO_FLOORS
        start = ledger.place(bucket) + question // _SLOTS * _TYPES  # type: ignore[operator]  # a standing one
        floors: list[int] = ledger.acknowledged[start : start + _TYPES].tolist()
        if bucket != self._floor_bucket:
            self._floor_bucket, self._floor_at_zero = bucket, ledger.begins_at_zero(bucket)
        if not self._floor_at_zero:
            baseline = ledger.baseline[start : start + _TYPES].tolist()
            return [max(0, b) + a for b, a in zip(baseline, floors, strict=True)]
        return floors

    def on_replies(self, batch: _QueryBatch, replies: list[Reply], now_seconds: float) -> None:
        """Check answers and count them; what the cache does not have is asked elsewhere."""
        block = batch.block
        first = batch.first + batch.answered
        stop = first + len(replies)
        checking = self._sample_rate == 1.0 or self._sampling.random() < self._sample_rate
        if checking:
            unproven = self._proven.others(block.questions[first:stop], replies, now_seconds)
            others = self._look_at(batch, first, unproven, replies, now_seconds) if unproven else unproven
        else:
            others = self._without_report(block, first, replies)
        hits = len(replies) - len(others)
        if checking:
            self.counts.checks.reports_checked += hits
        if hits:
            self._count_hits(block, first, len(replies), others)
        if others:
            others = self._without_counters(batch, first, replies, others, now_seconds, checking=checking)
        if not others:
            self._recorder.record(Outcome.OK, block.intended[first:stop], batch.written_seconds, now_seconds)
            self.loop.release(stop - first)
            return
        self._on_others(batch, first, replies, others, now_seconds, checking)

    @staticmethod
    def _without_report(block: QueryBlock, first: int, replies: list[Reply]) -> list[int]:
        """The positions of what is no report by its type."""
        if block.encodings is None:
            return [i for i, reply in enumerate(replies, first) if type(reply) is not bytes]
        encodings = block.encodings
        return [
            i
            for i, reply in enumerate(replies, first)
            if encodings[i] is None or not reply or reply.__class__ is hiredis.ReplyError
        ]

    def _look_at(
        self, batch: _QueryBatch, first: int, places: list[int], replies: list[Reply], now_seconds: float
    ) -> list[int]:
        """Check the reports among replies at some places; returns the positions of what is none."""
        block = batch.block
        encodings = block.encodings
        others: list[int] = []
        for place in places:
            position, reply = first + place, replies[place]
            encoding = _STRING if encodings is None else encodings[position]
            envelope = None
            if encoding is not None and reply and reply.__class__ is not hiredis.ReplyError:
                envelope = encoding.envelope(reply)
            if encoding is None or envelope is None:
                others.append(position)
                continue
            question = block.questions[position]
            self._check(encoding, reply, envelope, question, batch.written_seconds, now_seconds)
        return others

    def _check(
        self,
        encoding: Encoding,
        reply: Reply,
        envelope: bytes,
        question: int | Novel,
        written_seconds: float,
        now_seconds: float,
    ) -> None:
        """Check a report, and keep it where it is right."""
        checks, obsolete = self.counts.checks, self._writer.obsolete
        if not encoding.is_right(reply, self.blocks.expected(question)):
            checks.wrong += 1
        elif envelope[EXPIRES_AT] < milliseconds(self._clock.at(now_seconds) - self._timeout_seconds):
            checks.stale += 1
        elif obsolete.is_resurrected(question, envelope[COMPUTED_AT], written_seconds):
            checks.resurrected += 1
        elif isinstance(question, int) and not obsolete.is_deleted(question, envelope[COMPUTED_AT]):
            # A read that is written later would be answered wrongly by one that was deleted while it was on its way.
            until_seconds = int(envelope[EXPIRES_AT]) / 1000 - self._clock.offset_seconds
            if until_seconds > now_seconds:
                self._proven.add(question, reply, until_seconds)

    def _without_counters(
        self,
        batch: _QueryBatch,
        first: int,
        replies: list[Reply],
        positions: list[int],
        now_seconds: float,
        *,
        checking: bool,
    ) -> list[int]:
        """Check the counters among replies at some positions; returns the positions of what is none, or not all."""
        block, is_stored = batch.block, self.blocks.is_stored
        rest: list[int] = []
        partly_elsewhere = self._fallback is not None
        for position in positions:
            reply = replies[position - first]
            are_counters = type(reply) is list and not is_stored(block.questions[position])
            if not are_counters or (partly_elsewhere and None in reply):  # type: ignore[operator]  # a list
                rest.append(position)
            # A reply that comes this late may be about counters that have expired since.
            elif checking and now_seconds - block.intended[position] < self._counter_life_seconds:
                self._check_counters(cast("list[Any]", reply), batch.floors[position])
        return rest

    def _count_hits(self, block: QueryBlock, first: int, count: int, others: list[int]) -> None:
        tally_of, intended = self._recorder.tally_of, block.intended
        tally = tally_of(intended[first])
        if tally is tally_of(intended[first + count - 1]):
            tally.hits += count - len(others)
            return
        missed = set(others)
        for position in range(first, first + count):
            if position not in missed:
                tally_of(intended[position]).hits += 1

    def _on_others(
        self,
        batch: _QueryBatch,
        first: int,
        replies: list[Reply],
        others: list[int],
        now_seconds: float,
        checking: bool,
    ) -> None:
        block, written = batch.block, batch.written_seconds
        ok = block.intended[first : first + len(replies)]
        failed: list[float] = []
        missing = 0
        for position in reversed(others):
            reply = replies[position - first]
            if self._fallback is not None and self._ask_fallback(batch, position, reply, checking=checking):
                ok.pop(position - first)
                missing += 1
                continue
            intended = ok.pop(position - first)
            if self.blocks.is_stored(block.questions[position]) and _is_miss(reply):
                self._recorder.tally_of(intended).misses += 1
                self.counts.checks.misplaced += reply is not None and reply != []
                missing += 1
                self._misses.add(block.questions[position], (intended, written), self.loop.release)
            else:
                failed.append(intended)
                self.counts.failures[_reason(reply)] += 1
        if ok:
            self._recorder.record(Outcome.OK, ok, written, now_seconds)
        if failed:
            self._recorder.record(Outcome.FAILED, failed, written, now_seconds)
        self.loop.release(len(replies) - missing)

    def _ask_fallback(self, batch: _QueryBatch, position: int, reply: Reply, *, checking: bool) -> bool:
        """Have the source answer what was not found; False where that is left to the database, or there is no need."""
        block, fallback = batch.block, self._fallback
        question = block.questions[position]
        tenant = self.blocks.split(question)[0]
        intended, written = block.intended[position], batch.written_seconds
        if fallback is None:
            return False
        stored = self.blocks.is_stored(question)
        if not stored and type(reply) is list and None in reply:

            def counters(values: Reply, now_seconds: float) -> None:
                if isinstance(values, list):
                    if checking and now_seconds - intended < self._counter_life_seconds:
                        self._check_counters(values, batch.floors[position])
                    self._recorder.record(Outcome.OK, [intended], written, now_seconds)
                else:
                    # What the target does not have yet is no answer either.
                    self._recorder.record(Outcome.FAILED, [intended], written, now_seconds)
                    self.counts.failures["connection lost" if values is None else _reason(values)] += 1
                self.loop.release(1)

            if not fallback.ask_counters(block.commands[position], reply, counters):
                counters(None, monotonic())
            return True
        if stored and not reply:
            encoding = self.blocks.encoding(question)

            def report(value: Reply, now_seconds: float) -> None:
                envelope = encoding.envelope(value)
                if envelope is None:
                    self._recorder.tally_of(intended).misses += 1
                    self._misses.add(question, (intended, written), self.loop.release)
                    return
                self._recorder.tally_of(intended).hits += 1
                if checking:
                    # As of those that came at once.
                    self.counts.checks.reports_checked += 1
                    self._check(encoding, value, envelope, question, batch.written_seconds, now_seconds)
                self._recorder.record(Outcome.OK, [intended], written, now_seconds)
                self.loop.release(1)

            return fallback.ask_report(tenant, question, block.commands[position], report)
        return False

    def _check_counters(self, values: list[Any], floors: list[int]) -> None:
        self.counts.checks.counters_checked += 1
        try:
            for value, floor in zip(values, floors, strict=True):
                if floor and (value is None or int(value) < floor):
                    self.counts.checks.counter_regressions += 1
        except ValueError:
            self.counts.checks.wrong += 1

    def on_lost(self, batch: _QueryBatch, now_seconds: float) -> None:
        """Fail what has no answer."""
        lost = batch.block.intended[batch.first + batch.answered : batch.first + batch.count]
        self._recorder.record(Outcome.FAILED, lost, batch.written_seconds, now_seconds)
        self.counts.failures["connection lost"] += len(lost)
        self.loop.release(len(lost))


def _is_miss(reply: Reply) -> bool:
    """Whether a read found no report: nothing, or something that is none, which is then replaced."""
    if not isinstance(reply, hiredis.ReplyError):
        return True
    # The JSON module words it in its own way.
    return str(reply).startswith(("WRONGTYPE", "Existing key has wrong"))


def _reason(reply: Reply) -> str:
    if isinstance(reply, hiredis.ReplyError):
        return code_of(reply)
    return "unexpected reply"
