"""What became of increments, by the ledger."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, bounded

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures

_NOT_COMPARED: Final = Cause.COUNTERS_NOT_COMPARED.because()


def _bounded(asked: DeclaredCriterion, evidence: "Evidence", least: int, most: int, failed: str) -> Criterion:
    error, allowed = evidence.audit.error, asked.allowed(evidence.limits)
    bounded_above = not error and not evidence.audit.result.unverified_counters
    return bounded(
        asked.name,
        allowed,
        # What was found stands, whatever could not be read.
        least if not error or least > allowed else None,
        most if bounded_above else None,
        reason=error.under("the counters could not be read") if error else _NOT_COMPARED,
        failed=failed,
    )


def _lost(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    limits, result = evidence.limits, evidence.audit.result
    # Too many are missing in any case, however many of them are stranded.
    either = (
        result.missing > limits.max_lost + limits.max_stranded
        and result.lost <= limits.max_lost
        and result.stranded <= limits.max_stranded
    )
    if either:
        failed = f"{result.missing:,} acknowledged are missing; how many of them are stranded is not known"
        return _bounded(asked, evidence, result.missing - limits.max_stranded, result.lost_at_most, failed)
    return _bounded(asked, evidence, result.lost, result.lost_at_most, "acknowledged and missing")


def _duplicated(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    result = evidence.audit.result
    return _bounded(asked, evidence, result.duplicated, result.duplicated_at_most, "counted more often than sent")


def _stranded(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    result = evidence.audit.result
    failed = "acknowledged by the old server after it had stopped being the truth"
    return _bounded(asked, evidence, result.stranded, result.stranded_at_most, failed)


LOST: Final = DeclaredCriterion(
    name="lost",
    place=20,
    about="data",
    limit="max_lost",
    judge=_lost,
    reads=("audit",),
    advice="compare the worst counters on both servers, and hold writes until the target has them all.",
    explained_by=frozenset(Explanation),
)
DUPLICATED: Final = DeclaredCriterion(
    name="duplicated",
    place=30,
    about="data",
    limit="max_duplicated",
    judge=_duplicated,
    reads=("audit",),
    advice="find what writes to the target besides the application: a tool that was not ended, or a retry.",
    explained_by=frozenset({Explanation.RESTART}),
)
STRANDED: Final = DeclaredCriterion(
    name="stranded",
    place=40,
    about="data",
    limit="max_stranded",
    judge=_stranded,
    reads=("audit",),
    advice="fence the source in the cutover: --freeze server, or a shorter --rollout.",
    explained_by=frozenset({Explanation.RESTART, Explanation.NO_FREEZE}),
)
