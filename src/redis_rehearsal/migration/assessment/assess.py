"""The whole assessment of a migration."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis_rehearsal.fleet.timeline import Row
from redis_rehearsal.migration.assessment.criteria import criteria
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.figures import PhaseFigures, phase_figures, rows_within
from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER
from redis_rehearsal.verification.downtime import Downtime, Gap, downtime
from redis_rehearsal.verification.recovery import Measures, Recovery, recovery
from redis_rehearsal.verification.verdict import Verdict, judge


@dataclass(frozen=True, slots=True)
class Impact:
    """The worst seconds after the baseline.

    Attributes:
        lowest_hit_ratio: of a second; None where nothing was asked.
        highest_database_queries_per_second: of a second.
        source_cpu_ratio: share of a core that the source used from the baseline's end to the cutover's; None where it
            was not seen.
        generator_saturated: whether the generator itself was the bottleneck since the baseline began, so that times
            prove nothing.
    """

    lowest_hit_ratio: float | None
    highest_database_queries_per_second: int
    source_cpu_ratio: float | None
    generator_saturated: bool


@dataclass(frozen=True, slots=True)
class Assessment:
    """What came of a migration."""

    phases: list[PhaseFigures]
    impact: Impact
    comparison: KeyComparison | None
    query_downtime: Downtime
    event_downtime: Downtime
    recovery: Recovery
    verdict: Verdict


def _impact(evidence: Evidence) -> Impact:
    after = [row for row in evidence.rows if evidence.began_seconds + row.second >= evidence.baseline_seconds[1]]
    ratios = [row.hit_ratio for row in after if row.hit_ratio is not None]
    return Impact(
        min(ratios, default=None),
        max((row.database_queries for row in after), default=0),
        evidence.source_cpu_ratio,
        evidence.saturated,
    )


def _measures(row: Row) -> Measures:
    answered = row.hits + row.misses
    not_ok = row.queries_failed + row.queries_unknown + row.queries_shed
    not_ok += row.events_failed + row.events_unknown + row.events_shed
    return {
        "p99": row.query_response_p99,
        "misses": row.misses / answered if answered else None,
        "database_queries": float(row.database_queries),
        "failed": float(not_ok),
    }


def _recovery(evidence: Evidence) -> Recovery:
    if not evidence.cutovers:
        nothing: dict[str, float | None] = dict.fromkeys(("p99", "misses", "database_queries", "failed"))
        return Recovery(None, nothing, NO_CUTOVER)
    baseline = rows_within(evidence.rows, evidence.began_seconds, *evidence.baseline_seconds)
    found = []
    for place, (began, _) in enumerate(evidence.cutovers):
        # Until the next one begins, or the load ends, which cuts its last second off.
        following = evidence.cutovers[place + 1 : place + 2]
        until = min([evidence.ended_seconds, *(start for start, _ in following)])
        first = evidence.began_seconds + int(began - evidence.began_seconds)
        after = rows_within(evidence.rows, evidence.began_seconds, first, until + 1e-3)
        found.append(recovery([_measures(row) for row in baseline], [_measures(row) for row in after]))
    # The slowest one counts, and one that was not seen to end above all.
    return max(found, key=lambda each: float("inf") if each.seconds is None else each.seconds)


def _downtime(evidence: Evidence, gaps: Sequence[Gap], rate: float, limit: float) -> Downtime:
    began, changed = evidence.baseline_seconds
    mean_gap = 1.0 / rate if rate > 0 else float("inf")
    return downtime(gaps, began, changed, evidence.ended_seconds, mean_gap, limit)


def assess(evidence: Evidence) -> Assessment:
    """Judge a migration."""
    limits = evidence.limits
    phases = phase_figures(
        evidence.phases,
        evidence.ended_seconds,
        evidence.queries,
        evidence.events,
        evidence.rows,
        evidence.began_seconds,
    )
    queries = _downtime(evidence, evidence.query_gaps, evidence.query_rate, limits.max_query_downtime)
    events = _downtime(evidence, evidence.event_gaps, evidence.event_rate, limits.max_event_downtime)
    recovered = _recovery(evidence)
    found = criteria(evidence, phases, queries, events, recovered)
    return Assessment(phases, _impact(evidence), evidence.comparison, queries, events, recovered, judge(found))
