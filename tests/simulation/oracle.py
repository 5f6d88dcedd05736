"""What the simulator knows, held against what the tool says."""

from itertools import chain
from typing import Final

from redis_rehearsal.engine.messages import Freeze
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.assessment.latency import LEAST_P99_LIMIT_SECONDS
from redis_rehearsal.migration.migration import Migration
from redis_rehearsal.migration.phases import CUTOVER_TAIL_SECONDS, Phase
from redis_rehearsal.migration.record import Record
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.recovery import RELAPSE_RATIO, STEADY_SECONDS
from redis_rehearsal.verification.verdict import Criterion, Status, VerdictStatus
from tests.simulation.answers import Answers
from tests.simulation.answers import late as late_of
from tests.simulation.scenario import BEHIND_KEY
from tests.simulation.silence import LEAST_SECONDS, due_of, event_downtime
from tests.simulation.truth import Account, account
from tests.simulation.world import LOCK_KEY, NEVER_ENDED, OTHERS_KEY, Told, World

_TOLERANCE_SECONDS: Final = 0.02
_AT_ONCE_SECONDS: Final = 0.1
_UNSURE_SHARE: Final = 1e-6
_KEEP_ALL: Final = {"replicate", "copy", "dual-write", "fallback"}
LOSE_NOTHING: Final = {
    "cut",
    "deaf",
    "dumb",
    "slow",
    "full",
    "loading",
    "errs",
    "frozen",
    "worker-stopped",
    "coordinator-stopped",
    "database-away",
    "clock-steps",
}
"""Faults that take nothing away from what a server holds."""
_WHAT_LOSES_OTHERS: Final = {"emptied", "killed", "demoted", "restarted", "frozen", "evicts"}


class Complaints(list[str]):
    """What does not hold."""

    def demand(self, holds: bool, what: str) -> None:
        """Complain where something does not hold."""
        if not holds:
            self.append(what)


def complaints(world: World) -> list[str]:
    """What the tool says that is not so; nothing where all of it is."""
    found = Complaints()
    if world.error == NEVER_ENDED:
        return [NEVER_ENDED]
    for what in world.broken:
        found.demand("was destroyed but it is pending" in what, f"nobody took care of it: {what}")
    _books(world, found)
    _bounds(world, found)
    _what_is_left(world, found)
    _queries(world, found)
    record, audit = world.record, world.run.view.audit
    if audit is None or audit.error or world.run._control.astray or world.at_audit[0] != world.at_audit[1]:
        return found
    known = account(world)
    _counters(world, audit, known, found)
    _nothing_is_lost(world, known, found)
    if record is not None and record.assessment is not None:
        _verdict(world, record.assessment, known, found)
        _down(world, record.assessment, known, found)
        _event_latency(world, record.assessment, known, found)
        _differences(world, record.assessment, found)
    return found


def _books(world: World, found: Complaints) -> None:
    counts = world.run.view.totals.counts
    for name, recorded in (("queries", counts.recorded_queries), ("events", counts.recorded_events)):
        tally = recorded.whole()
        if not world.run.view.workers_lost and not world.error:
            found.demand(tally.in_flight == 0, f"{tally.in_flight} {name} neither ended nor are they given up")
        found.demand(tally.in_flight >= 0, f"more {name} ended than were due: {tally.offered}, {tally.outcomes}")


def _queries(world: World, found: Complaints) -> None:
    """What is said of queries is what the servers told the workers."""
    view = world.run.view
    if view.workers_lost or world.error or not view.ended_seconds:
        return
    answers, tally, reports = Answers(world), view.totals.counts.recorded_queries.whole(), Answers(world).reports()
    due, (least, most) = answers.count_due(), answers.count_ok()
    ok, hits, there = tally.outcomes[Outcome.OK], tally.hits, sum(each.is_whole for each in reports)
    # Who is stopped learns late that the load has ended.
    beyond = any(fault.kind == "worker-stopped" and end > view.ended_seconds for fault, _, end in world.happened)
    found.demand(
        tally.offered == due or (beyond and tally.offered > due), f"{tally.offered} queries were due, and {due} were"
    )
    found.demand(least <= ok <= most, f"{ok} queries were answered, and {_range(least, most)} were")
    found.demand(hits == there, f"{hits} reports were in the cache, and {there} were")
    if world.scenario.strategy != "fallback":
        missing = len(reports) - there
        found.demand(tally.misses == missing, f"{tally.misses} reports were not in the cache, and {missing} were not")
    record = world.record
    if record is None or record.assessment is None or not record.migration.baseline_seconds[1]:
        return
    truths = {"wrong_reports": answers.wrong_reports(), "counter_regressions": answers.regressions()}
    if _late(world):
        # Of what is counted since the baseline none, but those of the baseline may be among these.
        truths = {name: (0, most) for name, (_, most) in truths.items()}
    else:
        truths["failed_queries"] = max(0, due - most), due - least
    for criterion in record.assessment.verdict.criteria:
        if criterion.name in truths:
            least, most = truths[criterion.name]
            is_so = most > 0 if criterion.status is Status.FAILED else least <= 0 or criterion.status is Status.UNKNOWN
            found.demand(is_so, f"{criterion.name} {criterion.status}, and there are {_range(least, most)}")
        if criterion.name == "failed_queries" and criterion.name in truths:
            _share(world, criterion, truths[criterion.name], [*chain(*answers.due.values())], found)
    _queries_down(world, record.assessment, answers, found)
    _recovered(world, record.assessment, answers, found)
    _latency(world, record.assessment, answers, found)


def _share(world: World, criterion: Criterion, not_ok: tuple[int, int], due: list[float], found: Complaints) -> None:
    """The share that is said is that of all that was due since the baseline, until the migration was over."""
    record = world.record
    assert record is not None
    until = [each.began_seconds for each in world.run._control.segments if each.phase == Phase.DONE]
    began, ended = record.migration.baseline_seconds[1], min([record.ended_seconds, *until])
    whole = sum(began <= at < ended for at in due)
    if criterion.measured is None or not whole:
        return
    least, most = (count / whole for count in not_ok)
    found.demand(
        least - _UNSURE_SHARE <= criterion.measured <= most + _UNSURE_SHARE,
        f"{criterion.name}: {criterion.measured:.4f} were not ok, and {least:.4f} to {most:.4f} were not",
    )


def _queries_down(world: World, assessment: Assessment, answers: Answers, found: Complaints) -> None:
    record = world.record
    assert record is not None
    true_least, true_most = answers.downtime(record.migration.baseline_seconds[1], record.ended_seconds)
    parts = assessment.sync_query_downtime, assessment.query_downtime
    _held_against(world, assessment, "queries", parts, (true_least, true_most), found)


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
    baseline, spans = record.migration.baseline_seconds, _latency_spans(record)
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
            late, whole = answers.late(*span, limit + _TOLERANCE_SECONDS)
            found.demand(
                criterion.status is not Status.PASSED or late <= 1 + whole / 100,
                f"{criterion.name} passed, and {late} of {whole} took longer than {limit:.3f} s",
            )


def _event_latency(world: World, assessment: Assessment, known: Account, found: Complaints) -> None:
    """The same of events, of which those that were due while a cutover went on may have been held on purpose."""
    record = world.record
    assert record is not None
    spans = _latency_spans(record)
    if not spans or not _all_rows(world):
        return
    for criterion in assessment.verdict.criteria:
        name, limit = criterion.name.removeprefix("event_"), criterion.limit
        if name == criterion.name or name not in spans or limit is None or criterion.status is not Status.PASSED:
            continue
        for span in spans[name]:
            late = whole = held = 0
            for worker in world.workers:
                due = due_of(world, worker)
                times = [each.at_seconds for each in known.acknowledgements if each.worker == worker]
                unsure = sum(each.worker == worker and not each.is_sure for each in known.acknowledgements)
                more, count = late_of(due, times, *span, limit + _TOLERANCE_SECONDS, unsure)
                late, whole = late + more, whole + count
                for began, ended in record.migration.context.cutovers:
                    held += sum(began <= at < (ended or began) for at in due)
            found.demand(late - held <= 1 + whole / 100, f"{criterion.name} passed, and {late} of {whole} took longer")


def _latency_spans(record: Record) -> dict[str, list[tuple[float, float]]]:
    """Which times are judged together, by criterion."""
    cutovers = record.migration.context.cutovers
    if not cutovers:
        return {}
    following = [*(began for began, _ in cutovers[1:]), record.ended_seconds]
    return {
        "sync_p99": [(record.migration.baseline_seconds[1], cutovers[0][0])],
        "cutover_p99": [
            (began, min(ended + CUTOVER_TAIL_SECONDS, until))
            for (began, ended), until in zip(cutovers, following, strict=True)
            if ended is not None
        ],
    }


def _bounds(world: World, found: Complaints) -> None:
    options = world.run._rehearsal
    assert options is not None
    for told in world.told:
        if isinstance(told.command, Freeze):
            held = told.command.until_seconds - told.at_seconds
            found.demand(
                held <= options.freeze_bound + 1e-6, f"writes were to be held for {held} s, beyond their bound"
            )
            _goes_on(world, told, found)


def _goes_on(world: World, told: Told, found: Complaints) -> None:
    """What a freeze held is sent once it comes to its bound, whoever does not end it."""
    assert isinstance(told.command, Freeze)
    until = told.command.until_seconds
    by = until + _AT_ONCE_SECONDS
    if by > world.run.view.ended_seconds or {fault.kind for fault, *_ in world.happened} - {"coordinator-stopped"}:
        return
    for worker in world.workers:
        waits = [at for at in due_of(world, worker) if told.at_seconds < at < until]
        came = [
            each
            for server in world.servers.values()
            for each in server.increments
            if f"{each.client}:".startswith(f"redis-rehearsal:{worker}:") and told.at_seconds < each.at_seconds < by
        ]
        found.demand(
            len(came) >= len(waits), f"{len(waits) - len(came)} writes were held beyond the bound of their freeze"
        )


def _what_is_left(world: World, found: Complaints) -> None:
    """What others have is there, and no setting is left changed, unless a server could not be told so."""
    happened = {fault.kind for fault, *_ in world.happened}
    if not happened & _WHAT_LOSES_OTHERS:
        for name in world.kept_by_others:
            found.demand(
                world.servers[name].value_of(OTHERS_KEY) == b"theirs", f"a key of somebody else's is gone from {name}"
            )
    if world.happened or world.error:
        return
    # A fence stays on the server that was left.
    fenced = world.scenario.options.get("freeze") == "server"
    for name, server in world.servers.items():
        left = name == "source" and (fenced or world.moved_seconds is not None)
        may = left or server.is_replica
        found.demand(may or server.value_of(LOCK_KEY) is None, f"{name} is still locked")
    for name, server in world.servers.items():
        for setting, before in world.began_with[name].items():
            may = fenced and name == "source" and setting == "min-replicas-to-write"
            now = server.config[setting]
            found.demand(may or now == before, f"{setting} of {name} is {now}, and was {before}")


def _counters(world: World, audit: Audit, known: Account, found: Complaints) -> None:
    """What is said of increments is so: exact where the outcome of all is known, else within bounds."""
    result = audit.result
    if result.unverified_counters:
        return
    least, most = known.sum_acknowledged()
    if world.run.view.workers_lost:
        least = 0  # what came back to one that was killed nobody has seen
    said = result.acknowledged
    found.demand(least <= said <= most, f"{said} were acknowledged, and {_range(least, most)} were")
    if world.run.view.workers_lost:
        return
    for name, sure, (low, high) in (
        ("missing", result.missing, known.missing_for_sure()),
        ("duplicated", result.duplicated, (0, known.duplicated()[1])),
        ("stranded", result.stranded, (0, known.stranded()[1])),
    ):
        found.demand(low <= sure <= high, f"{sure} are {name}, and {_range(low, high)} are")
    for name, at_most, (low, high) in (
        ("missing", result.missing_at_most, known.missing()),
        ("duplicated", result.duplicated_at_most, known.duplicated()),
        ("stranded", result.stranded_at_most, known.stranded()),
        ("unknown", result.unknown, known.sum_unacknowledged()),
    ):
        found.demand(at_most >= low, f"at most {at_most} are {name}, and {_range(low, high)} are")
    if not result.unknown:
        low, high = known.duplicated()
        found.demand(result.duplicated >= low, f"{result.duplicated} are duplicated, and {_range(low, high)} are")


def _nothing_is_lost(world: World, known: Account, found: Complaints) -> None:
    """The right way loses nothing that was acknowledged and counts nothing twice, unless a server or others did."""
    scenario = world.scenario
    options = scenario.options
    right = options.get("freeze") != "none" and options.get("final_pass", True) and not options.get("naive", False)
    kinds = {fault.kind for fault, *_ in world.happened}
    if scenario.strategy not in _KEEP_ALL or not right or kinds - LOSE_NOTHING or world.run.view.workers_lost:
        return
    record = world.record
    if scenario.strategy == "fallback" and not (record is not None and _says_nothing_is_lost(record.migration)):
        return  # what it could not move is on the server that it left
    missing, duplicated = known.missing_for_sure()[0], known.duplicated()[0]
    found.demand(missing == 0, f"{scenario.strategy} lost {missing} increments of which nobody else was the cause")
    found.demand(duplicated == 0, f"{scenario.strategy} counted {duplicated} increments twice")


def _says_nothing_is_lost(migration: Migration) -> bool:
    return migration.status == "done" or "before anything was counted on the target" in migration.reason


def _differences(world: World, assessment: Assessment, found: Complaints) -> None:
    """What others wrote to the target after the application had moved there is seen, or not all was compared."""
    record = world.record
    assert record is not None
    cutovers = record.migration.context.cutovers
    if not cutovers or cutovers[-1][1] is None or record.migration.way_back is not None:
        return
    moved = cutovers[-1][1]
    theirs = [
        fault
        for fault, began, _ in world.happened
        if fault.kind == "writes-behind" and fault.on == "target" and moved < began < record.ended_seconds
    ]
    target = world.servers["target"]
    for criterion in assessment.verdict.criteria:
        if criterion.name == "comparison" and theirs and target.value_of(BEHIND_KEY) is not None:
            found.demand(criterion.status is not Status.PASSED, "what others wrote to the target alone was overlooked")


def _range(least: int, most: int) -> str:
    return f"{least}" if most <= least else f"{least} to {most}"


def _not_ok(world: World, known: Account) -> tuple[int, int]:
    """How many events that were due were not acknowledged."""
    due = sum(len(due_of(world, worker)) for worker in world.workers)
    least, most = known.sum_acknowledged()
    return due - most, due - least


def _all_rows(world: World) -> bool:
    """Whether the database knows of every event that was due."""
    offered = world.run.view.totals.counts.recorded_events.whole().offered
    return len(world.database.rows) == offered and not world.run.view.workers_lost


def _verdict(world: World, assessment: Assessment, known: Account, found: Complaints) -> None:
    """A criterion passes only where it holds, and fails only where it does not."""
    truths: dict[str, tuple[int, int]] = {
        "lost": known.missing(),
        "duplicated": known.duplicated(),
        "stranded": known.stranded(),
    }
    if _all_rows(world) and not _late(world):
        truths["failed_events"] = _not_ok(world, known)
    for criterion in assessment.verdict.criteria:
        if criterion.name not in truths:
            continue
        least, most = truths[criterion.name]
        if criterion.name == "failed_events":
            _share(
                world,
                criterion,
                (max(0, least), most),
                [*chain(*(due_of(world, each) for each in world.workers))],
                found,
            )
        if criterion.status is Status.FAILED:
            found.demand(most > 0, f"{criterion.name} failed, and there are none")
        elif criterion.status is Status.PASSED and criterion.name != "lost":
            found.demand(least <= 0, f"{criterion.name} passed, and there are {_range(least, most)}")
    if assessment.verdict.status is VerdictStatus.PASS:
        least, most = known.missing()
        found.demand(least == 0, f"pass, and {_range(least, most)} are missing")
        found.demand(not world.error, f"pass, and the run ended with {world.error}")


def _late(world: World) -> bool:
    """Whether something went wrong before what is judged began, or reaches beyond its end."""
    record = world.record
    assert record is not None
    began, ended = record.migration.baseline_seconds[1], record.ended_seconds - 3.0
    return any(start < began or end > ended for _, start, end in world.happened)


def _down(world: World, assessment: Assessment, known: Account, found: Complaints) -> None:
    record = world.record
    assert record is not None
    if not record.migration.baseline_seconds[1] or not _all_rows(world):
        return
    ended = record.ended_seconds
    true_least, true_most = event_downtime(world, known, record.migration.baseline_seconds[1], ended)
    parts = assessment.sync_event_downtime, assessment.event_downtime
    _held_against(world, assessment, "events", parts, (true_least, true_most), found)


def _held_against(
    world: World,
    assessment: Assessment,
    kind: str,
    parts: tuple[Downtime, Downtime],
    truth: tuple[float, float],
    found: Complaints,
) -> None:
    """Downtime that was measured is what it was."""
    record = world.record
    assert record is not None
    true_least, true_most = truth
    least = max(part.longest_at_least_seconds for part in parts)
    most = [part.longest_seconds for part in parts]
    true = f"were for {true_least:.3f} to {true_most:.3f} s"
    found.demand(least <= true_most + _TOLERANCE_SECONDS, f"{kind} were down for at least {least:.3f} s, and {true}")
    if true_least <= max(LEAST_SECONDS, *(part.baseline_seconds for part in parts)):
        return
    if None not in most:
        longest = max(each for each in most if each is not None)
        found.demand(
            longest >= true_least - _TOLERANCE_SECONDS, f"{kind} were down for at most {longest:.3f} s, and {true}"
        )
    if assessment.verdict.status is VerdictStatus.PASS:
        limits = record.migration.context.options
        limit = max(limits.max_query_downtime, limits.max_event_downtime, limits.max_sync_downtime)
        found.demand(true_least <= limit + _TOLERANCE_SECONDS, f"pass, and {kind} {true}")
