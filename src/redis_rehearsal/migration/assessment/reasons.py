"""Why a figure proves nothing, where no figure stands in the reason; all causes are in verification/reasons.py."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence

SATURATED: Final = Cause.GENERATOR_SATURATED.because()
STALLED: Final = Cause.GENERATOR_STALLED.because()
NO_CUTOVER: Final = Cause.NO_CUTOVER.because()
WORKER_LOST: Final = Cause.WORKER_LOST.because()
STALLED_BASELINE: Final = Cause.BASELINE_STALLED.because()
COMPARED_LATER: Final = Cause.COMPARED_LATER.because()


def on_time(evidence: "Evidence") -> Reason:
    """Why times prove nothing; empty where they do."""
    if evidence.workers_lost:
        return WORKER_LOST
    return SATURATED if evidence.saturated else NO_REASON
