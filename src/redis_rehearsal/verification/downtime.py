"""Downtime: stretches without an ok operation while one was wanted. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LEAST_SECONDS: Final = 0.01
"""Shorter stretches are nothing that a user would notice."""
MOST_GAP_RATIO: Final = 0.2
"""Where operations come as rarely as this share of the limit, downtime cannot be told from waiting for one."""

Gap = tuple[float, float]
"""Start and end of a stretch without an ok operation, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """What came of one kind of operation.

    Attributes:
        longest_seconds: the longest stretch; None where it cannot be known.
        total_seconds: all of them; None where it cannot be known.
        longest_at: when the longest one began, on the monotonic clock; None where there was none.
        baseline_seconds: the longest stretch of the baseline, which longer ones are told from.
        unfinished: whether the last stretch went on when the load ended, so that it may have become longer.
        stretches: all of them, oldest first; empty also where it cannot be known.
    """

    longest_seconds: float | None
    total_seconds: float | None
    longest_at: float | None = None
    baseline_seconds: float = 0.0
    unfinished: bool = False
    stretches: tuple[Gap, ...] = ()


def downtime(
    gaps: Iterable[Gap], baseline_from: float, changed_at: float, ended_at: float, mean_gap_seconds: float, limit: float
) -> Downtime:
    """Downtime from when the baseline ended until the load did.

    Stretches of several workers that overlap are one: what counts is whether some tenants were down. Those that are
    no longer than the longest of the baseline are the machine's own.

    Args:
        gaps: stretches, of all workers, in any order.
        baseline_from: when the baseline began; earlier stretches are left out.
        changed_at: when the baseline ended.
        ended_at: when nothing more was due.
        mean_gap_seconds: between two operations that are due, of the worker with the fewest.
        limit: longest downtime that is allowed, in seconds.
    """
    inside = sorted((max(start, baseline_from), min(end, ended_at)) for start, end in gaps)
    inside = [(start, end) for start, end in inside if end > start]
    # One that begins in the baseline and reaches beyond it is not the baseline's own.
    usual = max((end - start for start, end in inside if end <= changed_at), default=0.0)
    if mean_gap_seconds >= MOST_GAP_RATIO * limit:
        return Downtime(None, None, None, usual)
    threshold = max(LEAST_SECONDS, usual)
    merged: list[list[float]] = []
    for start, end in inside:
        if end <= changed_at or end - start <= threshold:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    longest = max(merged, key=lambda stretch: stretch[1] - stretch[0], default=None)
    if longest is None:
        return Downtime(0.0, 0.0, None, usual)
    total = sum(end - start for start, end in merged)
    return Downtime(
        longest[1] - longest[0],
        total,
        longest[0],
        usual,
        unfinished=merged[-1][1] >= ended_at,
        stretches=tuple((start, end) for start, end in merged),
    )
