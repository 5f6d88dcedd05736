"""A run's view filled with known figures."""

from redis_rehearsal.database.counts import ReportCounts, RowCounts
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.counts import (
    EventCounts,
    GeneratorCounts,
    QueryCounts,
    Recorded,
    WorkerCounts,
)
from redis_rehearsal.engine.messages import Snapshot
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry.health import Health
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.view.run_view import RunView, Stage


def whole(document: object) -> RunDocument:
    """A document as it is read from JSON."""
    return read(RunDocument, document)


def tally(ok: int, failed: int = 0, unknown: int = 0, *, hits: int = 0, misses: int = 0) -> Tally:
    """A tally whose ok operations took 1 ms to answer after a lag of 0.5 ms."""
    made = Tally(offered=ok + failed + unknown, hits=hits, misses=misses)
    made.outcomes[Outcome.OK], made.outcomes[Outcome.FAILED], made.outcomes[Outcome.UNKNOWN] = ok, failed, unknown
    made.response.record([0.0015] * ok)
    made.service.record([0.001] * ok)
    made.lag.record([0.0005] * ok)
    return made


def duration_of(count: int) -> Histogram:
    """So many operations of a millisecond."""
    made = Histogram()
    made.record_many([0.001], [count])
    return made


def snapshot(
    worker: int, queries: list[Tally], events: list[Tally], *, cpu_seconds: float = 0.25, late_seconds: float = 0.0
) -> Snapshot:
    """A second of a worker."""
    delay = Histogram()
    delay.record([late_seconds] * 100)
    return Snapshot(
        worker=worker,
        at_seconds=100.0,
        seconds=1.0,
        second=0,
        counts=WorkerCounts(
            Recorded(dict(enumerate(queries))),
            Recorded(dict(enumerate(events))),
            QueryCounts({"database": sum(part.outcomes[Outcome.FAILED] for part in queries)}, Checks(7, wrong=1)),
            EventCounts(by_type={0: 6, 1: 3, 2: 1}),
            cache_writes={"store_ok": 3},
            operations={("source", "read"): duration_of(50), ("source", "increment"): duration_of(10)},
            reports=ReportCounts(asked=4, failed=1),
            rows=RowCounts(written=10),
            generator=GeneratorCounts(tick_delay=delay),
        ),
        open_query_gap=None,
        open_event_gap=None,
        nodes={},
        active_organizations=4,
        rows_buffered=5,
        cpu_seconds=cpu_seconds,
        memory_bytes=50_000_000,
        connections=10,
        connections_wanted=10,
        queries_in_flight=0,
        events_in_flight=0,
        redis_error="",
        rows_error="",
    )


def view() -> RunView:
    """Two workers, a warm-up and a measured part of ten seconds."""
    totals = Totals()
    for worker in range(2):
        totals.add(
            snapshot(
                worker,
                [tally(50, hits=40, misses=5), tally(500, failed=2, hits=430, misses=20)],
                [tally(5), tally(40, unknown=1)],
            )
        )
    settings = {"warmup": 1, "redis_url": "redis://:geheim@localhost", "control_token": "geheimnis"}
    made = RunView(Settings.model_validate(settings), totals, Health(()))
    made.stage = Stage.ENDED
    made.began_seconds, made.steady_seconds, made.ended_seconds = 100.0, 101.0, 111.0
    made.audit = Audit(Reconciliation(counters=5, acknowledged=90, unknown=2, lost_at_most=2))
    return made
