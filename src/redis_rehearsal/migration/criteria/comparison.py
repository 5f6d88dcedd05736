"""What differs between the two servers key by key, and what the target cannot hold."""

from typing import TYPE_CHECKING, Final

from redis_rehearsal.migration.assessment.reasons import COMPARED_LATER
from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation
from redis_rehearsal.verification.reasons import NO_REASON, Reason
from redis_rehearsal.verification.verdict import Criterion, at_most

if TYPE_CHECKING:
    from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
    from redis_rehearsal.migration.assessment.figures import Figures
    from redis_rehearsal.verification.not_carried import NotCarried

_NOT_COMPARED: Final = "the servers could not be compared"


def _not_compared(found: "KeyComparison") -> Reason:
    """Why two servers were not compared; empty where they were."""
    # Nothing was in the way of what is yet to come.
    return found.error if found.error in (NO_REASON, COMPARED_LATER) else found.error.under(_NOT_COMPARED)


def _was_compared(evidence: "Evidence") -> bool:
    return evidence.comparison is not None


def _comparison(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    found, allowed = evidence.comparison, asked.allowed(evidence.limits)
    assert found is not None  # noqa: S101 # else it is not asked
    named = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items() if count)
    too_many = found.unexplained > allowed
    return at_most(
        asked.name,
        allowed,
        float(found.unexplained) if too_many or not found.error else None,
        asked.unit,
        unless=NO_REASON if too_many else found.doubts,
        unmeasured=_not_compared(found),
        failed=f"keys differ for no reason that is known: {named}",
    )


def _ttl_drift(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    found, allowed = evidence.comparison, asked.allowed(evidence.limits)
    assert found is not None  # noqa: S101 # else it is not asked
    nothing = not found.error and not found.keys_compared
    largest = found.drift.max_seconds or 0.0
    too_late = largest > allowed
    return at_most(
        asked.name,
        allowed,
        largest if too_late or not (found.error or nothing) else None,
        asked.unit,
        unmeasured=found.doubts if nothing else _not_compared(found),
        failed=f"times to live are apart of {found.drift.count:,} keys that are the same in all else",
    )


def _seen_not_carried(evidence: "Evidence") -> "list[NotCarried]":
    compared = evidence.comparison
    found = (evidence.not_carried, compared.not_carried if compared else None)
    return [each for each in found if each is not None]


def _not_carried(asked: DeclaredCriterion, evidence: "Evidence", _: "Figures") -> Criterion:
    compared, allowed = evidence.comparison, asked.allowed(evidence.limits)
    # Both saw the same things, each perhaps not all of them.
    most = max(_seen_not_carried(evidence), key=lambda each: each.things)
    unseen = compared is not None and bool(compared.error) and evidence.not_carried is None
    return at_most(
        asked.name,
        allowed,
        None if unseen and most.things <= allowed else float(most.things),
        asked.unit,
        unmeasured=_not_compared(compared) if compared else NO_REASON,
        failed=f"times to live of fields or counts of streams that the target cannot hold: {', '.join(most.keys)}",
    )


COMPARISON: Final = DeclaredCriterion(
    name="comparison",
    place=90,
    about="data",
    limit="max_unexplained",
    judge=_comparison,
    reads=("comparison",),
    applies=_was_compared,
    advice="see which keys, and what they have in common: redis-rehearsal compare --output differing.jsonl.",
    explained_by=frozenset({Explanation.RESTART, Explanation.EVICTION, Explanation.NO_FINAL_PASS}),
)
TTL_DRIFT: Final = DeclaredCriterion(
    name="ttl_drift",
    place=100,
    about="data",
    unit="seconds",
    limit="max_ttl_drift",
    judge=_ttl_drift,
    reads=("comparison",),
    applies=_was_compared,
    advice="see that both servers' clocks agree, and which keys: redis-rehearsal compare --output differing.jsonl.",
    # What a server was told late neither room nor a restart nor another pass changes.
)
NOT_CARRIED: Final = DeclaredCriterion(
    name="not_carried",
    place=110,
    about="data",
    limit="max_not_carried",
    judge=_not_carried,
    reads=("comparison", "not_carried"),
    # Asked where the strategy carried keys, or the servers were compared.
    applies=lambda evidence: bool(_seen_not_carried(evidence)),
    advice="move to a server that can hold them, change what depends on them, or accept them: --max-not-carried.",
    # Nor that for which a version has no command.
)
