"""The criteria of a verdict, each with what proves nothing told apart from what is good."""

from collections.abc import Sequence
from typing import Final

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.recovery import Recovery
from redis_rehearsal.verification.verdict import Criterion, Status, at_most, bounded

LEAST_P99_LIMIT_SECONDS: Final = 0.05
P99_FACTOR: Final = 5.0
BASELINE_SHARE: Final = 0.5
"""A baseline with stretches of downtime above this share of the limit is none to judge shorter ones by."""
SATURATED: Final = "the generator itself was the bottleneck"
NO_CUTOVER: Final = "there was no cutover"
WORKER_LOST: Final = "a worker of the load ended by itself, and what it saw in its last second is not known"
_AFTER_BASELINE: Final = (Phase.PREPARE, Phase.SYNC, Phase.CUTOVER, Phase.RECOVERY, Phase.ROLLED_BACK, Phase.FAILED)
_COUNTERS: Final = "some counters could not be compared"


def criteria(
    evidence: Evidence, phases: Sequence[PhaseFigures], queries: Downtime, events: Downtime, recovered: Recovery
) -> list[Criterion]:
    """All criteria that there is evidence for.

    Args:
        evidence: that the rest was found in.
        phases: what was due in each.
        queries: downtime of queries.
        events: downtime of events.
        recovered: when all was as before.
    """
    limits = evidence.limits
    return [
        _migration(evidence),
        *_counts(evidence),
        *_whole(evidence),
        *_structures(evidence),
        *_comparison(evidence),
        *_failures(evidence, phases),
        _down("query_downtime", limits.max_query_downtime, queries, evidence),
        _down("event_downtime", limits.max_event_downtime, events, evidence),
        _cutover_p99(evidence, phases),
        _recovered(evidence, recovered),
    ]


def _migration(evidence: Evidence) -> Criterion:
    done = evidence.status == "done"
    if done and evidence.cutovers:
        return Criterion("migration", None, None, Status.PASSED, "")
    status = Status.UNKNOWN if evidence.unseen else Status.FAILED
    return Criterion("migration", None, None, status, "", evidence.reason or "it did not come to its end")


def _counts(evidence: Evidence) -> list[Criterion]:
    limits, result, checks = evidence.limits, evidence.audit.result, evidence.checks
    error = evidence.audit.error
    reason = f"the counters could not be read: {error}" if error else _COUNTERS
    bounded_above = not error and not result.unverified_counters
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
            ("lost", limits.max_lost, result.lost, result.lost_at_most, "acknowledged and missing"),
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
    unless = WORKER_LOST if evidence.workers_lost else ""
    wrong = checks.wrong + checks.stale + checks.resurrected + checks.misplaced
    for name, limit, count, checked, failed in (
        (
            "wrong_reports",
            limits.max_wrong_reports,
            wrong,
            checks.reports_checked,
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
            "counters were read lower than what had been acknowledged",
        ),
    ):
        # What was seen stands, whoever did not see more.
        unseen = "" if count > limit else unless
        measured = float(count) if checked or count else None
        found.append(
            at_most(name, limit, measured, "count", unless=unseen, unmeasured="no answer was checked", failed=failed)
        )
    return found


def _whole(evidence: Evidence) -> list[Criterion]:
    """What broke beside the migration leaves figures that prove nothing."""
    return [Criterion("run", None, None, Status.UNKNOWN, "", evidence.broken)] if evidence.broken else []


def _structures(evidence: Evidence) -> list[Criterion]:
    audit = evidence.audit
    if not audit.structures:
        return []
    results = audit.structures.values()
    least = sum(result.lost + result.duplicated + result.stranded for result in results)
    most = sum(result.lost_at_most + result.duplicated_at_most + result.stranded_at_most for result in results)
    sure = not audit.error and not any(result.unverified_counters for result in results)
    limit = evidence.limits.max_wrong_elements
    named = ", ".join(
        f"{result.lost + result.duplicated + result.stranded:,} of {name}"
        for name, result in audit.structures.items()
        if result.lost or result.duplicated or result.stranded
    )
    return [
        bounded(
            "structures",
            limit,
            least if not audit.error or least > limit else None,
            most if sure else None,
            reason=f"the structures could not be read: {audit.error}" if audit.error else _COUNTERS,
            failed=f"elements of live structures lost, duplicated or stranded: {named}",
        )
    ]


def _comparison(evidence: Evidence) -> list[Criterion]:
    found = evidence.comparison
    if found is None:
        return []
    named = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items() if count)
    limit = evidence.limits.max_unexplained
    too_many = found.unexplained > limit
    return [
        at_most(
            "comparison",
            limit,
            float(found.unexplained) if too_many or not found.error else None,
            "count",
            unless="" if too_many else found.unreadable,
            unmeasured=f"the servers could not be compared: {found.error}",
            failed=f"keys differ for no reason that is known: {named}",
        )
    ]


def _failures(evidence: Evidence, phases: Sequence[PhaseFigures]) -> list[Criterion]:
    found = []
    for kind, limit in (("queries", evidence.limits.max_failed_queries), ("events", evidence.limits.max_failed_events)):
        whole = Tally()
        for phase in phases:
            if phase.name in _AFTER_BASELINE:
                whole.merge(getattr(phase, kind))
        not_ok = whole.outcomes[Outcome.FAILED] + whole.outcomes[Outcome.UNKNOWN] + whole.outcomes[Outcome.SHED]
        ratio = not_ok / whole.offered if whole.offered else None
        unless = WORKER_LOST if evidence.workers_lost and (ratio or 0.0) <= limit else ""
        if evidence.saturated and whole.outcomes[Outcome.SHED]:
            unless = unless or SATURATED
        found.append(
            at_most(
                f"failed_{kind}",
                limit,
                ratio,
                "ratio",
                unless=unless,
                unmeasured=f"no {kind} were due",
                failed=f"{not_ok:,} of {whole.offered:,} were not ok",
            )
        )
    return found


def _on_time(evidence: Evidence) -> str:
    if evidence.workers_lost:
        return WORKER_LOST
    return SATURATED if evidence.saturated else ""


def _down(name: str, limit: float, found: Downtime, evidence: Evidence) -> Criterion:
    kind = name.partition("_")[0]
    # What is shorter than the baseline's own stretches cannot be told from them.
    unless = ""
    if (found.longest_seconds or 0.0) <= limit:
        if found.baseline_seconds > BASELINE_SHARE * limit:
            unless = f"the baseline itself had {found.baseline_seconds:.3f} s without an answer"
        elif found.unfinished:
            unless = "it was still down when the load ended"
    return at_most(
        name,
        limit,
        found.longest_seconds,
        "seconds",
        unless=_on_time(evidence) or unless,
        unmeasured="operations come too rarely to tell downtime from waiting for one; raise the rate or the limit",
        failed=f"no {kind} was answered for that long",
    )


def _p99(tally: Tally) -> float | None:
    return tally.response.quantile(0.99)


def _cutover_p99(evidence: Evidence, phases: Sequence[PhaseFigures]) -> Criterion:
    baseline = next((phase for phase in phases if phase.name == Phase.BASELINE), None)
    usual = _p99(baseline.queries) if baseline else None
    limit = evidence.limits.max_cutover_p99
    derived = limit is None
    if limit is None and usual is not None:
        limit = max(LEAST_P99_LIMIT_SECONDS, P99_FACTOR * usual)
    cutover = Tally()
    before = ""
    for name, segment, _ in evidence.phases:
        # The first segment of a recovery is the 5 s after its cutover.
        counts = name == Phase.CUTOVER or (name == Phase.RECOVERY and before != Phase.RECOVERY)
        if counts and segment in evidence.queries:
            cutover.merge(evidence.queries[segment])
        before = name
    measured = _p99(cutover) if evidence.cutovers else None
    why = "no query was answered in the cutover" if evidence.cutovers else NO_CUTOVER
    unless = ""
    if derived and usual is not None and usual > LEAST_P99_LIMIT_SECONDS and (measured or 0.0) <= (limit or 0.0):
        unless = f"the baseline itself had a p99 of {usual:.3f} s"
    return at_most(
        "cutover_p99",
        limit,
        measured,
        "seconds",
        unless=_on_time(evidence) or unless,
        unmeasured=why if limit is not None else "there was no baseline",
        failed="queries due in the cutover and 5 s after it were slow",
    )


def _recovered(evidence: Evidence, found: Recovery) -> Criterion:
    return at_most(
        "recovery",
        evidence.limits.max_recovery,
        found.seconds,
        "seconds",
        unless=_on_time(evidence),
        unmeasured=found.reason,
        failed="it took too long until all was as in the baseline",
    )
