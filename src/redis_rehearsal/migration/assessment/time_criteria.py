"""Criteria about time: what failed, was down, and when all was as before."""

from collections.abc import Sequence
from typing import Final

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER, SATURATED, STALLED, WORKER_LOST, on_time
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.downtime import USUAL_RATIO, Downtime
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.verification.recovery import SHORT_BASELINE, Recovery
from redis_rehearsal.verification.verdict import Criterion, Status, at_most

_AFTER_BASELINE: Final = (Phase.PREPARE, Phase.SYNC, Phase.CUTOVER, Phase.RECOVERY, Phase.ROLLED_BACK, Phase.FAILED)
_RARE: Final = Cause.TOO_RARE.because()


def failures(evidence: Evidence, phases: Sequence[PhaseFigures]) -> list[Criterion]:
    """The share of operations since the baseline that were not ok."""
    found = []
    for kind, limit in (("queries", evidence.limits.max_failed_queries), ("events", evidence.limits.max_failed_events)):
        whole = Tally()
        for phase in phases:
            if phase.name in _AFTER_BASELINE:
                whole.merge(getattr(phase, kind))
        shed = whole.outcomes[Outcome.SHED]
        not_ok = whole.outcomes[Outcome.FAILED] + whole.outcomes[Outcome.UNKNOWN] + shed
        ratio = not_ok / whole.offered if whole.offered else None
        within = (ratio or 0.0) <= limit
        unless = NO_REASON
        if within and evidence.workers_lost:
            unless = WORKER_LOST
        elif within and whole.offered and (not_ok + whole.in_flight) / whole.offered > limit:
            unless = Cause.UNANSWERED.because(count=whole.in_flight)
        elif evidence.saturated and shed and (not_ok - shed) / whole.offered <= limit:
            # What the generator shed itself says nothing of a server; what failed does.
            unless = SATURATED
        found.append(
            at_most(
                f"failed_{kind}",
                limit,
                ratio,
                "ratio",
                unless=unless,
                unmeasured=Cause.NONE_DUE.because(kind=kind, when=""),
                failed=f"{not_ok:,} of {whole.offered:,} were not ok",
            )
        )
    return found


def down(name: str, limit: float, found: Downtime, evidence: Evidence, *, when: str = "") -> Criterion:
    """Downtime against its limit.

    Args:
        name: of the criterion.
        limit: in seconds.
        found: the downtime.
        evidence: that it was found in.
        when: of which time it is, for people.
    """
    kind = "queries" if "query" in name else "events"
    at_least, longest = found.longest_at_least_seconds, found.longest_seconds
    failed = f"no {kind} were answered for that long{when}"
    if found.unfinished:
        failed += ", and none were when it was judged"
    if at_least > limit and not evidence.workers_lost:
        measured = at_least if longest is None else longest
        return Criterion(name, limit, measured, Status.FAILED, "seconds", failed)
    unless = on_time(evidence)
    if not unless and longest is not None:
        if longest > limit:
            unless = STALLED.detailed(f"at least {at_least:.3f} s")
        # What is shorter than the baseline's own stretches cannot be told from them.
        elif found.baseline_seconds > USUAL_RATIO * limit:
            unless = Cause.BASELINE_DOWN.because(seconds=found.baseline_seconds)
        elif found.unfinished:
            unless = Cause.STILL_DOWN.because()
    # Whoever cannot keep up would be no better off with more to do.
    return at_most(name, limit, longest, "seconds", unless=unless, unmeasured=unless or _RARE, failed=failed)


def recovery_time(evidence: Evidence, found: Recovery) -> Criterion:
    """How long it took until all was as before."""
    limit = evidence.limits.max_recovery
    span = (evidence.baseline_seconds[0], evidence.ended_seconds)
    unless = on_time(evidence)
    steady = all(rates.is_steady(span) for rates in (evidence.query_rates, evidence.event_rates))
    if not steady or any(span[0] <= at <= span[1] for at in evidence.mixes_changed):
        unless = unless or Cause.LOAD_CHANGED.because()
    failed = "it took too long until all was as in the baseline"
    if found.at_most_seconds is None and found.reason:
        failed += f" ({found.reason})"
    if found.at_least_seconds > limit and not unless:
        return Criterion("recovery", limit, found.at_least_seconds, Status.FAILED, "seconds", failed)
    at_most_seconds = found.at_most_seconds
    if at_most_seconds is not None and at_most_seconds > limit:
        unless = unless or found.reason.detailed(f"at least {found.at_least_seconds:.0f} s")
    # What was late may be the generator's own, for which it was watched no longer.
    unmeasured = found.reason if found.reason in (NO_CUTOVER, SHORT_BASELINE) else unless or found.reason
    return at_most("recovery", limit, at_most_seconds, "seconds", unless=unless, unmeasured=unmeasured, failed=failed)
