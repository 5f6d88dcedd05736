"""How far a migration is, and what came of it."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from redis_rehearsal.clock import monotonic
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.record import Record
from redis_rehearsal.report.document import ledger_document, structures_document
from redis_rehearsal.report.migration_document import migration_document
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.web.metrics.catalogue.migration import AT_MOST, DIFFERENCES, FINDINGS, LEAST
from redis_rehearsal.web.metrics.families import number, numbers, one_of


def migration(view: RunView) -> Iterator[Metric]:
    """Stage, phase, route and freeze; the migration; the ledger, the comparison and the verdict once they are known."""
    yield one_of("rehearsal_stage", str(view.stage))
    label = view.label()
    if label.phase:
        yield one_of("rehearsal_phase", label.phase)
        yield numbers("rehearsal_phase_start_timestamp_seconds", _starts(view).items())
    yield numbers(
        "rehearsal_route",
        [
            ((operation, server), float(to in (server, "both")))
            for operation, to in (("reads", label.reads), ("writes", label.writes))
            for server in ("source", "target")
        ],
    )
    yield number("rehearsal_frozen", float(label.frozen))
    resources = view.resources
    yield numbers(
        "rehearsal_replication_lag_bytes", [(role, resources.replication_lag_bytes(role)) for role in resources.redis]
    )
    yield numbers(
        "rehearsal_replication_silence_seconds",
        [(role, server.silent_seconds) for role, server in resources.redis.items()],
    )
    record = view.records[-1] if view.records else None
    if record is not None:
        yield from _migration(record)
    audit = view.audit or (record.audit if record else None)
    if audit is not None:
        yield from _ledger(audit)
    if record is not None and record.assessment is not None:
        yield from _verdict(record.assessment)


def _starts(view: RunView) -> dict[str, float]:
    """Unix time at which each phase last began."""
    found: dict[str, float] = {}
    now, before = monotonic(), ""
    for segment in view.segments():
        if segment.began_seconds > now:
            break
        # A phase may be several segments.
        if segment.phase != before:
            found[segment.phase] = view.clock.at(segment.began_seconds)
        before = segment.phase
    return found


def _migration(record: Record) -> Iterator[Metric]:
    migration = record.migration
    document = migration_document(record)
    yield one_of("rehearsal_migration_status", document.status or "")
    yield numbers(
        "rehearsal_freeze_seconds",
        [("there", document.freeze_seconds), ("back", document.return_freeze_seconds)],
    )
    carried = (migration.way_back or migration.context).carried
    yield number("rehearsal_migration_progress_ratio", carried.ratio if carried else None)
    assessment = record.assessment
    found = (assessment.comparison if assessment else None) or migration.comparison
    if found is not None and not found.error:
        differing = [(name, found.counts.get(name, 0)) for name in DIFFERENCES]
        yield numbers(
            "rehearsal_comparison_keys", [("compared", found.keys_compared), ("benign", found.benign), *differing]
        )


def _ledger(audit: Audit) -> Iterator[Metric]:
    document = ledger_document(audit)
    yield numbers("rehearsal_ledger_writes", [("acknowledged", document.acknowledged), ("unknown", document.unknown)])
    yield number("rehearsal_ledger_unverified", document.unverified_counters)
    structures = structures_document(audit).values()
    findings: list[tuple[tuple[str, ...], float | None]] = []
    for finding in FINDINGS:
        for bound, name in ((LEAST, finding), (AT_MOST, f"{finding}_at_most")):
            findings.append((("counters", finding, bound), getattr(document, name)))
            if structures:
                count = sum(getattr(found, name) for found in structures)
                unverified = any(found.unverified_structures for found in structures)
                # What was found stands, whatever could not be read; what may be more is not known then.
                known = bool(count) or not audit.error if bound == LEAST else not (audit.error or unverified)
                findings.append((("structures", finding, bound), count if known else None))
    yield numbers("rehearsal_ledger_findings", findings)


def _verdict(assessment: Assessment) -> Iterator[Metric]:
    verdict = assessment.verdict
    yield one_of("rehearsal_verdict", str(verdict.status))
    yield numbers("rehearsal_criterion", [((each.name, str(each.status)), 1.0) for each in verdict.criteria])
    downtimes = {"queries": assessment.query_downtime, "events": assessment.event_downtime}
    yield numbers(
        "rehearsal_downtime_seconds",
        [
            ((kind, measure), seconds)
            for kind, found in downtimes.items()
            for measure, seconds in (("longest", found.longest_seconds), ("total", found.total_seconds))
        ],
    )
    yield number("rehearsal_recovery_seconds", assessment.recovery.at_most_seconds)
