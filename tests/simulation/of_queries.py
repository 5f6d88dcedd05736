"""What the tool says of queries, held against what was answered."""

from itertools import chain

from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.assessment.latency import LEAST_P99_LIMIT_SECONDS
from redis_rehearsal.verification.recovery import RELAPSE_RATIO, STEADY_SECONDS
from redis_rehearsal.verification.verdict import Status
from tests.simulation.answers import Answers
from tests.simulation.complaining import (
    TOLERANCE_SECONDS,
    Complaints,
    downtime_is_so,
    is_late,
    latency_spans,
    ranged,
    share_is_so,
)
from tests.simulation.silence import downtime
from tests.simulation.world import World


def look_at_queries(world: World, found: Complaints) -> None:
    """What is said of queries is what the servers told the workers."""
    view = world.run.view
    if view.workers_lost or world.error or not view.ended_seconds:
        return
    answers, tally = Answers(world), view.totals.counts.recorded_queries.whole()
    reports = answers.reports()
    (due, due_at_most), (least, most) = answers.count_due(), answers.count_ok()
    ok, hits, there = tally.outcomes[Outcome.OK], tally.hits, sum(each.is_whole for each in reports)
    # Who is stopped learns late that the load has ended.
    beyond = any(fault.kind == "worker-stopped" and end > view.ended_seconds for fault, _, end in world.happened)
    found.demand(
        due <= tally.offered and (beyond or tally.offered <= due_at_most),
        f"{tally.offered} queries were due, and {ranged(due, due_at_most)} were",
    )
    found.demand(least <= ok <= most, f"{ok} queries were answered, and {ranged(least, most)} were")
    found.demand(hits == there, f"{hits} reports were in the cache, and {there} were")
    if world.scenario.strategy != "fallback":
        missing = len(reports) - there
        found.demand(tally.misses == missing, f"{tally.misses} reports were not in the cache, and {missing} were not")
    record = world.record
    if record is None or record.assessment is None or not record.migration.baseline_seconds[1]:
        return
    truths = {"wrong_reports": answers.wrong_reports(), "counter_regressions": answers.regressions()}
    if is_late(world):
        # Of what is counted since the baseline none, but those of the baseline may be among these.
        truths = {name: (0, most) for name, (_, most) in truths.items()}
    else:
        truths["failed_queries"] = max(0, due - most), due_at_most - least
    for criterion in record.assessment.verdict.criteria:
        if criterion.name in truths:
            least, most = truths[criterion.name]
            is_so = most > 0 if criterion.status is Status.FAILED else least <= 0 or criterion.status is Status.UNKNOWN
            found.demand(is_so, f"{criterion.name} {criterion.status}, and there are {ranged(least, most)}")
        if criterion.name == "failed_queries" and criterion.name in truths:
            share_is_so(world, criterion, truths[criterion.name], [*chain(*answers.due.values())], found)
    _queries_down(world, record.assessment, answers, found)
    _recovered(world, record.assessment, answers, found)
    _latency(world, record.assessment, answers, found)


def _queries_down(world: World, assessment: Assessment, answers: Answers, found: Complaints) -> None:
    record = world.record
    assert record is not None
    truth = downtime(answers.awaited(), record.migration.baseline_seconds[1], record.ended_seconds)
    parts = assessment.sync_query_downtime, assessment.query_downtime
    downtime_is_so(world, assessment, "queries", parts, truth, found)


def _recovered(world: World, assessment: Assessment, answers: Answers, found: Complaints) -> None:
    """All is as before only once queries are answered again for good."""
    record = world.record
    assert record is not None
    if any(fault.kind in ("worker-stopped", "coordinator-stopped") for fault, *_ in world.happened):
        return
    cutovers = record.migration.context.cutovers
    said = assessment.recovery.at_most_seconds
    if said is None or len(cutovers) != 1:
        return
    after = answers.silent_seconds(cutovers[0][0], record.ended_seconds)[int(said) :]
    found.demand(
        not any(after[:STEADY_SECONDS]) and sum(after) <= RELAPSE_RATIO * len(after),
        f"all was as before after {said} s, and in {sum(after)} of the {len(after)} s after that no query was answered",
    )


def _latency(world: World, assessment: Assessment, answers: Answers, found: Complaints) -> None:
    """What is said to be fast enough is, and is held against what was usual."""
    record = world.record
    assert record is not None
    baseline, spans = record.migration.baseline_seconds, latency_spans(record)
    undisturbed = all(began > baseline[1] for _, began, _ in world.happened)
    for criterion in assessment.verdict.criteria:
        limit = criterion.limit
        if criterion.name not in spans or limit is None:
            continue
        found.demand(
            not undisturbed or limit <= LEAST_P99_LIMIT_SECONDS,
            f"{criterion.name} may be {limit:.3f} s, and nothing was slow in the baseline",
        )
        for span in spans[criterion.name]:
            late, whole = answers.late(*span, limit + TOLERANCE_SECONDS)
            found.demand(
                criterion.status is not Status.PASSED or late <= 1 + whole / 100,
                f"{criterion.name} passed, and {late} of {whole} took longer than {limit:.3f} s",
            )
