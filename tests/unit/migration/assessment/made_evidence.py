"""Evidence of a migration in which nothing went wrong, and parts of it."""

from dataclasses import replace

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.fleet.row import Segment
from redis_rehearsal.migration.assessment.assess import assess
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON
from redis_rehearsal.verification.verdict import Criterion

EVIDENCE = Evidence(
    limits=Limits(),
    status="done",
    reason="",
    unseen=NO_REASON,
    segments=[],
    ended_seconds=100.0,
    queries={},
    events={},
    rows=[],
    began_seconds=0.0,
    query_gaps=[],
    event_gaps=[],
    baseline_seconds=(0.0, 10.0),
    cutovers=[(10.0, 11.0)],
    audit=Audit(),
    checks=Checks(),
    saturated=False,
    workers_lost=0,
    query_rates=Rates.steady(1_000.0),
    event_rates=Rates.steady(1_000.0),
    source_cpu_ratio=None,
)


def criterion(name: str, evidence: Evidence) -> Criterion:
    return next(each for each in assess(evidence).verdict.criteria if each.name == name)


def tally(ok: int = 0, failed: int = 0, unknown: int = 0, shed: int = 0, response_seconds: float = 0.001) -> Tally:
    made = Tally(offered=ok + failed + unknown + shed)
    made.outcomes = [ok, failed, unknown, shed]
    made.response.record([response_seconds] * ok)
    return made


def phased(**tallies: Tally) -> Evidence:
    """Evidence whose queries and events are due in a segment for each of the phases."""
    segments = [Segment(Phase[name], place, 10.0 * place) for place, name in enumerate(tallies)]
    due = dict(enumerate(tallies.values()))
    cutovers = [(at, at + 1.0) for name, _, at in segments if name == Phase.CUTOVER] or EVIDENCE.cutovers
    return replace(EVIDENCE, segments=segments, queries=due, events=due, cutovers=cutovers)
