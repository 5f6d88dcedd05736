"""What a worker reports of a stretch of time, and forgets."""

from collections import Counter
from itertools import groupby

import numpy as np
import psutil

from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.server import Server
from redis_rehearsal.clock import monotonic, processor
from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.load import Load
from redis_rehearsal.engine.messages import Answering, Snapshot
from redis_rehearsal.engine.operations import take_operations
from redis_rehearsal.engine.parts import Parts
from redis_rehearsal.telemetry.histogram import Histogram


class Snapshots:
    """Takes one snapshot after another.

    Args:
        worker: its number.
        parts: of the worker.
        load: of the worker.
    """

    def __init__(self, worker: int, parts: Parts, load: Load) -> None:
        self._worker = worker
        self._parts = parts
        self._load = load
        self._process = psutil.Process()
        self._last_seconds = monotonic()
        self._last_cpu_seconds = processor()
        self._last_counts: Counter[str] = Counter()

    def take(self, second: int, *, finishing: bool) -> Snapshot:
        """What there is to report since the last one.

        Args:
            second: of the load, in which it is taken.
            finishing: whether nothing more is due.

        Raises:
            AccountingError: the books of an open loop do not add up.
        """
        parts = self._parts
        queries, events, reports, rows, writer = parts.queries, parts.events, parts.reports, parts.rows, parts.writer
        for loop in self._load.loops:
            loop.check()
        now, cpu = monotonic(), processor()
        self._load.note_stall(now)
        stalls = parts.stalls
        query_gap, event_gap = (each.open_gap(now) for each in (parts.query_recorder, parts.event_recorder))
        reports.flush()
        duration, reports.duration = reports.duration, Histogram()
        checks, queries.checks = queries.checks, Checks()
        query_failures, queries.failures = queries.failures, Counter()
        event_failures, events.failures = events.failures, Counter()
        cache_writes, writer.outcomes = writer.outcomes, Counter()
        if events.expiries.failed:
            cache_writes["expiry_failed"], events.expiries.failed = events.expiries.failed, 0
        mirrored, events.mirror.counts = events.mirror.counts, Counter()
        events_by_type, events.by_type = events.by_type.tolist(), np.zeros_like(events.by_type)
        counts = Counter(
            database_queries=reports.queries,
            database_failed=reports.failed,
            rows_written=rows.written,
            rows_dropped=rows.dropped,
            redirected=events.redirected,
        )
        since = {name: counts[name] - self._last_counts[name] for name in counts}
        connections, wanted = parts.router.connections
        taken = Snapshot(
            worker=self._worker,
            at_seconds=now,
            seconds=now - self._last_seconds,
            second=second,
            queries=parts.query_recorder.take(),
            events=parts.event_recorder.take(),
            query_gaps=parts.query_recorder.take_gaps(),
            event_gaps=parts.event_recorder.take_gaps(),
            open_query_gap=query_gap,
            open_event_gap=event_gap,
            stalls=stalls.take(),
            mirrored=dict(mirrored),
            query_failures=dict(query_failures),
            event_failures=dict(event_failures),
            checks=checks,
            cache_writes=dict(cache_writes),
            events_by_type=events_by_type,
            active_organizations=events.count_active(now),
            operations=take_operations(parts.router.servers.values()),
            database_duration=duration,
            rows_buffered=rows.buffered,
            tick_delay=self._load.take_delays(),
            cpu_seconds=cpu - self._last_cpu_seconds,
            memory_bytes=self._process.memory_info().rss,
            connections=connections,
            connections_wanted=wanted,
            queries_in_flight=queries.loop.sent + queries.loop.waiting,
            events_in_flight=events.loop.sent + events.loop.waiting,
            redis_error=parts.router.last_error,
            rows_error=rows.last_error,
            nodes={role: _answering(server) for role, server in parts.router.servers.items()},
            finishing=finishing,
            **since,
        )
        stalls.forget_before(min([now, *(gap.start for gap in (query_gap, event_gap) if gap is not None)]))
        self._last_seconds, self._last_cpu_seconds, self._last_counts = now, cpu, counts
        return taken


def _answering(server: Server) -> Answering:
    connections: Counter[Node] = Counter()
    mixed, silent = False, 0
    for connection in (*server.reads.ready, *server.writes.ready):
        seen = [run_id for run_id, _ in groupby(node.run_id for node in connection.nodes if node.run_id)]
        if not seen:
            silent += 1
            continue
        connections[connection.nodes[-1]] += 1
        mixed |= len(set(seen)) < len(seen)
    return Answering(dict(connections), mixed, silent)
