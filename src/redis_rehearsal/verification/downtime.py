"""Downtime: stretches without an ok operation while one was wanted. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.verification.rates import Rates

LEAST_SECONDS: Final = 0.01
"""Shorter stretches are nothing that a user would notice."""
MOST_GAP_RATIO: Final = 0.2
"""Where operations come as rarely as this share of the limit, a downtime of that length may fall between two."""
SURE_OPERATIONS: Final = 10
"""Where they come that rarely, a stretch in which so many were due is downtime all the same."""
USUAL_RATIO: Final = 0.5
"""Stretches of the baseline up to this share of the limit are the machine's own."""

Span = tuple[float, float]
"""Start and end on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """What came of one kind of operation.

    Attributes:
        longest_seconds: the longest stretch, at most; None where it cannot be known.
        longest_at_least_seconds: so long for sure: without what the generator's own stalls explain.
        total_seconds: all of them, what several workers suffered at once counted once; None where it cannot be known.
        longest_at: when the longest one began, on the monotonic clock; None where there was none.
        baseline_seconds: the longest stretch of the baseline, without the generator's own stalls.
        unfinished: whether a stretch went on when what is judged ended, so that it may have become longer.
        stretches: all of them, oldest first; empty also where they cannot be known.
    """

    longest_seconds: float | None
    total_seconds: float | None
    longest_at: float | None = None
    baseline_seconds: float = 0.0
    unfinished: bool = False
    stretches: tuple[Span, ...] = ()
    longest_at_least_seconds: float = 0.0


def downtime(
    gaps: Iterable[Gap], baseline: Span, windows: Sequence[Span], rates: Rates, limit: float, until: float | None = None
) -> Downtime:
    """Downtime in stretches of time that come after the baseline.

    A gap ends with an ok answer, also where the next one begins at once. Gaps of several workers are united where
    they have a moment in common, since what counts is for how long some tenants were down. Those that are no longer
    than the longest of the baseline are the machine's own, as long as that is well below the limit.

    Args:
        gaps: of all workers, in any order; those of one worker do not overlap.
        baseline: when it began and ended; earlier gaps are left out.
        windows: what is judged, one after the other: gaps that end after the beginning of one, as far as they come
            before its end.
        rates: at which operations are due, of the worker with the fewest.
        limit: longest downtime that is allowed, in seconds.
        until: when nothing more was seen; None for the end of the last window. What goes on at the end of an earlier
            one has been seen as far as it counts.
    """
    gaps = list(gaps)
    until = windows[-1][1] if until is None else until
    # One that begins in the baseline and reaches beyond it is not the baseline's own.
    own = [gap.clipped(*baseline) for gap in gaps if baseline[0] < gap.end <= baseline[1]]
    usual = max((gap.at_least_seconds for gap in own), default=0.0)
    threshold = max(LEAST_SECONDS, usual if usual <= USUAL_RATIO * limit else 0.0)
    found: list[tuple[float, float, float]] = []
    total, unfinished = 0.0, False
    for began, ended in windows:
        known = [gap.clipped(baseline[0], ended) for gap in gaps if gap.end > baseline[1] and gap.start < ended]
        counted = [gap for gap in known if gap.end > max(baseline[1], began) and gap.seconds > threshold]
        counted.sort(key=lambda gap: (gap.start, gap.end))
        unfinished = unfinished or (ended >= until and any(gap.end >= ended for gap in counted))
        found += united(counted, began)
        total += _covered_seconds(counted)
    at_least = max((seconds for *_, seconds in found), default=0.0)
    # What was due too rarely for a while may have been down then, whatever is due when it is judged.
    lowest = rates.lowest((baseline[0], windows[-1][1]))
    if lowest <= 0.0 or 1.0 / lowest >= MOST_GAP_RATIO * limit:
        sure = max((seconds for start, end, seconds in found if _is_sure(rates, start, end, seconds)), default=0.0)
        return Downtime(None, None, None, usual, unfinished, longest_at_least_seconds=sure)
    longest = max(found, key=lambda stretch: stretch[1] - stretch[0], default=None)
    if longest is None:
        return Downtime(0.0, 0.0, None, usual)
    return Downtime(
        longest[1] - longest[0],
        total,
        longest[0],
        usual,
        unfinished,
        tuple((start, end) for start, end, _ in found),
        at_least,
    )


def united(gaps: list[Gap], began: float) -> list[tuple[float, float, float]]:
    """The stretches that gaps come to: of those that have a moment in common, from the first start to the last end.

    Args:
        gaps: in the order of their starts.
        began: the beginning of what is judged: what was not seen to reach beyond it is not sure.

    Returns:
        Start, end, and how many seconds of it are sure, of each.
    """
    found: list[tuple[float, float, float]] = []
    together: list[Gap] = []
    for place, gap in enumerate(gaps):
        together = [*(other for other in together if other.end > gap.start), gap]
        # One more may still have the moment in common at which the first of them ends.
        soonest = min(other.end for other in together)
        following = gaps[place + 1].start if place + 1 < len(gaps) else float("inf")
        if following < soonest:
            continue
        start, end = min(other.start for other in together), max(other.end for other in together)
        known = all(other.at_least_seconds >= other.seconds for other in together)
        sure = end - start if known else max(other.at_least_reaching(began) for other in together)
        found.append((start, end, sure))
    return found


def _is_sure(rates: Rates, start: float, end: float, seconds: float) -> bool:
    """Whether enough was due in what is sure of a stretch."""
    return seconds * rates.due((start, end)) >= SURE_OPERATIONS * (end - start)


def _covered_seconds(gaps: list[Gap]) -> float:
    total, until = 0.0, -float("inf")
    for gap in gaps:
        total += max(0.0, gap.end - max(gap.start, until))
        until = max(until, gap.end)
    return total
