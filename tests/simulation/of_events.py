"""What the tool says of events and counters, held against what the servers did."""

from itertools import chain
from typing import Final

from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.migration import Migration
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.verdict import Status, VerdictStatus
from tests.simulation.answers import late as late_of
from tests.simulation.complaining import (
    TOLERANCE_SECONDS,
    Complaints,
    downtime_is_so,
    has_all_rows,
    is_late,
    latency_spans,
    ranged,
    share_is_so,
)
from tests.simulation.silence import awaited_events, downtime, due_of
from tests.simulation.truth import Account, account
from tests.simulation.world import World

_KEEP_ALL: Final = {"replicate", "copy", "dual-write", "fallback"}


LOSE_NOTHING: Final = {
    "cut",
    "deaf",
    "dumb",
    "slow",
    "full",
    "loading",
    "errs",
    "refuses-reads",
    "frozen",
    "worker-stopped",
    "coordinator-stopped",
    "database-away",
    "clock-steps",
}
"""Faults that take nothing away from what a server holds."""


def look_at_events(world: World, audit: Audit, found: Complaints) -> None:
    """What is said of events and counters is so."""
    known = account(world)
    _counters(world, audit, known, found)
    _nothing_is_lost(world, known, found)
    record = world.record
    if record is not None and record.assessment is not None:
        _verdict(world, record.assessment, known, found)
        _down(world, record.assessment, known, found)
        _event_latency(world, record.assessment, known, found)


def _event_latency(world: World, assessment: Assessment, known: Account, found: Complaints) -> None:
    """The same of events, of which those that were due while a cutover went on may have been held on purpose."""
    record = world.record
    assert record is not None
    spans = latency_spans(record)
    if not spans or not has_all_rows(world):
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
                more, count = late_of(due, times, *span, limit + TOLERANCE_SECONDS, unsure)
                late, whole = late + more, whole + count
                for began, ended in record.migration.context.cutovers:
                    held += sum(began <= at < (ended or began) for at in due)
            found.demand(late - held <= 1 + whole / 100, f"{criterion.name} passed, and {late} of {whole} took longer")


def _counters(world: World, audit: Audit, known: Account, found: Complaints) -> None:
    """What is said of increments is so: exact where the outcome of all is known, else within bounds."""
    result = audit.result
    if result.unverified_counters:
        return
    least, most = known.sum_acknowledged()
    if world.run.view.workers_lost:
        least = 0  # what came back to one that was killed nobody has seen
    said = result.acknowledged
    found.demand(least <= said <= most, f"{said} were acknowledged, and {ranged(least, most)} were")
    if world.run.view.workers_lost:
        return
    for name, sure, (low, high) in (
        ("missing", result.missing, known.missing_for_sure()),
        ("duplicated", result.duplicated, (0, known.duplicated()[1])),
        ("stranded", result.stranded, (0, known.stranded()[1])),
    ):
        found.demand(low <= sure <= high, f"{sure} are {name}, and {ranged(low, high)} are")
    for name, at_most, (low, high) in (
        ("missing", result.missing_at_most, known.missing()),
        ("duplicated", result.duplicated_at_most, known.duplicated()),
        ("stranded", result.stranded_at_most, known.stranded()),
        ("unknown", result.unknown, known.sum_unacknowledged()),
    ):
        found.demand(at_most >= low, f"at most {at_most} are {name}, and {ranged(low, high)} are")
    if not result.unknown:
        low, high = known.duplicated()
        found.demand(result.duplicated >= low, f"{result.duplicated} are duplicated, and {ranged(low, high)} are")


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


def _not_ok(world: World, known: Account) -> tuple[int, int]:
    """How many events that were due were not acknowledged."""
    due = sum(len(due_of(world, worker)) for worker in world.workers)
    least, most = known.sum_acknowledged()
    return due - most, due - least


def _verdict(world: World, assessment: Assessment, known: Account, found: Complaints) -> None:
    """A criterion passes only where it holds, and fails only where it does not."""
    truths: dict[str, tuple[int, int]] = {
        "lost": known.missing(),
        "duplicated": known.duplicated(),
        "stranded": known.stranded(),
    }
    if has_all_rows(world) and not is_late(world):
        truths["failed_events"] = _not_ok(world, known)
    for criterion in assessment.verdict.criteria:
        if criterion.name not in truths:
            continue
        least, most = truths[criterion.name]
        if criterion.name == "failed_events":
            share_is_so(
                world,
                criterion,
                (max(0, least), most),
                [*chain(*(due_of(world, each) for each in world.workers))],
                found,
            )
        if criterion.status is Status.FAILED:
            found.demand(most > 0, f"{criterion.name} failed, and there are none")
        elif criterion.status is Status.PASSED and criterion.name != "lost":
            found.demand(least <= 0, f"{criterion.name} passed, and there are {ranged(least, most)}")
    if assessment.verdict.status is VerdictStatus.PASS:
        least, most = known.missing()
        found.demand(least == 0, f"pass, and {ranged(least, most)} are missing")
        found.demand(not world.error, f"pass, and the run ended with {world.error}")


def _down(world: World, assessment: Assessment, known: Account, found: Complaints) -> None:
    record = world.record
    assert record is not None
    if not record.migration.baseline_seconds[1] or not has_all_rows(world):
        return
    truth = downtime(awaited_events(world, known), record.migration.baseline_seconds[1], record.ended_seconds)
    parts = assessment.sync_event_downtime, assessment.event_downtime
    downtime_is_so(world, assessment, "events", parts, truth, found)
