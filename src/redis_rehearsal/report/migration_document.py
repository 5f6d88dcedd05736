"""A migration as the run's document holds it."""

from typing import Final

from redis_rehearsal.clock import WallClock
from redis_rehearsal.document import migration as written
from redis_rehearsal.document import verdict as judged
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.context import Step, iso
from redis_rehearsal.migration.options import MAY_HOLD_SECRETS
from redis_rehearsal.migration.record import Record
from redis_rehearsal.report.figures import latency, totals
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.verdict import Verdict

MOST_WINDOWS: Final = 100
"""Windows of downtime that are listed, for queries and for events; of more than these the longest."""


def migration_document(record: Record) -> written.Migration:
    """What was done, step by step."""
    migration = record.migration
    context, back, app = migration.context, migration.way_back, migration.context.app
    options, progress = context.options, (back or context).progress
    return written.Migration(
        strategy=options.strategy,
        freeze=options.freeze,
        rollout_seconds=options.rollout,
        options=options.model_dump(mode="json", exclude=set(MAY_HOLD_SECRETS)),
        # It runs until its verdict is there.
        status=migration.status if record.ended else "running",
        phase=app.phase,
        reason=migration.reason or None,
        application_on=written.ApplicationOn(
            reads=app.route.reads,
            writes="both" if app.route.mirror else app.route.writes,
            confirmed=not app.astray,
        ),
        freeze_seconds=_rounded(context.freeze_seconds),
        return_freeze_seconds=_rounded(back.freeze_seconds) if back else None,
        progress=written.Progress(text=progress) if progress else None,
        warnings=list(context.warnings),
        steps=[_step(step) for step in context.steps],
        verdict=verdict_document(record.assessment.verdict if record.assessment else None),
    )


def verdict_document(verdict: Verdict | None) -> judged.Verdict | None:
    """The verdict and its criteria; None before there is one."""
    if verdict is None:
        return None
    criteria = [
        judged.Criterion(
            name=criterion.name,
            limit=criterion.limit,
            measured=criterion.measured,
            unit=criterion.unit,
            status=criterion.status.value,
            reason=criterion.reason or None,
            causes=[str(cause) for cause in criterion.causes],
        )
        for criterion in verdict.criteria
    ]
    return judged.Verdict(status=verdict.status.value, criteria=criteria)


def downtimes_document(assessment: Assessment | None, clock: WallClock) -> judged.Downtimes:
    """Downtime of both kinds, from the cutover on and before it."""
    return judged.Downtimes(
        queries=downtime_document(assessment.query_downtime if assessment else None, clock),
        events=downtime_document(assessment.event_downtime if assessment else None, clock),
        sync_queries=downtime_document(assessment.sync_query_downtime if assessment else None, clock),
        sync_events=downtime_document(assessment.sync_event_downtime if assessment else None, clock),
    )


def downtime_document(found: Downtime | None, clock: WallClock) -> judged.Downtime:
    """Longest, total and the windows themselves, of which the longest are listed; None where it is not known."""
    windows = None
    if found is not None and found.longest_seconds is not None:
        longest = sorted(found.stretches, key=lambda each: each[0] - each[1])[:MOST_WINDOWS]
        windows = [
            judged.Window(from_=iso(clock.at(start)), seconds=round(end - start, 6)) for start, end in sorted(longest)
        ]
    return judged.Downtime(
        longest_seconds=found.longest_seconds if found else None,
        longest_at_least_seconds=found.longest_at_least_seconds if found else None,
        longest_at_most_seconds=found.longest_seconds if found else None,
        unfinished=found.unfinished if found else None,
        total_seconds=found.total_seconds if found else None,
        baseline_longest_seconds=found.baseline_seconds if found else None,
        windows=windows,
        windows_found=len(found.stretches) if found and windows is not None else None,
    )


def recovery_document(assessment: Assessment | None) -> judged.Recovery:
    """How long it took until all was as before, and each measure by itself."""
    found = assessment.recovery if assessment else None
    return judged.Recovery(
        seconds=found.seconds if found else None,
        at_least_seconds=found.at_least_seconds if found else None,
        at_most_seconds=found.at_most_seconds if found else None,
        measures=found.measures if found else {},
        reason=(found.reason or None) if found else None,
    )


def comparison_document(assessment: Assessment | None) -> judged.Comparison | None:
    """The two servers key by key; None where they were not compared."""
    found = assessment.comparison if assessment else None
    if found is None:
        return None
    return judged.Comparison(
        keys_compared=found.keys_compared,
        missing=found.counts.get("missing"),
        extra=found.counts.get("extra"),
        type=found.counts.get("type"),
        value=found.counts.get("value"),
        ttl=found.counts.get("ttl"),
        benign=found.benign,
        benign_reasons=dict(sorted(found.benign_reasons.items())),
        ttl_drift=_drift(found.drift),
        unsettled=found.unsettled,
        evicted=found.evicted,
        written_behind=found.written_behind,
        unexplained=found.unexplained if found.unexplained or not found.error else None,
        unreadable=found.unreadable or None,
        not_carried=found.not_carried.things,
        not_carried_keys=list(found.not_carried.keys),
        notes=list(found.notes),
        error=found.error or None,
    )


def impact_document(assessment: Assessment | None) -> judged.Impact | None:
    """The worst seconds after the baseline; None where nothing was judged."""
    if assessment is None:
        return None
    found = assessment.impact
    return judged.Impact(
        lowest_hit_ratio=found.lowest_hit_ratio,
        highest_database_queries_per_second=found.highest_database_queries_per_second,
        source_cpu_ratio=found.source_cpu_ratio,
        generator_saturated=found.generator_saturated,
    )


def phase_document(phase: PhaseFigures, clock: WallClock) -> written.Phase:
    """A phase: what was due in it, and what became of that."""
    seconds = phase.duration_seconds
    queries, events = phase.queries, phase.events
    answered = queries.hits + queries.misses
    return written.Phase(
        name=phase.name,
        started_at=iso(clock.at(phase.began_seconds)),
        duration_seconds=round(seconds, 6),
        queries_per_second=_rate(queries, seconds),
        events_per_second=_rate(events, seconds),
        latency=latency(queries, events),
        hit_ratio=queries.hits / answered if answered else None,
        failed=_not_ok(queries) + _not_ok(events),
        totals=totals(queries, events),
        database_queries_per_second=phase.database_queries_per_second,
    )


def _step(step: Step) -> written.Step:
    return written.Step(
        name=step.name,
        started_at=iso(step.at),
        duration_seconds=_rounded(step.duration_seconds),
        status=step.status,
        detail=step.detail,
    )


def _drift(found: Drift) -> judged.TtlDrift:
    return judged.TtlDrift(count=found.count, median_seconds=found.median_seconds, max_seconds=found.max_seconds)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _rate(tally: Tally, seconds: float) -> float | None:
    return round(tally.outcomes[Outcome.OK] / seconds, 3) if seconds > 0 else None


def _not_ok(tally: Tally) -> int:
    return sum(tally.outcomes[outcome] for outcome in Outcome if outcome is not Outcome.OK)
