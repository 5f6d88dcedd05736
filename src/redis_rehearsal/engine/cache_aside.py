"""Queries: read the cache; what it does not have is asked of the database (`misses.py`)."""

import random
from bisect import bisect_left
from typing import Any, Final
from zlib import crc32

import hiredis

from redis_rehearsal.cache.encodings import ENCODINGS, Encoding
from redis_rehearsal.cache.encodings.base import EXPIRES_AT, IDENTITY_START, RESIDUE, milliseconds
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
from redis_rehearsal.engine.questions import Novel, QueryBlock, QueryBlocks
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.queries import SLOTS

_TYPES: Final = len(EVENT_TYPES)
_SLOTS: Final = len(SLOTS)
_NO_FLOORS: Final = [0] * _TYPES
_RESIDUE: Final = RESIDUE
_IDENTITY_START: Final = IDENTITY_START

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
        self._whole: dict[bytes, tuple[Any, bytes]] = {}
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
        checks, writer = self.counts.checks, self._writer
        others: list[int] = []
        if block.encodings is not None:
            others = self._look_at_any(batch, first, replies, now_seconds, checking=checking)
        elif checking:
            oldest = milliseconds(self._clock.at(now_seconds) - self._timeout_seconds)
            obsolete = writer.obsolete
            position = first
            # Nothing is called here that can be written out: this is the one loop over all hits.
            for identity, reply in zip(block.identities[first:stop], replies, strict=True):
                if type(reply) is not bytes:
                    others.append(position)
                elif crc32(reply) != _RESIDUE or not reply.startswith(identity, _IDENTITY_START):
                    if _STRING.envelope(reply) is None:
                        others.append(position)
                    else:
                        checks.wrong += 1
                elif reply[14:27] < oldest:
                    checks.stale += 1
                elif identity in obsolete and writer.is_resurrected(
                    identity,
                    reply[:13],
                    batch.written_seconds,
                ):
                    checks.resurrected += 1
                position += 1
        else:
            others = [i for i, reply in enumerate(replies, first) if type(reply) is not bytes]
        hits = len(replies) - len(others)
        if checking:
            checks.reports_checked += hits
        if hits:
            self._count_hits(block, first, len(replies), others)
        if not others:
            self._recorder.record(Outcome.OK, block.intended[first:stop], batch.written_seconds, now_seconds)
            self.loop.release(stop - first)
            return
        self._on_others(batch, first, replies, others, now_seconds, checking)

    def _look_at_any(
        self, batch: _QueryBatch, first: int, replies: list[Reply], now_seconds: float, *, checking: bool
    ) -> list[int]:
        """Check the hits among replies of any type; returns the positions of what is no hit."""
        block, known = batch.block, self._whole
        encodings = block.encodings or ()
        others: list[int] = []
        for position, reply in enumerate(replies, first):
            encoding = encodings[position]
            if encoding is None or not reply or reply.__class__ is hiredis.ReplyError:
                others.append(position)
                continue
            if not checking:
                continue
            identity = block.identities[position]
            whole = known.get(identity)
            if whole is None or whole[0] != reply:
                envelope = encoding.envelope(reply)
                if envelope is None:
                    others.append(position)
                    continue
                if not encoding.is_right(reply, identity):
                    self.counts.checks.wrong += 1
                    continue
                whole = reply, envelope
                if block.questions[position].__class__ is int:
                    # A report is read many times as it is, and told by one comparison to be the same.
                    known[identity] = whole
            self._check_envelope(whole[1], identity, batch.written_seconds, now_seconds)
        return others

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
            if not block.identities[position] and type(reply) is list:
                # A reply that comes this late may be about counters that have expired since.
                if checking and now_seconds - block.intended[position] < self._counter_life_seconds:
                    self._check_counters(reply, batch.floors[position])
                continue
            intended = ok.pop(position - first)
            if block.identities[position] and _is_miss(reply):
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
        if not block.identities[position] and type(reply) is list and None in reply:

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
        if block.identities[position] and not reply:
            encoding, identity = self.blocks.encoding(question), block.identities[position]

            def report(value: Reply, now_seconds: float) -> None:
                if encoding.envelope(value) is None:
                    self._recorder.tally_of(intended).misses += 1
                    self._misses.add(question, (intended, written), self.loop.release)
                    return
                self._recorder.tally_of(intended).hits += 1
                if checking:
                    self._check_report(encoding, value, identity, batch.written_seconds, now_seconds)
                self._recorder.record(Outcome.OK, [intended], written, now_seconds)
                self.loop.release(1)

            return fallback.ask_report(tenant, question, block.commands[position], report)
        return False

    def _check_report(
        self, encoding: Encoding, value: Reply, identity: bytes, written_seconds: float, now_seconds: float
    ) -> None:
        """As in the loop over hits, for one that came another way."""
        self.counts.checks.reports_checked += 1
        envelope = encoding.envelope(value)
        if envelope is None or not encoding.is_right(value, identity):
            self.counts.checks.wrong += 1
        else:
            self._check_envelope(envelope, identity, written_seconds, now_seconds)

    def _check_envelope(self, envelope: bytes, identity: bytes, written_seconds: float, now_seconds: float) -> None:
        writer = self._writer
        if envelope[EXPIRES_AT] < milliseconds(self._clock.at(now_seconds) - self._timeout_seconds):
            self.counts.checks.stale += 1
        elif identity in writer.obsolete and writer.is_resurrected(identity, envelope[:13], written_seconds):
            self.counts.checks.resurrected += 1

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
