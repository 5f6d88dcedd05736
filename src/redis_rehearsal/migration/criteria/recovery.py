"""How long it took until all was as before."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER, on_time
from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.recovery import SHORT_BASELINE
from redis_rehearsal.verification.verdict import Criterion, Status, at_most

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures


def _recovery(asked: DeclaredCriterion, evidence: "Evidence", figures: "Figures") -> Criterion:
    found, allowed = figures.recovery, asked.allowed(evidence.limits)
    span = (evidence.baseline_seconds[0], evidence.ended_seconds)
    unless = on_time(evidence)
    steady = all(rates.is_steady(span) for rates in (evidence.query_rates, evidence.event_rates))
    if not steady or any(span[0] <= at <= span[1] for at in evidence.mixes_changed):
        unless = unless or Cause.LOAD_CHANGED.because()
    failed = "it took too long until all was as in the baseline"
    if found.at_most_seconds is None and found.reason:
        failed += f" ({found.reason})"
    if found.at_least_seconds > allowed and not unless:
        return Criterion(asked.name, allowed, found.at_least_seconds, Status.FAILED, asked.unit, failed)
    measured = found.at_most_seconds
    if measured is not None and measured > allowed:
        unless = unless or found.reason.detailed(f"at least {found.at_least_seconds:.0f} s")
    # What was late may be the generator's own, for which it was watched no longer.
    unmeasured = found.reason if found.reason in (NO_CUTOVER, SHORT_BASELINE) else unless or found.reason
    return at_most(asked.name, allowed, measured, asked.unit, unless=unless, unmeasured=unmeasured, failed=failed)


RECOVERY: Final = DeclaredCriterion(
    name="recovery",
    place=220,
    about="time",
    unit="seconds",
    limit="max_recovery",
    judge=_recovery,
    reads=(
        *("figures.recovery", "baseline_seconds", "ended_seconds", "query_rates", "event_rates", "mixes_changed"),
        *("workers_lost", "saturated"),
    ),
    advice="see which measure came back last; warm the target before the switch if it is the misses.",
    explained_by=frozenset({Explanation.RESTART, Explanation.EVICTION}),
)
