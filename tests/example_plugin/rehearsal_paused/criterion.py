"""`longest_freeze`: for how long writes were held, however little of it anybody noticed."""

from typing import TYPE_CHECKING

from redis_rehearsal.migration.criterion import DeclaredCriterion
from redis_rehearsal.migration.declaring import Option
from redis_rehearsal.quantities import Seconds
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, at_most

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures


def _judge(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    return at_most(
        asked.name,
        asked.allowed(evidence.limits),
        max(evidence.held_seconds, default=None),
        asked.unit,
        unmeasured=Cause.NO_CUTOVER.because(),
        failed="writes were held for that long",
    )


LONGEST_FREEZE = DeclaredCriterion(
    name="longest_freeze",
    about="time",
    unit="seconds",
    limit=Option("max_freeze", Seconds, 1.0, "Longest time for which writes may be held."),
    judge=_judge,
    reads=("held_seconds",),
    applies=lambda evidence: bool(evidence.cutovers),
    kind="events",
    advice="hold writes for less.",
)
