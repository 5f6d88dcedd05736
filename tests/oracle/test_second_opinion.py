"""A second opinion on every judgement: naive, and written from the documentation's sentences."""

import os
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis.strategies import sampled_from

from redis_rehearsal.migration.assessment.assess import Assessment, assess
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.verdict import Status, VerdictStatus
from tests.oracle.moves import Move
from tests.oracle.naive import account, downtimes, failures, may_pass, unknown_writes
from tests.oracle.world import BASELINE, DUE_EVERY_SECONDS, KINDS, SERVICE_SECONDS, Outage, Slowness, World, outages
from tests.oracle.world import slownesses as slow_times
from tests.oracle.world import stalls as stall_times
from tests.oracle.worlds import baseline_outages, happen, ledger, play, worlds

EXAMPLES: Final = 100
"""Of each of the five, so that there are 500 worlds in all."""
MANY: Final = 4_000
ORDER: Final = {VerdictStatus.FAIL: 0, VerdictStatus.UNKNOWN: 1, VerdictStatus.PASS: 2}
CLOSE_SECONDS: Final = 2 * DUE_EVERY_SECONDS + 0.001

# Thousands of operations in each world, on a machine that may be busy.
pytestmark = pytest.mark.timeout(600)


def judged(world: World) -> Assessment:
    return assess(play(world).evidence)


def status(world: World) -> VerdictStatus:
    return judged(world).verdict.status


def slower_unseen(world: World) -> float:
    """By how much servers became slower while nobody looked: a hidden answer is taken to be as slow as a seen one."""
    return sum(
        slow.by_seconds
        for slow in world.slownesses
        if any(began - DUE_EVERY_SECONDS <= slow.start <= began + seconds for began, seconds in world.stalls)
    )


def touched_by_a_stall(world: World, found: Downtime) -> bool:
    """Whether the generator stood still in the longest stretch, or so shortly before that it may hide an answer."""
    if found.longest_at is None:
        return False
    slow = SERVICE_SECONDS + sum(each.by_seconds for each in world.slownesses) + 0.006
    ends = found.longest_at + (found.longest_seconds or 0.0)
    return any(start <= ends and found.longest_at <= start + seconds + slow for start, seconds in world.stalls)


def downtime_lies_within_its_bounds(world: World) -> None:
    found = judged(world)
    for kind, measured in (
        ("queries", (found.sync_query_downtime, found.query_downtime)),
        ("events", (found.sync_event_downtime, found.event_downtime)),
    ):
        assert kind in KINDS
        bridged = downtimes(world, kind, bridging=bool(world.stalls))
        for truth, most, one in zip(downtimes(world, kind), bridged, measured, strict=True):
            at_most = one.longest_seconds
            assert at_most is not None
            assert one.longest_at_least_seconds <= most + slower_unseen(world) + CLOSE_SECONDS
            assert truth <= at_most + CLOSE_SECONDS
            if not touched_by_a_stall(world, one):
                assert at_most - one.longest_at_least_seconds <= 0.02


def counts_lie_within_their_bounds(world: World) -> None:
    operations = happen(world, with_stalls=True)
    found, truth = ledger(world, operations), account(world)
    for name in ("missing", "lost", "stranded", "duplicated"):
        least, most = getattr(truth, name)
        assert getattr(found, name) <= most, name
        assert least <= getattr(found, f"{name}_at_most"), name
    if not found.unknown:
        assert (found.missing, found.duplicated) == (truth.missing[0], truth.duplicated[0])
        if not (world.move and world.move.by_itself) and not world.doubled:
            assert (found.lost, found.stranded) == (truth.lost[0], truth.stranded[0])


def only_what_may_pass_passes(world: World) -> None:
    if status(world) is VerdictStatus.PASS:
        assert may_pass(world)


def is_spared(world: World, worse: World) -> bool:
    """Whether a fault keeps writes from something worse: what waits for it is not lost by the old server."""
    mine, theirs = account(worse), account(world)
    if mine.missing[0] < theirs.missing[0] or mine.duplicated[0] < theirs.duplicated[0]:
        return True
    if mine.lost[0] < theirs.lost[0] or mine.stranded[0] < theirs.stranded[0]:
        return True
    return any(after < before for before, after in zip(failures(world), failures(worse), strict=True)) or any(
        after < before - DUE_EVERY_SECONDS
        for kind in KINDS
        for before, after in zip(downtimes(world, kind), downtimes(worse, kind), strict=True)
    )


def bad_in_baseline(fault: Outage | Slowness | str) -> bool:
    return isinstance(fault, Outage) and fault.start < BASELINE[1]


def one_more_fault_improves_nothing(world: World, fault: Outage | Slowness | str) -> None:
    match fault:
        case Outage():
            worse = replace(world, outages=(*world.outages, fault))
        case Slowness():
            worse = replace(world, slownesses=(*world.slownesses, fault))
        case "behind" | "stays":
            if world.move is None:
                return
            # Replication is further behind, or connections stay with a server that was left.
            behind, later = (0.05, 0.0) if fault == "behind" else (0.0, 0.3)
            first, second = world.move.follows
            move = replace(world.move, behind=world.move.behind + behind, follows=(first + later, second + later))
            worse = replace(world, move=move)
        case _:
            worse = replace(world, **{fault: getattr(world, fault) + 5})
    # The limit of latency rests on the baseline's middle second: one more that is bad makes it known to nobody.
    if bad_in_baseline(fault) and any(start < BASELINE[1] for start, _ in world.stalls):
        assert status(worse) is not VerdictStatus.PASS or status(world) is VerdictStatus.PASS
        return
    if world.move is not None and is_spared(world, worse):
        return
    # A write of unknown outcome may be what was applied once more, or make up for what is missing.
    found = account(world)
    if (found.missing[1] or found.duplicated[1] or world.doubled) and unknown_writes(worse) > unknown_writes(world):
        return
    assert ORDER[status(worse)] <= ORDER[status(world)]


def a_stall_only_makes_it_unknown(world: World, stall: tuple[float, float], max_recovery: float) -> None:
    # A server that comes back for so short a time that the generator misses it is taken not to have come back.
    assume(all(downtimes(world, kind) == downtimes(world, kind, bridging=True) for kind in KINDS))
    awake = replace(world, stalls=(), max_recovery=max_recovery)
    asleep = replace(awake, stalls=(stall,))
    # Nor does anybody know what would have failed and was not sent: the share that failed is of what was.
    assume(all(mine >= theirs for mine, theirs in zip(failures(asleep), failures(awake), strict=True)))
    if world.move is not None:
        # Nor does what is sent later meet the same server, and what waits to be sent again may be overdue by then.
        assume(account(awake) == account(asleep))
        assume(failures(awake) == failures(asleep))
    before, after = status(awake), status(asleep)
    assert after in (before, VerdictStatus.UNKNOWN)


faults = outages | slow_times | baseline_outages | sampled_from(["behind", "stays"])
# A second of the few that there are is too many for the shorter one.
recoveries = sampled_from([0.5, 60.0])

# The same worlds each time; others are searched by the long test.
some = settings(max_examples=EXAMPLES, derandomize=True)
test_downtime_lies_within_its_bounds = some(given(worlds)(downtime_lies_within_its_bounds))
test_counts_lie_within_their_bounds = some(given(worlds)(counts_lie_within_their_bounds))
test_only_what_may_pass_passes = some(given(worlds)(only_what_may_pass_passes))
test_one_more_fault_improves_nothing = some(given(worlds, faults)(one_more_fault_improves_nothing))
test_a_stall_only_makes_it_unknown = some(given(worlds, stall_times, recoveries)(a_stall_only_makes_it_unknown))


@pytest.mark.matrix
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(5))
def test_many_worlds(part: int) -> None:
    """The same, thousands of times."""
    many = settings(max_examples=int(os.environ.get("ORACLE_EXAMPLES", MANY)))
    (
        many(given(worlds)(downtime_lies_within_its_bounds)),
        many(given(worlds)(counts_lie_within_their_bounds)),
        many(given(worlds)(only_what_may_pass_passes)),
        many(given(worlds, faults)(one_more_fault_improves_nothing)),
        many(given(worlds, stall_times, recoveries)(a_stall_only_makes_it_unknown)),
    )[part]()


def test_two_bad_seconds_of_a_baseline_of_three_leave_the_usual_latency_unknown() -> None:
    slow = World(slownesses=(Slowness(4.0, 1.0, ("queries",), by_seconds=0.125),), stalls=((2.0, 0.5),))
    assert status(slow) is VerdictStatus.FAIL
    bad = judged(replace(slow, outages=(Outage(1.25, 0.5, ("queries",), (0,), "hold"),))).verdict
    assert bad.status is VerdictStatus.UNKNOWN
    assert [each.reason for each in bad.criteria if each.name == "cutover_p99"] == [
        "the baseline itself had a p99 of 0.491 s"
    ]


def test_what_the_generator_slept_over_is_not_surely_stranded() -> None:
    """The old one answered in time what it never passed on; the answer was taken when the new one had been reached."""
    lost = World(
        move=Move(by_itself=True, left=0.05, follows=(0.05, 0.05), behind=0.03),
        stalls=((3.8353, 0.3),),
        allowed=(0, 50),
    )
    found = ledger(lost, happen(lost, with_stalls=True))
    assert account(lost).lost == (4, 4)
    assert (found.lost_at_most, found.stranded) == (4, 0)
    assert status(lost) is not VerdictStatus.PASS


@pytest.mark.parametrize("stalls", [((4.5, 0.54),), ((4.5, 0.03), (5.5, 0.024), (6.2, 0.04))])
def test_a_second_in_which_the_generator_catches_up_is_no_relapse(stalls: tuple[tuple[float, float], ...]) -> None:
    short = World(max_recovery=0.5)
    assert status(short) is VerdictStatus.PASS
    assert status(replace(short, stalls=stalls)) is VerdictStatus.UNKNOWN


def test_what_a_freeze_held_hides_nothing_that_was_slower() -> None:
    held = World(move=Move(left=0.01, held=0.06))
    assert status(held) is VerdictStatus.PASS
    slow = replace(held, slownesses=(Slowness(5.0, 0.06, ("events",), by_seconds=0.2),))
    failed = [each.name for each in judged(slow).verdict.criteria if each.status is Status.FAILED]
    assert failed == ["event_cutover_p99"]


@pytest.mark.parametrize("name", ["lost", "doubled", "stranded"])
def test_a_loss_never_passes(name: str) -> None:
    assert status(World()) is VerdictStatus.PASS
    one_more_fault_improves_nothing(World(), name)
    assert status(replace(World(), **{name: 1})) is VerdictStatus.FAIL  # type: ignore[arg-type]
