"""The whole assessment of a migration."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.figures import Figures, PhaseFigures, phase_figures, rows_within
from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER
from redis_rehearsal.migration.assessment.stalled import held_up_seconds, stood_still
from redis_rehearsal.migration.assessment.times import before_cutovers
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.verification.downtime import Downtime, Span, downtime
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.recovery import MEASURES, Measured, Recovery, recovery, slowest
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
    sync_query_downtime: Downtime
    sync_event_downtime: Downtime
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


def _measured(row: Row, evidence: Evidence) -> Measured:
    not_ok = row.queries_failed + row.queries_unknown + row.queries_shed
    not_ok += row.events_failed + row.events_unknown + row.events_shed
    return Measured(
        row.query_response_p50,
        row.query_response_p99,
        row.event_response_p99,
        row.misses,
        row.hits + row.misses,
        row.database_queries,
        not_ok,
        row.queries_offered > 0,
        row.events_offered > 0,
        stood_still(row, evidence),
        held_up_seconds(row, evidence),
    )


def recovery_of(evidence: Evidence) -> Recovery:
    """How long it took after each cutover until all was as in the baseline; of several the slowest."""
    if not evidence.cutovers:
        nothing: dict[str, float | None] = dict.fromkeys(MEASURES)
        return Recovery(0.0, None, nothing, NO_CUTOVER)
    baseline = rows_within(evidence.rows, evidence.began_seconds, *evidence.baseline_seconds)
    found = []
    for place, (began, _) in enumerate(evidence.cutovers):
        # Until the next one begins, or the load ends, which cuts its last second off.
        following = evidence.cutovers[place + 1 : place + 2]
        until = min([evidence.ended_seconds, *(start for start, _ in following)])
        first = evidence.began_seconds + int(began - evidence.began_seconds)
        after = rows_within(evidence.rows, evidence.began_seconds, first, until + 1e-3)
        found.append(recovery(*([_measured(row, evidence) for row in rows] for rows in (baseline, after))))
    return slowest(found)


def _downtimes(evidence: Evidence, gaps: Sequence[Gap], rates: Rates, limit: float) -> tuple[Downtime, Downtime]:
    """Before a cutover, and from the first one on; of what reaches from one into the other both know the whole."""
    carrying = before_cutovers(evidence)
    since: list[Span] = [(carrying[0][1], evidence.ended_seconds)]
    return (
        downtime(
            gaps, evidence.baseline_seconds, carrying, rates, evidence.limits.max_sync_downtime, evidence.ended_seconds
        ),
        downtime(gaps, evidence.baseline_seconds, since, rates, limit),
    )


def figures_of(evidence: Evidence) -> Figures:
    """What is found in the evidence before it is judged."""
    limits = evidence.limits
    phases = phase_figures(
        evidence.segments,
        evidence.ended_seconds,
        evidence.queries,
        evidence.events,
        evidence.rows,
        evidence.began_seconds,
    )
    sync_queries, queries = _downtimes(evidence, evidence.query_gaps, evidence.query_rates, limits.max_query_downtime)
    sync_events, events = _downtimes(evidence, evidence.event_gaps, evidence.event_rates, limits.max_event_downtime)
    return Figures(phases, queries, events, sync_queries, sync_events, recovery_of(evidence))


def assess(evidence: Evidence) -> Assessment:
    """Judge a migration."""
    found = figures_of(evidence)
    judged = (criterion.judged(evidence, found) for criterion in CRITERIA.values())
    return Assessment(
        found.phases,
        _impact(evidence),
        evidence.comparison,
        found.queries,
        found.events,
        found.sync_queries,
        found.sync_events,
        found.recovery,
        judge(each for each in judged if each is not None),
    )
