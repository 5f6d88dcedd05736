"""What docs/reading-the-verdict.md says, done naively: operation by operation, without histograms and gaps."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

import numpy as np

from redis_rehearsal.engine.outcome import Outcome
from tests.oracle.world import (
    BASELINE,
    COUNTERS,
    CUTOVER,
    DOUBLED_PLACE,
    DUE_EVERY_SECONDS,
    ENDED,
    KINDS,
    LOST_PLACE,
    STRANDED_PLACE,
    Kind,
    World,
)
from tests.oracle.worlds import LIMITS, Happened, happen, held_seconds, limits_of, taken_away

LEAST_SECONDS = 0.01
BRIDGED_SECONDS = 0.05
LEAST_LIMIT_SECONDS = 0.05


def stretches(own: Happened) -> list[tuple[float, float]]:
    """From the last ok operation, or the first one that was due since, to the next ok one."""
    dues = own.due.tolist()
    answers = sorted(own.answered[(own.outcome == Outcome.OK) & (own.answered <= ENDED)].tolist())
    # The latest answer to what was due until each of them.
    latest = list(accumulate(own.answered.tolist(), max))
    found = []
    for place, answer in enumerate([*answers, ENDED]):
        before = answers[place - 1] if place else 0.0
        # Wanted since the answer before, where something was due and without an answer then; else since one was due.
        until = bisect_right(dues, before)
        waiting = bool(until) and latest[until - 1] > before
        due = before if waiting else dues[until] if until < len(dues) else answer
        if answer - due > LEAST_SECONDS:
            found.append((due, answer))
    return found


def bridged(found: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same with those taken for one between which a stall that is no longer than that may hide an answer."""
    joined: list[tuple[float, float]] = []
    for start, end in found:
        if joined and start - joined[-1][1] < BRIDGED_SECONDS + DUE_EVERY_SECONDS:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def downtimes(world: World, kind: Kind, *, bridging: bool = False) -> tuple[float, float]:
    """The longest stretch before the cutover and from it on, as the servers made it: the generator always awake.

    Args:
        world: that is played.
        kind: of operation.
        bridging: what is less than 50 ms apart counts as one.
    """
    operations = happen(world, with_stalls=False)
    everything = [
        stretch
        for own in operations
        if own.kind == kind
        for stretch in (bridged(stretches(own)) if bridging else stretches(own))
    ]
    before = [(start, min(end, CUTOVER[0])) for start, end in everything if end > BASELINE[1] and start < CUTOVER[0]]
    since = [(start, end) for start, end in everything if end > CUTOVER[0]]
    return longest(before), longest(since)


def longest(found: list[tuple[float, float]]) -> float:
    """Of stretches that have a moment in common, from the first beginning to the last end."""
    most = 0.0
    for moment, _ in found:
        together = [(start, end) for start, end in found if start <= moment < end]
        if together:
            most = max(most, max(end for _, end in together) - min(start for start, _ in together))
    return most


def failures(world: World) -> list[int]:
    """How many operations of each kind that were due since the baseline were not ok."""
    operations = happen(world, with_stalls=True)
    since = BASELINE[1]
    return [
        sum(int(((own.outcome != Outcome.OK) & (own.due >= since)).sum()) for own in operations if own.kind == kind)
        for kind in KINDS
    ]


def unknown_writes(world: World) -> int:
    """How many increments have an outcome that nobody knows when the load has ended."""
    operations = happen(world, with_stalls=True)
    return sum(
        int(((own.outcome == Outcome.UNKNOWN) | (own.answered > ENDED)).sum())
        for own in operations
        if own.kind == "events"
    )


@dataclass(frozen=True)
class Account:
    """What became of the increments that were acknowledged, net by counter; each as the least and the most it can be.

    What others added to a counter may stand for any of those that are missing on it, so that it is not always known
    which ones are.

    Attributes:
        missing: on the truth.
        lost: of those, the ones that the truth acknowledged.
        stranded: of those, the ones acknowledged by a server that had stopped being the truth.
        duplicated: counted more often than they were sent.
    """

    missing: tuple[int, int]
    lost: tuple[int, int]
    stranded: tuple[int, int]
    duplicated: tuple[int, int]


def account(world: World, *, with_stalls: bool = True) -> Account:
    """Increment by increment."""
    operations = [own for own in happen(world, with_stalls=with_stalls) if own.kind == "events"]
    taken_stranded, taken_lost = taken_away(world, operations)
    found = []
    for counter in range(COUNTERS):
        in_time = taken_lost if counter == LOST_PLACE else 0
        too_late = taken_stranded if counter == STRANDED_PLACE else 0
        late = too_late
        for own in operations:
            acknowledged = ((own.outcome == Outcome.OK) & (own.answered <= ENDED))[counter::COUNTERS]
            was_late, is_there = own.too_late[counter::COUNTERS], own.carried[counter::COUNTERS]
            late += int((acknowledged & was_late).sum())
            too_late += int((acknowledged & was_late & ~is_there).sum())
            in_time += int((acknowledged & ~was_late & ~is_there).sum())
        added = world.doubled if counter == DOUBLED_PLACE else 0
        missing = max(0, in_time + too_late - added)
        lost = max(0, in_time - added), min(missing, in_time)
        stranded = max(0, too_late - added), min(missing, too_late)
        if late > too_late and in_time:
            # Of a counter of which some were acknowledged too late and carried over, these pass for what is missing.
            lost, stranded = (max(0, missing - late),) * 2, (min(missing, late),) * 2
        found.append(((missing, missing), lost, stranded, (max(0, added - in_time - too_late),) * 2))
    return Account(
        *((sum(least for least, _ in each), sum(most for _, most in each)) for each in zip(*found, strict=True))
    )


def p99(durations: list[float]) -> float:
    """The value that 99 of a hundred do not exceed."""
    ordered = sorted(durations)
    return ordered[ceil(0.99 * len(ordered)) - 1] if ordered else float("inf")


def may_pass(world: World) -> bool:
    """Whether the servers did nothing that must not pass: what is due, by the default limits."""
    operations = happen(world, with_stalls=False)
    # What would have become of what was not sent nobody knows: the share that failed is of what was.
    failed = dict(zip(KINDS, failures(world), strict=True))
    found, limits = account(world), limits_of(world)
    if found.duplicated[0] > limits.max_duplicated or found.missing[0] > limits.max_lost + limits.max_stranded:
        return False
    if found.lost[0] > limits.max_lost or found.stranded[0] > limits.max_stranded:
        return False
    for kind in KINDS:
        parts = [own for own in operations if own.kind == kind]
        due, answered, outcome, held = (
            np.concatenate([getattr(own, name) for own in parts]) for name in ("due", "answered", "outcome", "held")
        )
        if failed[kind] > 0.0001 * (due >= BASELINE[1]).sum():
            return False
        limit = LIMITS.max_query_downtime if kind == "queries" else LIMITS.max_event_downtime
        before, since = downtimes(world, kind)
        if before > LIMITS.max_sync_downtime or since > limit:
            return False
        for begins, ends in ((BASELINE[1], CUTOVER[0]), (CUTOVER[0], ENDED)):
            answers = (begins <= due) & (due < ends) & (outcome == Outcome.OK) & (answered <= ENDED)
            durations = sorted((answered - due)[answers].tolist())
            # Which ones a freeze held is not known, nor to the last of them how many: the slowest that may have been.
            freeze = sum(held_seconds(world)) if kind == "events" else 0.0
            ordinary = [each for each in durations if each <= freeze + LEAST_LIMIT_SECONDS]
            many = int(held[answers].sum())
            left = ordinary[: len(ordinary) - (many + 3 if many else 0)] + durations[len(ordinary) :]
            # The baseline of these worlds is well under a hundredth of a second: the limit is 50 ms.
            if left and p99(left) > LEAST_LIMIT_SECONDS * 1.01:
                return False
    return True
