"""The criteria of a verdict, each with what proves nothing told apart from what is good."""

from redis_rehearsal.migration.assessment.data_criteria import comparison, counts, not_carried, structures
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import Figures
from redis_rehearsal.migration.assessment.latency_criteria import cutover_latency, sync_latency
from redis_rehearsal.migration.assessment.time_criteria import down, failures, recovery_time
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.verdict import Criterion, Status, unknown

_BEFORE = " before the cutover"


def criteria(evidence: Evidence, figures: Figures) -> list[Criterion]:
    """All criteria that there is evidence for.

    Args:
        evidence: that the rest was found in.
        figures: what was found.
    """
    limits = evidence.limits
    before: list[Criterion] = []
    if evidence.cutovers:
        most = limits.max_sync_downtime
        before = [
            *sync_latency(evidence),
            down("sync_query_downtime", most, figures.sync_queries, evidence, when=_BEFORE),
            down("sync_event_downtime", most, figures.sync_events, evidence, when=_BEFORE),
        ]
    return [
        _migration(evidence),
        *counts(evidence),
        *_whole(evidence),
        *structures(evidence),
        *comparison(evidence),
        *not_carried(evidence),
        *failures(evidence, figures.phases),
        *before,
        down("query_downtime", limits.max_query_downtime, figures.queries, evidence),
        down("event_downtime", limits.max_event_downtime, figures.events, evidence),
        *cutover_latency(evidence),
        recovery_time(evidence, figures.recovery),
    ]


def _migration(evidence: Evidence) -> Criterion:
    done = evidence.status == "done"
    if done and evidence.cutovers and evidence.replica:
        # Whatever the connections do that were open before: the next one cannot write.
        reason = (
            f"new connections to {evidence.replica} reach a replica: it takes no writes, or loses them when it "
            "synchronises with its primary"
        )
        return Criterion("migration", None, None, Status.FAILED, "", reason)
    if done and evidence.cutovers and evidence.unattributed:
        reason = evidence.unattributed.under("which server answered is not known")
        return unknown("migration", None, None, "", reason)
    if done and evidence.cutovers:
        return Criterion("migration", None, None, Status.PASSED, "")
    if evidence.unseen:
        return unknown("migration", None, None, "", evidence.unseen)
    return Criterion("migration", None, None, Status.FAILED, "", evidence.reason or "it did not come to its end")


def _whole(evidence: Evidence) -> list[Criterion]:
    """What broke beside the migration leaves figures that prove nothing."""
    if not evidence.broken:
        return []
    return [unknown("run", None, None, "", Cause.RUN_BROKE.because(sentence=evidence.broken))]
