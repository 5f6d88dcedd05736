"""The run's document: run.json. Its parts, and what each field means, are in the package `document`."""

import math
from typing import Any

from msgspec.structs import asdict, replace
from pydantic import SecretStr

from redis_rehearsal.clock import monotonic
from redis_rehearsal.document.ledger import Ledger, RunLedger, StructureLedger, WorstCounter
from redis_rehearsal.document.load import Cache, Checks, Database, Failures, Generator, Rates
from redis_rehearsal.document.migration import Annotation
from redis_rehearsal.document.run import SCHEMA_VERSION, RedisServer, RunDocument, Server, Servers
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.assessment.figures import PhaseFigures, phase_figures
from redis_rehearsal.migration.context import iso
from redis_rehearsal.migration.site import Site
from redis_rehearsal.report.figures import latency, quantiles, totals
from redis_rehearsal.report.migration_document import (
    comparison_document,
    downtimes_document,
    impact_document,
    migration_document,
    phase_document,
    recovery_document,
    verdict_document,
)
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.workload.events import EVENT_TYPES


def make_document(view: RunView) -> RunDocument:
    """What a run shows so far; figures that could not be measured are None."""
    counts = view.totals.counts
    first = 1 if view.settings.warmup else 0
    queries, events = (recorded.whole(first) for recorded in (counts.recorded_queries, counts.recorded_events))
    record = view.records[-1] if view.records else None
    # While the run goes on, as it was when the latest migration was judged.
    audit = view.audit or (record.audit if record else None)
    assessment = record.assessment if record else None
    seconds = view.measured_seconds
    answered = queries.hits + queries.misses
    checks = counts.queries.checks
    return RunDocument(
        schema_version=SCHEMA_VERSION,
        complete=view.workers_lost == 0 and view.audit is not None,
        started=view.directory.name if view.directory else None,
        stage=str(view.stage),
        unwritten=dict(view.unwritten),
        duration_seconds=round(seconds, 3),
        warmup_seconds=round(max(0.0, min(view.steady_seconds, view.seen_seconds) - view.began_seconds), 3),
        totals=totals(queries, events),
        rates=Rates(queries_per_second=_rate(queries, seconds), events_per_second=_rate(events, seconds)),
        latency=latency(queries, events),
        cache=Cache(
            hits=queries.hits,
            misses=queries.misses,
            hit_ratio=queries.hits / answered if answered else None,
            misplaced=checks.misplaced,
            writes=dict(sorted(counts.cache_writes.items())),
        ),
        database=Database(
            queries=counts.reports.asked,
            failed=counts.reports.failed,
            query_seconds=quantiles(counts.reports.duration),
            warm_up_queries=view.totals.warm_up_reports,
            rows_written=counts.rows.written,
            rows_dropped=counts.rows.dropped,
        ),
        failures=Failures(
            queries=dict(sorted(counts.queries.failures.items())),
            events=dict(sorted(counts.events.failures.items())),
        ),
        events_by_type={kind.name: counts.events.by_type[number] for number, kind in enumerate(EVENT_TYPES)},
        ledger=_run_ledger(audit, counts.events.redirected),
        checks=Checks(
            reports_checked=checks.reports_checked,
            wrong=checks.wrong,
            stale=checks.stale,
            resurrected=checks.resurrected,
            misplaced=checks.misplaced,
            counters_checked=checks.counters_checked,
            counter_regressions=checks.counter_regressions,
        ),
        generator=_generator(view.totals, view.workers_lost),
        migration=migration_document(record) if record else None,
        phases=[phase_document(phase, view.clock) for phase in phases_of(view)],
        downtime=downtimes_document(assessment, view.clock),
        recovery=recovery_document(assessment),
        comparison=comparison_document(assessment),
        annotations=[
            Annotation(kind=each.kind, server=each.server, started_at=iso(each.at), detail=each.detail)
            for each in view.reached.annotations
        ],
        impact=impact_document(assessment),
        verdict=verdict_document(assessment.verdict if assessment else None),
        servers=_servers(view),
        settings=safe_settings(view),
    )


def ledger_document(audit: Audit) -> Ledger:
    """The ledger held against the servers: each tenant's counters on its truth."""
    result = audit.result
    read = not audit.error

    def found(count: int) -> int | None:
        # What was found stands, whatever could not be read.
        return count if read or count else None

    # A counter that could not be compared may have lost or doubled anything.
    bounded = read and not result.unverified_counters
    return Ledger(
        counters=result.counters,
        unverified_counters=result.unverified_counters,
        acknowledged=result.acknowledged,
        unknown=result.unknown,
        missing=found(result.missing),
        missing_at_most=result.missing_at_most if bounded else None,
        lost=found(result.lost),
        lost_at_most=result.lost_at_most if bounded else None,
        stranded=found(result.stranded),
        stranded_at_most=result.stranded_at_most if bounded else None,
        duplicated=found(result.duplicated),
        duplicated_at_most=result.duplicated_at_most if bounded else None,
        worst=[
            WorstCounter(
                key=key,
                organization=organization,
                lost=wrong.lost,
                duplicated=wrong.duplicated,
                stranded=wrong.stranded,
                before=wrong.before,
                acknowledged=wrong.acknowledged,
                unknown=wrong.unknown,
                too_late=wrong.too_late,
                on_truth=wrong.on_truth,
            )
            for key, organization, wrong in audit.worst
        ],
        error=audit.error or None,
    )


def phases_of(view: RunView) -> list[PhaseFigures]:
    """The phases of the last migration, as they were judged; of a run without one all so far."""
    record = view.records[-1] if view.records else None
    if record is not None and record.assessment is not None:
        return record.assessment.phases
    if not view.began_seconds:
        return []
    return phase_figures(
        view.segments(),
        view.ended_seconds or monotonic(),
        view.totals.counts.recorded_queries.tallies,
        view.totals.counts.recorded_events.tallies,
        view.timeline.rows,
        view.began_seconds,
    )


def structures_document(audit: Audit | None) -> dict[str, StructureLedger]:
    """The live structures held against the servers, by name; none where all reports are strings."""
    return {
        name: StructureLedger(
            structures=result.counters,
            unverified_structures=result.unverified_counters,
            acknowledged=result.acknowledged,
            unknown=result.unknown,
            lost=result.lost,
            lost_at_most=result.lost_at_most,
            stranded=result.stranded,
            stranded_at_most=result.stranded_at_most,
            duplicated=result.duplicated,
            duplicated_at_most=result.duplicated_at_most,
            disordered=result.disordered,
            forgotten=result.forgotten,
        )
        for name, result in (audit.structures if audit else {}).items()
    }


def _run_ledger(audit: Audit | None, redirected: int) -> RunLedger:
    if audit is None:
        error = Cause.COUNTERS_UNREAD.because(error="not compared with the servers yet")
        ledger = replace(ledger_document(Audit(error=error)), counters=None, acknowledged=None, unknown=None)
    else:
        ledger = ledger_document(audit)
    return RunLedger(**asdict(ledger), redirected=redirected, structures=structures_document(audit))


def _rate(tally: Tally, seconds: float) -> float:
    return round(tally.outcomes[Outcome.OK] / seconds, 3) if seconds else 0.0


def _generator(found: Totals, workers_lost: int) -> Generator:
    generator = found.counts.generator
    return Generator(
        cpu_ratio=round(found.cpu_ratio, 4),
        saturated=found.saturated,
        saturated_seconds=found.saturated_seconds,
        stalled_seconds=round(sum(end - start for start, end in generator.stalls), 6),
        late_snapshots=found.late_snapshots,
        tick_delay_seconds=quantiles(generator.tick_delay),
        memory_bytes=max(found.peak_memory_bytes.values(), default=0),
        workers_lost=workers_lost,
    )


def _servers(view: RunView) -> Servers:
    servers = view.servers
    if servers is None:
        return Servers(source=None, target=None, database=None)

    def redis(site: Site) -> RedisServer:
        seen = view.resources.watched.get(site.role)
        return RedisServer(
            product=site.identity.product,
            version=site.identity.version,
            address=str(site.endpoint),
            restarts=seen.restarts if seen else None,
            evicted_keys=seen.evicted_keys if seen else None,
        )

    return Servers(
        source=redis(servers.source),
        target=redis(servers.target),
        database=Server(product="postgresql", version=servers.database.version, address=servers.database.address),
    )


def safe_settings(view: RunView) -> dict[str, Any]:
    """The settings without secrets: of a URL only the server's address."""
    shown: dict[str, Any] = {}
    addresses = view.servers.addresses if view.servers else {}
    roles = {"redis_url": "source", "target_redis_url": "target", "database_url": "database"}
    for name, value in view.settings:
        if isinstance(value, SecretStr):
            shown[name] = addresses.get(roles.get(name, ""), "given")
        elif value is None or isinstance(value, bool | int | str):
            shown[name] = value
        elif isinstance(value, float):
            shown[name] = value if math.isfinite(value) else None
        else:
            shown[name] = str(value)
    return shown
