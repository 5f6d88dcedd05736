"""How slow queries and events were before the cutover, and in it and right after it."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation, Kind
from redis_rehearsal.migration.remedies import WHILE_COPYING
from redis_rehearsal.verification.verdict import Criterion

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.migration.assessment.figures import Figures

_EXPLAINED_BY: Final = frozenset({Explanation.RESTART})
_READS: Final = (
    *("cutovers", "ended_seconds", "segments", "rows", "began_seconds", "baseline_seconds"),
    *("stalls", "workers_lost", "saturated"),
)


def _cutover(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    from redis_rehearsal.migration.assessment.latency import cutover_latency

    return cutover_latency(asked, evidence)


def _sync(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    from redis_rehearsal.migration.assessment.latency import sync_latency

    return sync_latency(asked, evidence)


def _was_due_before(evidence: "Evidence", kind: Kind) -> bool:
    from redis_rehearsal.migration.assessment.latency import was_due_while_carrying

    return bool(evidence.cutovers) and was_due_while_carrying(evidence, kind)


SYNC_P99: Final = DeclaredCriterion(
    name="sync_p99",
    place=140,
    about="time",
    unit="seconds",
    limit="max_sync_p99",
    judge=_sync,
    reads=("queries", *_READS),
    applies=lambda evidence: _was_due_before(evidence, "queries"),
    advice=WHILE_COPYING,
    explained_by=_EXPLAINED_BY,
)
EVENT_SYNC_P99: Final = DeclaredCriterion(
    name="event_sync_p99",
    place=150,
    about="time",
    unit="seconds",
    limit="max_sync_p99",
    judge=_sync,
    reads=("events", *_READS),
    applies=lambda evidence: _was_due_before(evidence, "events"),
    kind="events",
    advice=WHILE_COPYING,
    explained_by=_EXPLAINED_BY,
)
CUTOVER_P99: Final = DeclaredCriterion(
    name="cutover_p99",
    place=200,
    about="time",
    unit="seconds",
    limit="max_cutover_p99",
    judge=_cutover,
    reads=("queries", *_READS),
    advice="move tenants over a period (--rollout), and look at what the target does besides.",
    explained_by=_EXPLAINED_BY,
)
EVENT_CUTOVER_P99: Final = DeclaredCriterion(
    name="event_cutover_p99",
    place=210,
    about="time",
    unit="seconds",
    limit="max_event_cutover_p99",
    judge=_cutover,
    reads=("events", "held_seconds", *_READS),
    kind="events",
    advice="look at what the target does besides, and at its own latency for writes.",
    explained_by=_EXPLAINED_BY,
)
