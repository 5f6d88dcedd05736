"""Whether the migration, and the run with it, came to its end."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.criterion import DeclaredCriterion
from redis_rehearsal.migration.remedies import MEND
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, Status, unknown

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures


def _migration(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    done = evidence.status == "done"
    if done and evidence.cutovers and evidence.replica:
        # Whatever the connections do that were open before: the next one cannot write.
        reason = (
            f"new connections to {evidence.replica} reach a replica: it takes no writes, or loses them when it "
            "synchronises with its primary"
        )
        return Criterion(asked.name, None, None, Status.FAILED, asked.unit, reason)
    if done and evidence.cutovers and evidence.unattributed:
        because = evidence.unattributed.under("which server answered is not known")
        return unknown(asked.name, None, None, asked.unit, because)
    if done and evidence.cutovers:
        return Criterion(asked.name, None, None, Status.PASSED, asked.unit)
    if evidence.unseen:
        return unknown(asked.name, None, None, asked.unit, evidence.unseen)
    reason = evidence.reason or "it did not come to its end"
    return Criterion(asked.name, None, None, Status.FAILED, asked.unit, reason)


def _run(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    return unknown(asked.name, None, None, asked.unit, Cause.RUN_BROKE.because(sentence=evidence.broken))


MIGRATION: Final = DeclaredCriterion(
    name="migration",
    place=10,
    about="run",
    unit="",
    judge=_migration,
    reads=("status", "cutovers", "replica", "unattributed", "unseen", "reason"),
    advice="read the reason and the steps; nothing else counts before the migration ends as done.",
)
RUN: Final = DeclaredCriterion(
    name="run",
    place=70,
    about="run",
    unit="",
    judge=_run,
    reads=("broken",),
    # What broke beside the migration leaves figures that prove nothing.
    applies=lambda evidence: bool(evidence.broken),
    advice=MEND,
)
