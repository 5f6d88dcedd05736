"""A migration as JSON holds it. docs/report.md says what each part means."""

from typing import Any, Final

from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.context import iso
from redis_rehearsal.migration.record import Record
from redis_rehearsal.report.figures import latency, outcomes
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.verdict import Verdict

MOST_WINDOWS: Final = 100
"""Windows of downtime that are listed, for queries and for events; of more than these the longest."""


def migration_document(record: Record) -> dict[str, Any]:
    """What was done, step by step."""
    document = record.migration.document()
    # It runs until its verdict is there.
    status = document["status"] if record.ended else "running"
    return {
        **document,
        "status": status,
        "verdict": verdict_document(record.assessment.verdict if record.assessment else None),
    }


def verdict_document(verdict: Verdict | None) -> dict[str, Any] | None:
    """The verdict and its criteria; None before there is one."""
    if verdict is None:
        return None
    return {
        "status": str(verdict.status),
        "criteria": [
            {
                "name": criterion.name,
                "limit": criterion.limit,
                "measured": criterion.measured,
                "unit": criterion.unit,
                "status": str(criterion.status),
                "reason": criterion.reason or None,
                "causes": [str(cause) for cause in criterion.causes],
            }
            for criterion in verdict.criteria
        ],
    }


def downtime_document(found: Downtime | None, clock: WallClock) -> dict[str, Any]:
    """Longest, total and the windows themselves, of which the longest are listed; None where it is not known."""
    document: dict[str, Any] = {
        "longest_seconds": found.longest_seconds if found else None,
        "longest_at_least_seconds": found.longest_at_least_seconds if found else None,
        "longest_at_most_seconds": found.longest_seconds if found else None,
        "unfinished": found.unfinished if found else None,
        "total_seconds": found.total_seconds if found else None,
        "baseline_longest_seconds": found.baseline_seconds if found else None,
        "windows": None,
        "windows_found": None,
    }
    if found is not None and found.longest_seconds is not None:
        longest = sorted(found.stretches, key=lambda each: each[0] - each[1])[:MOST_WINDOWS]
        document["windows"] = [
            {"from": iso(clock.at(start)), "seconds": round(end - start, 6)} for start, end in sorted(longest)
        ]
        document["windows_found"] = len(found.stretches)
    return document


def recovery_document(assessment: Assessment | None) -> dict[str, Any]:
    """How long it took until all was as before, and each measure by itself."""
    if assessment is None:
        return {"seconds": None, "at_least_seconds": None, "at_most_seconds": None, "measures": {}, "reason": None}
    found = assessment.recovery
    return {
        "seconds": found.seconds,
        "at_least_seconds": found.at_least_seconds,
        "at_most_seconds": found.at_most_seconds,
        "measures": found.measures,
        "reason": found.reason or None,
    }


def comparison_document(assessment: Assessment | None) -> dict[str, Any] | None:
    """The two servers key by key; None where they were not compared."""
    found = assessment.comparison if assessment else None
    if found is None:
        return None
    counts = {kind: found.counts.get(kind) for kind in ("missing", "extra", "type", "value", "ttl")}
    return {
        "keys_compared": found.keys_compared,
        **counts,
        "benign": found.benign,
        "benign_reasons": dict(sorted(found.benign_reasons.items())),
        "ttl_drift": found.drift.document(),
        "unsettled": found.unsettled,
        "evicted": found.evicted,
        "written_behind": found.written_behind,
        "unexplained": found.unexplained if found.unexplained or not found.error else None,
        "unreadable": found.unreadable or None,
        "not_carried": found.not_carried.things,
        "not_carried_keys": list(found.not_carried.keys),
        "notes": list(found.notes),
        "error": found.error or None,
    }


def phase_document(phase: PhaseFigures, clock: WallClock) -> dict[str, Any]:
    """A phase: what was due in it, and what became of that."""
    seconds = phase.duration_seconds
    queries, events = phase.queries, phase.events
    answered = queries.hits + queries.misses
    return {
        "name": phase.name,
        "started_at": iso(clock.at(phase.began_seconds)),
        "duration_seconds": round(seconds, 6),
        "queries_per_second": _rate(queries, seconds),
        "events_per_second": _rate(events, seconds),
        "latency": {"queries": latency(queries), "events": latency(events)},
        "hit_ratio": queries.hits / answered if answered else None,
        "failed": _not_ok(queries) + _not_ok(events),
        "totals": {"queries": outcomes(queries), "events": outcomes(events)},
        "database_queries_per_second": phase.database_queries_per_second,
    }


def _rate(tally: Tally, seconds: float) -> float | None:
    return round(tally.outcomes[Outcome.OK] / seconds, 3) if seconds > 0 else None


def _not_ok(tally: Tally) -> int:
    return sum(tally.outcomes[outcome] for outcome in Outcome if outcome is not Outcome.OK)
