"""What the simulator knows, held against what the tool says."""

from typing import Final

from redis_rehearsal.engine.messages import Freeze
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.verification.verdict import Status
from tests.simulation.complaining import Complaints
from tests.simulation.of_events import look_at_events
from tests.simulation.of_queries import look_at_queries
from tests.simulation.scenario import BEHIND_KEY
from tests.simulation.silence import due_of
from tests.simulation.world import LOCK_KEY, NEVER_ENDED, OTHERS_KEY, Told, World

_AT_ONCE_SECONDS: Final = 0.1
_COMPARED_RATIO: Final = 0.8
"""What is stored once they were compared is not among what was."""


_WHAT_LOSES_OTHERS: Final = {"emptied", "killed", "demoted", "restarted", "frozen", "evicts"}


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
    look_at_queries(world, found)
    record, audit = world.record, world.run.view.audit
    if audit is None or audit.error or world.run._control.astray or world.at_audit[0] != world.at_audit[1]:
        return found
    look_at_events(world, audit, found)
    if record is not None and record.assessment is not None:
        _differences(world, record.assessment, found)
        _all_was_compared(world, record.assessment, found)
    return found


def _books(world: World, found: Complaints) -> None:
    counts = world.run.view.totals.counts
    for name, recorded in (("queries", counts.recorded_queries), ("events", counts.recorded_events)):
        tally = recorded.whole()
        if not world.run.view.workers_lost and not world.error:
            found.demand(tally.in_flight == 0, f"{tally.in_flight} {name} neither ended nor are they given up")
        found.demand(tally.in_flight >= 0, f"more {name} ended than were due: {tally.offered}, {tally.outcomes}")


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
            for each in server.accounts.increments
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


def _all_was_compared(world: World, assessment: Assessment, found: Complaints) -> None:
    """Servers that are said to be alike were looked at key by key."""
    said = assessment.comparison
    passed = any(each.name == "comparison" and each.status is Status.PASSED for each in assessment.verdict.criteria)
    if said is None or not passed:
        return
    pair = [world.servers["moved" if world.moved_seconds is not None else "source"], world.servers["target"]]
    keys = {key for server in pair for key in [*server.keys()] if key.startswith(b"rehearsal:")}
    found.demand(
        said.keys_compared >= _COMPARED_RATIO * len(keys),
        f"the servers are said to be alike after {said.keys_compared} of {len(keys)} keys",
    )
