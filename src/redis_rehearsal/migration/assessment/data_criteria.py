"""Criteria about data: what was lost, doubled, stranded, wrong, or differs."""

from typing import Final

from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.reasons import COMPARED_LATER, WORKER_LOST
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason
from redis_rehearsal.verification.verdict import Criterion, at_most, bounded

_COUNTERS: Final = Cause.COUNTERS_NOT_COMPARED.because()
_NOT_COMPARED: Final = "the servers could not be compared"


def counts(evidence: Evidence) -> list[Criterion]:
    """Of increments and of answers that were checked."""
    limits, result, checks = evidence.limits, evidence.audit.result, evidence.checks
    error = evidence.audit.error
    reason = error.under("the counters could not be read") if error else _COUNTERS
    bounded_above = not error and not result.unverified_counters
    # Too many are missing in any case, however many of them are stranded.
    either = (
        result.missing > limits.max_lost + limits.max_stranded
        and result.lost <= limits.max_lost
        and result.stranded <= limits.max_stranded
    )
    missing = f"{result.missing:,} acknowledged are missing; how many of them are stranded is not known"
    surely_lost = result.missing - limits.max_stranded if either else result.lost
    found = [
        bounded(
            name,
            limit,
            # What was found stands, whatever could not be read.
            least if not error or least > limit else None,
            most if bounded_above else None,
            reason=reason,
            failed=failed,
        )
        for name, limit, least, most, failed in (
            (
                "lost",
                limits.max_lost,
                surely_lost,
                result.lost_at_most,
                missing if either else "acknowledged and missing",
            ),
            (
                "duplicated",
                limits.max_duplicated,
                result.duplicated,
                result.duplicated_at_most,
                "counted more often than sent",
            ),
            (
                "stranded",
                limits.max_stranded,
                result.stranded,
                result.stranded_at_most,
                "acknowledged by the old server after it had stopped being the truth",
            ),
        )
    ]
    unless = WORKER_LOST if evidence.workers_lost else NO_REASON
    wrong = checks.wrong + checks.stale + checks.resurrected + checks.misplaced
    for name, limit, count, checked, unmeasured, failed in (
        (
            "wrong_reports",
            limits.max_wrong_reports,
            wrong,
            checks.reports_checked,
            Cause.NO_REPORT_CHECKED,
            (
                f"{checks.wrong:,} wrong, {checks.stale:,} stale, {checks.resurrected:,} back from the dead, "
                f"{checks.misplaced:,} overwritten by something else"
            ),
        ),
        (
            "counter_regressions",
            limits.max_counter_regressions,
            checks.counter_regressions,
            checks.counters_checked,
            Cause.NO_COUNTER_CHECKED,
            "counters were read lower than what had been acknowledged",
        ),
    ):
        # What was seen stands, whoever did not see more.
        unseen = NO_REASON if count > limit else unless
        measured = float(count) if checked or count else None
        found.append(
            at_most(name, limit, measured, "count", unless=unseen, unmeasured=unmeasured.because(), failed=failed)
        )
    return found


def structures(evidence: Evidence) -> list[Criterion]:
    """Of live structures; none where there are none."""
    audit = evidence.audit
    if not audit.structures:
        return []
    results = audit.structures.values()
    least = sum(result.surely_wrong for result in results)
    most = sum(
        result.lost_at_most + result.duplicated_at_most + result.stranded_at_most + result.disordered
        for result in results
    )
    sure = not audit.error and not any(result.unverified_counters for result in results)
    limit = evidence.limits.max_wrong_elements
    named = ", ".join(
        f"{result.surely_wrong:,} of {name}" for name, result in audit.structures.items() if result.surely_wrong
    )
    reason = audit.error.under("the structures could not be read") if audit.error else _COUNTERS
    forgotten = sum(result.forgotten for result in results)
    if sure and forgotten:
        # There is a bound, but which part of it is what says more than the sum.
        sure = False
        reason = Cause.ELEMENTS_FORGOTTEN.because(count=forgotten)
    return [
        bounded(
            "structures",
            limit,
            least if not audit.error or least > limit else None,
            most if sure else None,
            reason=reason,
            failed=f"elements of live structures lost, duplicated, stranded or out of order: {named}",
        )
    ]


def comparison(evidence: Evidence) -> list[Criterion]:
    """Of the two servers key by key; none where they were not compared."""
    found = evidence.comparison
    if found is None:
        return []
    named = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items() if count)
    limit = evidence.limits.max_unexplained
    too_many = found.unexplained > limit
    unmeasured = _not_compared(found)
    nothing = not found.error and not found.keys_compared
    largest = found.drift.max_seconds or 0.0
    too_late = largest > evidence.limits.max_ttl_drift
    return [
        at_most(
            "comparison",
            limit,
            float(found.unexplained) if too_many or not found.error else None,
            "count",
            unless=NO_REASON if too_many else found.doubts,
            unmeasured=unmeasured,
            failed=f"keys differ for no reason that is known: {named}",
        ),
        at_most(
            "ttl_drift",
            evidence.limits.max_ttl_drift,
            largest if too_late or not (found.error or nothing) else None,
            "seconds",
            unmeasured=found.doubts if nothing else unmeasured,
            failed=f"times to live are apart of {found.drift.count:,} keys that are the same in all else",
        ),
    ]


def _not_compared(found: KeyComparison) -> Reason:
    """Why two servers were not compared; empty where they were."""
    # Nothing was in the way of what is yet to come.
    return found.error if found.error in (NO_REASON, COMPARED_LATER) else found.error.under(_NOT_COMPARED)


def not_carried(evidence: Evidence) -> list[Criterion]:
    """Of what the target cannot hold; none where no keys were carried by the strategy and the servers not compared."""
    compared = evidence.comparison
    found = [each for each in (evidence.not_carried, compared.not_carried if compared else None) if each is not None]
    if not found:
        return []
    # Both saw the same things, each perhaps not all of them.
    most = max(found, key=lambda each: each.things)
    limit = evidence.limits.max_not_carried
    unseen = compared is not None and bool(compared.error) and evidence.not_carried is None
    return [
        at_most(
            "not_carried",
            limit,
            None if unseen and most.things <= limit else float(most.things),
            "count",
            unmeasured=_not_compared(compared) if compared else NO_REASON,
            failed=f"times to live of fields or counts of streams that the target cannot hold: {', '.join(most.keys)}",
        )
    ]
