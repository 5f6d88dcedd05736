"""What became of the elements of live structures, by the ledger."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, bounded

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures

_NOT_COMPARED: Final = Cause.COUNTERS_NOT_COMPARED.because()


def _structures(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    audit, allowed = evidence.audit, asked.allowed(evidence.limits)
    results = audit.structures.values()
    least = sum(result.surely_wrong for result in results)
    most = sum(
        result.lost_at_most + result.duplicated_at_most + result.stranded_at_most + result.disordered
        for result in results
    )
    sure = not audit.error and not any(result.unverified_counters for result in results)
    named = ", ".join(
        f"{result.surely_wrong:,} of {name}" for name, result in audit.structures.items() if result.surely_wrong
    )
    reason = audit.error.under("the structures could not be read") if audit.error else _NOT_COMPARED
    forgotten = sum(result.forgotten for result in results)
    if sure and forgotten:
        # There is a bound, but which part of it is what says more than the sum.
        sure = False
        reason = Cause.ELEMENTS_FORGOTTEN.because(count=forgotten)
    return bounded(
        asked.name,
        allowed,
        least if not audit.error or least > allowed else None,
        most if sure else None,
        reason=reason,
        failed=f"elements of live structures lost, duplicated, stranded or out of order: {named}",
    )


STRUCTURES: Final = DeclaredCriterion(
    name="structures",
    place=80,
    about="data",
    limit="max_wrong_elements",
    judge=_structures,
    reads=("audit",),
    applies=lambda evidence: bool(evidence.audit.structures),
    advice="as for lost and duplicated: hold writes until the target has them all.",
    explained_by=frozenset({Explanation.RESTART, Explanation.EVICTION, Explanation.NO_FINAL_PASS}),
)
