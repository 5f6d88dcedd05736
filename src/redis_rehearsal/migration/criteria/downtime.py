"""For how long nothing was answered, before the cutover and from it on."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.assessment.reasons import STALLED, on_time
from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.migration.remedies import LONG_CUTOVER, WHILE_COPYING
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, Status, at_most

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence
    from redis_rehearsal.verification.downtime import Downtime

_RARE: Final = Cause.TOO_RARE.because()
_BEFORE: Final = " before the cutover"
_EXPLAINED_BY: Final = frozenset({Explanation.RESTART})


def _down(asked: DeclaredCriterion, evidence: "Evidence", found: "Downtime", when: str = "") -> Criterion:
    """Downtime against its limit.

    Args:
        asked: which criterion.
        evidence: that the downtime was found in.
        found: the downtime.
        when: of which time it is, for people.
    """
    from redis_rehearsal.verification.downtime import USUAL_RATIO

    allowed = asked.allowed(evidence.limits)
    at_least, longest = found.longest_at_least_seconds, found.longest_seconds
    failed = f"no {asked.kind} were answered for that long{when}"
    if found.unfinished:
        failed += ", and none were when it was judged"
    if at_least > allowed and not evidence.workers_lost:
        measured = at_least if longest is None else longest
        return Criterion(asked.name, allowed, measured, Status.FAILED, asked.unit, failed)
    unless = on_time(evidence)
    if not unless and longest is not None:
        if longest > allowed:
            unless = STALLED.detailed(f"at least {at_least:.3f} s")
        # What is shorter than the baseline's own stretches cannot be told from them.
        elif found.baseline_seconds > USUAL_RATIO * allowed:
            unless = Cause.BASELINE_DOWN.because(seconds=found.baseline_seconds)
        elif found.unfinished:
            unless = Cause.STILL_DOWN.because()
    # Whoever cannot keep up would be no better off with more to do.
    return at_most(asked.name, allowed, longest, asked.unit, unless=unless, unmeasured=unless or _RARE, failed=failed)


def _had_a_cutover(evidence: "Evidence") -> bool:
    return bool(evidence.cutovers)


def _reads(figure: str) -> tuple[str, ...]:
    return (f"figures.{figure}", "workers_lost", "saturated")


SYNC_QUERY_DOWNTIME: Final = DeclaredCriterion(
    name="sync_query_downtime",
    place=160,
    about="time",
    unit="seconds",
    limit="max_sync_downtime",
    judge=lambda asked, evidence, figures: _down(asked, evidence, figures.sync_queries, _BEFORE),
    reads=_reads("sync_queries"),
    applies=_had_a_cutover,
    advice=WHILE_COPYING,
    explained_by=_EXPLAINED_BY,
)
SYNC_EVENT_DOWNTIME: Final = DeclaredCriterion(
    name="sync_event_downtime",
    place=170,
    about="time",
    unit="seconds",
    limit="max_sync_downtime",
    judge=lambda asked, evidence, figures: _down(asked, evidence, figures.sync_events, _BEFORE),
    reads=_reads("sync_events"),
    applies=_had_a_cutover,
    kind="events",
    advice=WHILE_COPYING,
    explained_by=_EXPLAINED_BY,
)
QUERY_DOWNTIME: Final = DeclaredCriterion(
    name="query_downtime",
    place=180,
    about="time",
    unit="seconds",
    limit="max_query_downtime",
    judge=lambda asked, evidence, figures: _down(asked, evidence, figures.queries),
    reads=_reads("queries"),
    advice="keep reads on the source until the target answers; a shorter cutover helps.",
    explained_by=_EXPLAINED_BY,
)
EVENT_DOWNTIME: Final = DeclaredCriterion(
    name="event_downtime",
    place=190,
    about="time",
    unit="seconds",
    limit="max_event_downtime",
    judge=lambda asked, evidence, figures: _down(asked, evidence, figures.events),
    reads=_reads("events"),
    kind="events",
    advice=LONG_CUTOVER,
    explained_by=_EXPLAINED_BY,
)
