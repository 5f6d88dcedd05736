"""The share of operations since the baseline that were not ok."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.assessment.reasons import SATURATED, WORKER_LOST
from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.remedies import LOOK_AT_THE_PHASE
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.verification.verdict import Criterion, at_most

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures

_AFTER_BASELINE: Final = (Phase.PREPARE, Phase.SYNC, Phase.CUTOVER, Phase.RECOVERY, Phase.ROLLED_BACK, Phase.FAILED)
_READS: Final = ("figures.phases", "workers_lost", "saturated")


def _failures(asked: DeclaredCriterion, evidence: "Evidence", figures: "Figures") -> Criterion:
    from redis_rehearsal.engine.outcome import Outcome, Tally

    allowed, whole = asked.allowed(evidence.limits), Tally()
    for phase in figures.phases:
        if phase.name in _AFTER_BASELINE:
            whole.merge(phase.queries if asked.kind == "queries" else phase.events)
    shed = whole.outcomes[Outcome.SHED]
    not_ok = whole.outcomes[Outcome.FAILED] + whole.outcomes[Outcome.UNKNOWN] + shed
    ratio = not_ok / whole.offered if whole.offered else None
    within = (ratio or 0.0) <= allowed
    unless = NO_REASON
    if within and evidence.workers_lost:
        unless = WORKER_LOST
    elif within and whole.offered and (not_ok + whole.in_flight) / whole.offered > allowed:
        unless = Cause.UNANSWERED.because(count=whole.in_flight)
    elif evidence.saturated and shed and (not_ok - shed) / whole.offered <= allowed:
        # What the generator shed itself says nothing of a server; what failed does.
        unless = SATURATED
    return at_most(
        asked.name,
        allowed,
        ratio,
        asked.unit,
        unless=unless,
        unmeasured=Cause.NONE_DUE.because(kind=asked.kind, when=""),
        failed=f"{not_ok:,} of {whole.offered:,} were not ok",
    )


FAILED_QUERIES: Final = DeclaredCriterion(
    name="failed_queries",
    place=120,
    about="time",
    unit="ratio",
    limit="max_failed_queries",
    judge=_failures,
    reads=_READS,
    advice=LOOK_AT_THE_PHASE,
    explained_by=frozenset({Explanation.RESTART}),
)
FAILED_EVENTS: Final = DeclaredCriterion(
    name="failed_events",
    place=130,
    about="time",
    unit="ratio",
    limit="max_failed_events",
    judge=_failures,
    reads=_READS,
    kind="events",
    advice=f"see `failures` in run.json for their reasons; {LOOK_AT_THE_PHASE}",
    explained_by=frozenset({Explanation.RESTART}),
)
