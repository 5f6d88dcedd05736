"""Which times are judged together: those before a cutover, a cutover with what follows it, and a sweep after that."""

from typing import Final

from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.phases import CUTOVER_TAIL_SECONDS, Phase
from redis_rehearsal.verification.downtime import Span

CLOSE_SECONDS: Final = 1e-6
"""Sums of the same seconds may be so far apart."""


def before_cutovers(evidence: Evidence) -> list[Span]:
    """The time before each cutover in which a strategy prepares and carries data.

    On the way there that is all since the baseline, and none without a cutover. On the way back it is what is carried
    right before its cutover: what comes after the first one and is not carried back is none of it, a sweep neither.
    """
    began, ended = evidence.baseline_seconds[1], evidence.ended_seconds
    if not evidence.cutovers:
        return [(began, min(began, ended))]
    (first, _), *others = evidence.cutovers
    found = [(began, min(first, ended))]
    for cutover, _ in others:
        carrying = cutover
        before = [each for each in evidence.segments if each.began_seconds < cutover - CLOSE_SECONDS]
        for segment in reversed(before):
            if segment.phase not in (Phase.PREPARE, Phase.SYNC):
                break
            carrying = segment.began_seconds
        found.append((carrying, min(cutover, ended)))
    return found


def cutovers_with_tails(evidence: Evidence) -> list[Span]:
    """Each cutover and the seconds after it that count as its own, whatever is done in them; until the next one."""
    found = []
    for place, (began, ended) in enumerate(evidence.cutovers):
        until = [evidence.ended_seconds, *(start for start, _ in evidence.cutovers[place + 1 : place + 2])]
        if ended is not None:
            until.append(ended + CUTOVER_TAIL_SECONDS)
        else:
            # It goes on, or broke off where its phase ends.
            until += [
                segment.began_seconds
                for segment in evidence.segments
                if segment.began_seconds > began and segment.phase != Phase.CUTOVER
            ]
        found.append((began, min(until)))
    return found


def sweeps(evidence: Evidence) -> list[Span]:
    """Where data is still carried after a cutover, once the seconds are over that count as the cutover's own.

    What is carried back, for the next cutover, is none of it.
    """
    found = []
    until = [start for start, _ in before_cutovers(evidence)[1:]] + [evidence.ended_seconds]
    ends = [*(segment.began_seconds for segment in evidence.segments[1:]), evidence.ended_seconds]
    for (_, tail_ended), before in zip(cutovers_with_tails(evidence), until, strict=True):
        swept = [
            (segment.began_seconds, end)
            for segment, end in zip(evidence.segments, ends, strict=False)
            if segment.phase == Phase.SYNC
            and tail_ended - CLOSE_SECONDS <= segment.began_seconds < before - CLOSE_SECONDS
        ]
        if swept:
            found.append((swept[0][0], swept[-1][1]))
    return found
