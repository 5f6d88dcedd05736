"""What docs/reading-the-verdict.md says, done naively: operation by operation, without histograms and gaps."""

from bisect import bisect_right
from itertools import accumulate
from math import ceil

import numpy as np

from redis_rehearsal.engine.outcome import Outcome
from tests.oracle.worlds import (
    BASELINE,
    CUTOVER,
    DUE_EVERY_SECONDS,
    ENDED,
    KINDS,
    LIMITS,
    Happened,
    Kind,
    World,
    happen,
)

LEAST_SECONDS = 0.01
BRIDGED_SECONDS = 0.05


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


def p99(durations: list[float]) -> float:
    """The value that 99 of a hundred do not exceed."""
    ordered = sorted(durations)
    return ordered[ceil(0.99 * len(ordered)) - 1] if ordered else float("inf")


def may_pass(world: World) -> bool:
    """Whether the servers did nothing that must not pass: what is due, by the default limits."""
    operations = happen(world, with_stalls=False)
    # What would have become of what was not sent nobody knows: the share that failed is of what was.
    failed = dict(zip(KINDS, failures(world), strict=True))
    if world.lost or world.doubled or world.stranded:
        return False
    for kind in KINDS:
        parts = [own for own in operations if own.kind == kind]
        due, answered, outcome = (
            np.concatenate([getattr(own, name) for own in parts]) for name in ("due", "answered", "outcome")
        )
        if failed[kind] > 0.0001 * (due >= BASELINE[1]).sum():
            return False
        limit = LIMITS.max_query_downtime if kind == "queries" else LIMITS.max_event_downtime
        before, since = downtimes(world, kind)
        if before > LIMITS.max_sync_downtime or since > limit:
            return False
        for begins, ends in ((BASELINE[1], CUTOVER[0]), (CUTOVER[0], ENDED)):
            answers = (begins <= due) & (due < ends) & (outcome == Outcome.OK) & (answered <= ENDED)
            # The baseline of these worlds is well under a hundredth of a second: the limit is 50 ms.
            if p99((answered - due)[answers].tolist()) > 0.05 * 1.01:
                return False
    return True
