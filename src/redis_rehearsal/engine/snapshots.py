"""What a worker reports of a stretch of time, and forgets."""

from collections import Counter
from itertools import groupby

import psutil

from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.server import Server
from redis_rehearsal.clock import monotonic, processor
from redis_rehearsal.database.ports import WorkerDatabase
from redis_rehearsal.engine.application import Application
from redis_rehearsal.engine.counts import GeneratorCounts, Recorded, WorkerCounts
from redis_rehearsal.engine.load import Load
from redis_rehearsal.engine.messages import Answering, Snapshot
from redis_rehearsal.engine.operations import take_operations
from redis_rehearsal.engine.stalls import Stalls


class Snapshots:
    """Takes one snapshot after another.

    Args:
        worker: its number.
        application: of the worker.
        database: that it uses.
        load: of the worker.
        stalls: when it did not wake up on time.
    """

    def __init__(
        self, worker: int, application: Application, database: WorkerDatabase, load: Load, stalls: Stalls
    ) -> None:
        self._worker = worker
        self._application = application
        self._database = database
        self._stalls = stalls
        self._load = load
        self._process = psutil.Process()
        self._last_seconds = monotonic()
        self._last_cpu_seconds = processor()

    def take(self, second: int, *, finishing: bool) -> Snapshot:
        """What there is to report since the last one.

        Args:
            second: of the load, in which it is taken.
            finishing: whether nothing more is due.

        Raises:
            AccountingError: the books of an open loop do not add up.
        """
        application, rows = self._application, self._database.rows
        queries, events = self._load.loops
        for loop in (queries, events):
            loop.check()
        now, cpu = monotonic(), processor()
        self._load.note_stall(now)
        query_gap, event_gap = (each.open_gap(now) for each in application.recorders)
        connections, wanted = application.router.connections
        taken = Snapshot(
            worker=self._worker,
            at_seconds=now,
            seconds=now - self._last_seconds,
            second=second,
            counts=self._take_counts(),
            open_query_gap=query_gap,
            open_event_gap=event_gap,
            active_organizations=application.events.count_active(now),
            rows_buffered=rows.buffered,
            cpu_seconds=cpu - self._last_cpu_seconds,
            memory_bytes=self._process.memory_info().rss,
            connections=connections,
            connections_wanted=wanted,
            queries_in_flight=queries.sent + queries.waiting,
            events_in_flight=events.sent + events.waiting,
            redis_error=application.router.last_error,
            rows_error=rows.last_error,
            nodes={role: _answering(server) for role, server in application.router.servers.items()},
            finishing=finishing,
        )
        self._stalls.forget_before(min([now, *(gap.start for gap in (query_gap, event_gap) if gap is not None)]))
        self._last_seconds, self._last_cpu_seconds = now, cpu
        return taken

    def _take_counts(self) -> WorkerCounts:
        queries, events, writer = self._application.queries, self._application.events, self._application.writer
        cache_writes, writer.outcomes = writer.outcomes, Counter()
        expiries = events.expiries
        cache_writes["expiry_failed"] += expiries.failed
        expiries.failed = 0
        return WorkerCounts(
            recorded_queries=Recorded(queries.loop.recorder.take(), queries.loop.recorder.take_gaps()),
            recorded_events=Recorded(events.loop.recorder.take(), events.loop.recorder.take_gaps()),
            queries=queries.counts.take(),
            events=events.counts.take(),
            cache_writes=+cache_writes,
            late_stores=writer.take_late(),
            operations=take_operations(self._application.router.servers.values()),
            reports=self._database.reports.take_counts(),
            rows=self._database.rows.counts.take(),
            generator=GeneratorCounts(self._stalls.take(), self._load.take_delays()),
        )


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
