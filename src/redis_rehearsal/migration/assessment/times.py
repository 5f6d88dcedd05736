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
        for name, _, at in reversed([each for each in evidence.phases if each[2] < cutover - CLOSE_SECONDS]):
            if name not in (Phase.PREPARE, Phase.SYNC):
                break
            carrying = at
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
            until += [at for name, _, at in evidence.phases if at > began and name != Phase.CUTOVER]
        found.append((began, min(until)))
    return found


def sweeps(evidence: Evidence) -> list[Span]:
    """Where data is still carried after a cutover, once the seconds are over that count as the cutover's own.

    What is carried back, for the next cutover, is none of it.
    """
    found = []
    until = [start for start, _ in before_cutovers(evidence)[1:]] + [evidence.ended_seconds]
    beginnings = [at for *_, at in evidence.phases]
    for (_, tail_ended), before in zip(cutovers_with_tails(evidence), until, strict=True):
        swept = [
            (at, end)
            for (name, _, at), end in zip(evidence.phases, [*beginnings[1:], evidence.ended_seconds], strict=False)
            if name == Phase.SYNC and tail_ended - CLOSE_SECONDS <= at < before - CLOSE_SECONDS
        ]
        if swept:
            found.append((swept[0][0], swept[-1][1]))
    return found
