"""The criteria of a verdict, each with what proves nothing told apart from what is good."""

from collections.abc import Sequence

from redis_rehearsal.migration.assessment.data_criteria import comparison, counts, structures
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.assessment.time_criteria import cutover_p99, down, failures, recovery_time
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.recovery import Recovery
from redis_rehearsal.verification.verdict import Criterion, Status


def criteria(
    evidence: Evidence, phases: Sequence[PhaseFigures], queries: Downtime, events: Downtime, recovery: Recovery
) -> list[Criterion]:
    """All criteria that there is evidence for.

    Args:
        evidence: that the rest was found in.
        phases: what was due in each.
        queries: downtime of queries.
        events: downtime of events.
        recovery: when all was as before.
    """
    limits = evidence.limits
    return [
        _migration(evidence),
        *counts(evidence),
        *_whole(evidence),
        *structures(evidence),
        *comparison(evidence),
        *failures(evidence, phases),
        down("query_downtime", limits.max_query_downtime, queries, evidence),
        down("event_downtime", limits.max_event_downtime, events, evidence),
        cutover_p99(evidence, phases),
        recovery_time(evidence, recovery),
    ]


def _migration(evidence: Evidence) -> Criterion:
    done = evidence.status == "done"
    if done and evidence.cutovers:
        return Criterion("migration", None, None, Status.PASSED, "")
    status = Status.UNKNOWN if evidence.unseen else Status.FAILED
    return Criterion("migration", None, None, status, "", evidence.reason or "it did not come to its end")


def _whole(evidence: Evidence) -> list[Criterion]:
    """What broke beside the migration leaves figures that prove nothing."""
    return [Criterion("run", None, None, Status.UNKNOWN, "", evidence.broken)] if evidence.broken else []
