"""What was wrong with answers that were checked while the load lasted."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.assessment.reasons import WORKER_LOST
from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.verification.verdict import Criterion, at_most

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures

_EXPLAINED_BY: Final = frozenset({Explanation.RESTART, Explanation.EVICTION, Explanation.NO_FINAL_PASS})


def _counted(
    asked: DeclaredCriterion, evidence: "Evidence", count: int, checked: int, unmeasured: Cause, failed: str
) -> Criterion:
    allowed = asked.allowed(evidence.limits)
    # What was seen stands, whoever did not see more.
    unless = WORKER_LOST if evidence.workers_lost and count <= allowed else NO_REASON
    measured = float(count) if checked or count else None
    return at_most(
        asked.name, allowed, measured, asked.unit, unless=unless, unmeasured=unmeasured.because(), failed=failed
    )


def _wrong_reports(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    checks = evidence.checks
    wrong = checks.wrong + checks.stale + checks.resurrected + checks.misplaced
    failed = (
        f"{checks.wrong:,} wrong, {checks.stale:,} stale, {checks.resurrected:,} back from the dead, "
        f"{checks.misplaced:,} overwritten by something else"
    )
    return _counted(asked, evidence, wrong, checks.reports_checked, Cause.NO_REPORT_CHECKED, failed)


def _counter_regressions(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    checks = evidence.checks
    failed = "counters were read lower than what had been acknowledged"
    return _counted(
        asked, evidence, checks.counter_regressions, checks.counters_checked, Cause.NO_COUNTER_CHECKED, failed
    )


WRONG_REPORTS: Final = DeclaredCriterion(
    name="wrong_reports",
    place=50,
    about="data",
    limit="max_wrong_reports",
    judge=_wrong_reports,
    reads=("checks", "workers_lost"),
    advice="carry deletions too: a copy that restores deleted reports must be repeated while writes are held.",
    explained_by=_EXPLAINED_BY,
)
COUNTER_REGRESSIONS: Final = DeclaredCriterion(
    name="counter_regressions",
    place=60,
    about="data",
    limit="max_counter_regressions",
    judge=_counter_regressions,
    reads=("checks", "workers_lost"),
    advice="switch reads only after the target has every acknowledged increment.",
    explained_by=_EXPLAINED_BY,
)
