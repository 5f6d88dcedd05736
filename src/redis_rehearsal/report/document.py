"""The run's document: run.json. docs/report.md says what each part means."""

import math
from dataclasses import asdict
from typing import Any, Final

from pydantic import SecretStr

from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.assessment.figures import PhaseFigures, phase_figures
from redis_rehearsal.migration.context import iso
from redis_rehearsal.report.figures import latency, outcomes, quantiles
from redis_rehearsal.report.migration_document import (
    comparison_document,
    downtime_document,
    migration_document,
    phase_document,
    recovery_document,
    verdict_document,
)
from redis_rehearsal.report.view import RunView
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.workload.events import EVENT_TYPES

SCHEMA_VERSION: Final = 1


def make_document(view: RunView) -> dict[str, Any]:
    """What a run shows so far, as JSON would hold it; figures that could not be measured are None."""
    totals, counts = view.totals, view.totals.counts
    first = 1 if view.settings.warmup else 0
    queries, events = (recorded.whole(first) for recorded in (counts.recorded_queries, counts.recorded_events))
    record = view.records[-1] if view.records else None
    # While the run goes on, as it was when the latest migration was judged.
    audit = view.audit or (record.audit if record else None)
    assessment = record.assessment if record else None
    seconds = view.measured_seconds
    answered = queries.hits + queries.misses
    return {
        "schema_version": SCHEMA_VERSION,
        "complete": view.workers_lost == 0 and view.audit is not None,
        "started": view.directory.name if view.directory else None,
        "stage": str(view.stage),
        "unwritten": dict(view.unwritten),
        "duration_seconds": round(seconds, 3),
        "warmup_seconds": round(max(0.0, min(view.steady_seconds, view.seen_seconds) - view.began_seconds), 3),
        "totals": {"queries": outcomes(queries), "events": outcomes(events)},
        "rates": {
            "queries_per_second": _rate(queries, seconds),
            "events_per_second": _rate(events, seconds),
        },
        "latency": {"queries": latency(queries), "events": latency(events)},
        "cache": {
            "hits": queries.hits,
            "misses": queries.misses,
            "hit_ratio": queries.hits / answered if answered else None,
            "misplaced": counts.queries.checks.misplaced,
            "writes": dict(sorted(counts.cache_writes.items())),
        },
        "database": {
            "queries": counts.reports.asked,
            "failed": counts.reports.failed,
            "query_seconds": quantiles(counts.reports.duration),
            "warm_up_queries": totals.warm_up_reports,
            "rows_written": counts.rows.written,
            "rows_dropped": counts.rows.dropped,
        },
        "failures": {
            "queries": dict(sorted(counts.queries.failures.items())),
            "events": dict(sorted(counts.events.failures.items())),
        },
        "events_by_type": {kind.name: counts.events.by_type[number] for number, kind in enumerate(EVENT_TYPES)},
        "ledger": {
            **_ledger(audit),
            "redirected": counts.events.redirected,
            "structures": structures_document(audit),
        },
        "checks": asdict(counts.queries.checks),
        "generator": _generator(totals, view.workers_lost),
        "migration": migration_document(record) if record else None,
        "phases": [phase_document(phase, view.clock) for phase in phases_of(view)],
        "downtime": {
            "queries": downtime_document(assessment.query_downtime if assessment else None, view.clock),
            "events": downtime_document(assessment.event_downtime if assessment else None, view.clock),
            "sync_queries": downtime_document(assessment.sync_query_downtime if assessment else None, view.clock),
            "sync_events": downtime_document(assessment.sync_event_downtime if assessment else None, view.clock),
        },
        "recovery": recovery_document(assessment),
        "comparison": comparison_document(assessment),
        "annotations": [
            {"kind": each.kind, "server": each.server, "started_at": iso(each.at), "detail": each.detail}
            for each in view.reached.annotations
        ],
        "impact": asdict(assessment.impact) if assessment else None,
        "verdict": verdict_document(assessment.verdict if assessment else None),
        "servers": _servers(view),
        "settings": safe_settings(view),
    }


def ledger_document(audit: Audit) -> dict[str, Any]:
    """The ledger held against the servers: each tenant's counters on its truth."""
    result = audit.result
    read = not audit.error

    def found(count: int) -> int | None:
        # What was found stands, whatever could not be read.
        return count if read or count else None

    # A counter that could not be compared may have lost or doubled anything.
    bounded = read and not result.unverified_counters
    return {
        "counters": result.counters,
        "unverified_counters": result.unverified_counters,
        "acknowledged": result.acknowledged,
        "unknown": result.unknown,
        "missing": found(result.missing),
        "missing_at_most": result.missing_at_most if bounded else None,
        "lost": found(result.lost),
        "lost_at_most": result.lost_at_most if bounded else None,
        "stranded": found(result.stranded),
        "stranded_at_most": result.stranded_at_most if bounded else None,
        "duplicated": found(result.duplicated),
        "duplicated_at_most": result.duplicated_at_most if bounded else None,
        "worst": [
            {
                "key": key,
                "organization": organization,
                "lost": wrong.lost,
                "duplicated": wrong.duplicated,
                "stranded": wrong.stranded,
                "before": wrong.before,
                "acknowledged": wrong.acknowledged,
                "unknown": wrong.unknown,
                "too_late": wrong.too_late,
                "on_truth": wrong.on_truth,
            }
            for key, organization, wrong in audit.worst
        ],
        "error": audit.error or None,
    }


def phases_of(view: RunView) -> list[PhaseFigures]:
    """The phases of the last migration, as they were judged; of a run without one all so far."""
    record = view.records[-1] if view.records else None
    if record is not None and record.assessment is not None:
        return record.assessment.phases
    if not view.began_seconds:
        return []
    return phase_figures(
        view.phases(),
        view.ended_seconds or monotonic(),
        view.totals.counts.recorded_queries.tallies,
        view.totals.counts.recorded_events.tallies,
        view.timeline.rows,
        view.began_seconds,
    )


def structures_document(audit: Audit | None) -> dict[str, Any]:
    """The live structures held against the servers, by name; none where all reports are strings."""
    found = audit.structures if audit else {}
    names = ("acknowledged", "unknown", "lost", "lost_at_most", "stranded", "stranded_at_most", "duplicated")
    return {
        name: {
            "structures": result.counters,
            "unverified_structures": result.unverified_counters,
            **{each: getattr(result, each) for each in names},
            "duplicated_at_most": result.duplicated_at_most,
            "disordered": result.disordered,
            "forgotten": result.forgotten,
        }
        for name, result in found.items()
    }


def _ledger(audit: Audit | None) -> dict[str, Any]:
    if audit is not None:
        return ledger_document(audit)
    unknown = dict.fromkeys(("counters", "acknowledged", "unknown"))
    error = Cause.COUNTERS_UNREAD.because(error="not compared with the servers yet")
    return ledger_document(Audit(error=error)) | unknown


def _rate(tally: Tally, seconds: float) -> float:
    return round(tally.outcomes[Outcome.OK] / seconds, 3) if seconds else 0.0


def _generator(totals: Totals, workers_lost: int) -> dict[str, Any]:
    return {
        "cpu_ratio": round(totals.cpu_ratio, 4),
        "saturated": totals.saturated,
        "saturated_seconds": totals.saturated_seconds,
        "stalled_seconds": round(sum(end - start for start, end in totals.counts.generator.stalls), 6),
        "late_snapshots": totals.late_snapshots,
        "tick_delay_seconds": quantiles(totals.counts.generator.tick_delay),
        "memory_bytes": max(totals.peak_memory_bytes.values(), default=0),
        "workers_lost": workers_lost,
    }


def _servers(view: RunView) -> dict[str, Any]:
    servers = view.servers
    if servers is None:
        return {}
    addresses = servers.addresses
    return {
        "source": {
            "product": servers.source_identity.product,
            "version": servers.source_identity.version,
            "address": addresses["source"],
            **_watched(view, "source"),
        },
        "target": {
            "product": servers.target_identity.product,
            "version": servers.target_identity.version,
            "address": addresses["target"],
            **_watched(view, "target"),
        },
        "database": {
            "product": "postgresql",
            "version": servers.database_version,
            "address": addresses["database"],
        },
    }


def _watched(view: RunView, role: str) -> dict[str, int | None]:
    seen = view.resources.watched.get(role)
    return {
        "restarts": seen.restarts if seen else None,
        "evicted_keys": seen.evicted_keys if seen else None,
    }


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
