"""Criteria about time: what failed, was down, was slow, and when all was as before."""

from collections.abc import Sequence
from typing import Final

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER, SATURATED, WORKER_LOST
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.recovery import Recovery
from redis_rehearsal.verification.verdict import Criterion, at_most

LEAST_P99_LIMIT_SECONDS: Final = 0.05
P99_FACTOR: Final = 5.0
BASELINE_SHARE: Final = 0.5
"""A baseline with stretches of downtime above this share of the limit is none to judge shorter ones by."""
_AFTER_BASELINE: Final = (Phase.PREPARE, Phase.SYNC, Phase.CUTOVER, Phase.RECOVERY, Phase.ROLLED_BACK, Phase.FAILED)


def failures(evidence: Evidence, phases: Sequence[PhaseFigures]) -> list[Criterion]:
    """The share of operations since the baseline that were not ok."""
    found = []
    for kind, limit in (("queries", evidence.limits.max_failed_queries), ("events", evidence.limits.max_failed_events)):
        whole = Tally()
        for phase in phases:
            if phase.name in _AFTER_BASELINE:
                whole.merge(getattr(phase, kind))
        not_ok = whole.outcomes[Outcome.FAILED] + whole.outcomes[Outcome.UNKNOWN] + whole.outcomes[Outcome.SHED]
        ratio = not_ok / whole.offered if whole.offered else None
        unless = WORKER_LOST if evidence.workers_lost and (ratio or 0.0) <= limit else ""
        if evidence.saturated and whole.outcomes[Outcome.SHED]:
            unless = unless or SATURATED
        found.append(
            at_most(
                f"failed_{kind}",
                limit,
                ratio,
                "ratio",
                unless=unless,
                unmeasured=f"no {kind} were due",
                failed=f"{not_ok:,} of {whole.offered:,} were not ok",
            )
        )
    return found


def _on_time(evidence: Evidence) -> str:
    if evidence.workers_lost:
        return WORKER_LOST
    return SATURATED if evidence.saturated else ""


def down(name: str, limit: float, found: Downtime, evidence: Evidence) -> Criterion:
    """Downtime against its limit."""
    kind = name.partition("_")[0]
    # What is shorter than the baseline's own stretches cannot be told from them.
    unless = ""
    if (found.longest_seconds or 0.0) <= limit:
        if found.baseline_seconds > BASELINE_SHARE * limit:
            unless = f"the baseline itself had {found.baseline_seconds:.3f} s without an answer"
        elif found.unfinished:
            unless = "it was still down when the load ended"
    return at_most(
        name,
        limit,
        found.longest_seconds,
        "seconds",
        unless=_on_time(evidence) or unless,
        unmeasured="operations come too rarely to tell downtime from waiting for one; raise the rate or the limit",
        failed=f"no {kind} was answered for that long",
    )


def _p99(tally: Tally) -> float | None:
    return tally.response.quantile(0.99)


def cutover_p99(evidence: Evidence, phases: Sequence[PhaseFigures]) -> Criterion:
    """How slow queries were in the cutover."""
    baseline = next((phase for phase in phases if phase.name == Phase.BASELINE), None)
    usual = _p99(baseline.queries) if baseline else None
    limit = evidence.limits.max_cutover_p99
    derived = limit is None
    if limit is None and usual is not None:
        limit = max(LEAST_P99_LIMIT_SECONDS, P99_FACTOR * usual)
    cutover = Tally()
    before = ""
    for name, segment, _ in evidence.phases:
        # The first segment of a recovery is the 5 s after its cutover.
        counts = name == Phase.CUTOVER or (name == Phase.RECOVERY and before != Phase.RECOVERY)
        if counts and segment in evidence.queries:
            cutover.merge(evidence.queries[segment])
        before = name
    measured = _p99(cutover) if evidence.cutovers else None
    why = "no query was answered in the cutover" if evidence.cutovers else NO_CUTOVER
    unless = ""
    if derived and usual is not None and usual > LEAST_P99_LIMIT_SECONDS and (measured or 0.0) <= (limit or 0.0):
        unless = f"the baseline itself had a p99 of {usual:.3f} s"
    return at_most(
        "cutover_p99",
        limit,
        measured,
        "seconds",
        unless=_on_time(evidence) or unless,
        unmeasured=why if limit is not None else "there was no baseline",
        failed="queries due in the cutover and 5 s after it were slow",
    )


def recovery_time(evidence: Evidence, found: Recovery) -> Criterion:
    """How long it took until all was as before."""
    return at_most(
        "recovery",
        evidence.limits.max_recovery,
        found.seconds,
        "seconds",
        unless=_on_time(evidence),
        unmeasured=found.reason,
        failed="it took too long until all was as in the baseline",
    )
