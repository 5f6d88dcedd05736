"""Recovery: how long after the cutover all was as before, for good. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import median
from typing import Final

from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason

TOLERANCE_RATIO: Final = 0.2
"""What is no worse than the middle of the baseline by more than this share is as before."""
UNNOTICED: Final = {"p50": 0.005, "p99": 0.01, "event_p99": 0.01}
"""What no user notices is as before, whatever the baseline was: a p99 of some milliseconds is mostly chance."""
STEADY_SECONDS: Final = 3
"""So many seconds running all must be as before; so many out of range are a relapse."""
RELAPSE_RATIO: Final = 0.1
"""So is a larger share than this of the seconds that are left."""
DEVIATIONS: Final = 4.0
"""A figure is as before within so many standard deviations of the baseline's own."""
MOST_HELD_UP_SECONDS: Final = 0.1
"""What the generator held up for longer may have come to any figure."""
_NORMAL: Final = 1.4826
"""Of a normal distribution, the standard deviation is so many times the median distance from the median."""
SHORT_BASELINE: Final = Cause.BASELINE_SHORT.because(least=STEADY_SECONDS)
STALLED: Final = Cause.GENERATOR_STALLED.because()
ALL_STALLED: Final = Cause.BASELINE_ALL_STALLED.because()

MEASURES: Final = ("p50", "p99", "event_p99", "misses", "database_queries", "failed")


@dataclass(frozen=True, slots=True)
class Measured:
    """A second.

    Attributes:
        p50: median response time of queries, in seconds; None where none was answered, as in the next two.
        p99: of queries, in seconds.
        event_p99: of events, in seconds.
        misses: how many reads found nothing in the cache.
        reads: how many were answered.
        database_queries: how many the database was asked.
        failed: how many operations were not ok.
        queries_due: whether any query was due.
        events_due: whether any event was due.
        stalled: whether the generator itself stood still in it.
        held_up_seconds: for how long it held up, at most, what was answered in it.
    """

    p50: float | None
    p99: float | None
    event_p99: float | None
    misses: int
    reads: int
    database_queries: int
    failed: int
    queries_due: bool = True
    events_due: bool = True
    stalled: bool = False
    held_up_seconds: float = 0.0

    def value(self, name: str) -> float | None:
        """A measure of which a higher one is worse; None where nothing was measured."""
        if name == "misses":
            return self.misses / self.reads if self.reads else None
        found = getattr(self, name)
        return None if found is None else float(found)


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long it took.

    Attributes:
        at_least_seconds: from the cutover until every measure was as before, for good, it took so long for sure; where
            it was not seen, as long as it was watched. 0 where none left.
        at_most_seconds: no longer than that; None where it was not seen.
        measures: the latter for each measure by itself.
        reason: why it is not known to the second; empty where it is.
    """

    at_least_seconds: float
    at_most_seconds: float | None
    measures: dict[str, float | None]
    reason: Reason = NO_REASON

    @property
    def seconds(self) -> float | None:
        """How long it took; None where that is not known to the second."""
        return self.at_most_seconds if self.at_most_seconds == self.at_least_seconds else None


def recovery(baseline: Sequence[Measured], after: Sequence[Measured]) -> Recovery:
    """Compare the seconds since the cutover began with those of the baseline.

    A measure's range reaches from anything better to the median of the baseline's seconds, a tolerance, its spread,
    and the chance of a count at that rate. Recovered is what is in range with all measures in the same three seconds
    running, and does not relapse: a relapse is a measure out of range for three seconds running, or in more than a
    tenth of the seconds that are left.

    Args:
        baseline: its seconds.
        after: the seconds since the one in which the cutover began, that one included.
    """
    unknown: dict[str, float | None] = dict.fromkeys(MEASURES)
    if len(baseline) < STEADY_SECONDS:
        return Recovery(0.0, None, unknown, SHORT_BASELINE)
    if all(second.stalled for second in baseline):
        return Recovery(0.0, None, unknown, ALL_STALLED)
    # What is out of range in a second in which the generator stood still is as before for the lower figure only.
    narrow, wide = _both_bounds(baseline)
    least = [_is_within(second, wide, doubt=True) for second in after]
    most = [_is_within(second, narrow, doubt=False) for second in after]
    found: dict[str, float | None] = {name: _back_for_good([row[name] for row in most]) for name in MEASURES}
    whole, at_best = (_back_for_good([all(row.values()) for row in rows]) for rows in (most, least))
    at_least = float(len(after)) if at_best is None else at_best
    if whole is not None:
        return Recovery(at_least, whole, found, NO_REASON if whole == at_least else STALLED)
    if at_best is not None:
        return Recovery(at_least, None, found, STALLED)
    late = [name for name, seconds in found.items() if seconds is None] or ["all at once"]
    return Recovery(at_least, None, found, Cause.NOT_RECOVERED.because(measures=", ".join(late)))


def slowest(found: Sequence[Recovery]) -> Recovery:
    """Of the recoveries of several cutovers, the one that took longest; one that was not seen to end above all."""

    def latest(each: Recovery) -> tuple[float, float]:
        return (float("inf") if each.at_most_seconds is None else each.at_most_seconds, each.at_least_seconds)

    one = max(found, key=latest)
    at_least = max(each.at_least_seconds for each in found)
    return replace(one, at_least_seconds=at_least, reason=NO_REASON if at_least == one.at_most_seconds else one.reason)


def upper_bounds(seconds: Sequence[Measured], baseline: Sequence[Measured]) -> dict[str, float | None]:
    """Up to where each measure is as in some seconds of the baseline; None where it was never measured in them."""
    found: dict[str, float | None] = {}
    reads = median(second.reads for second in seconds)
    for name in MEASURES:
        values = [value for second in seconds if (value := second.value(name)) is not None]
        if not values:
            found[name] = None
            continue
        middle = median(values)
        spread = _NORMAL * median(abs(value - middle) for value in values)
        # The median of so many is itself only known to within its own chance.
        width = DEVIATIONS * (1 + 1 / sqrt(sum(second.value(name) is not None for second in baseline)))
        if name == "misses":
            # At least one read more or less is always chance.
            chance = sqrt(max(middle, 1 / reads) / reads) if reads else 0.0
        elif name in UNNOTICED:
            chance = 0.0
        else:
            # Of failures one is one too many; a query to the database is chance, however rare they are.
            chance = sqrt(max(middle, 1.0)) if middle or name != "failed" else 0.0
        found[name] = max(middle * (1 + TOLERANCE_RATIO) + width * max(spread, chance), UNNOTICED.get(name, 0.0))
    return found


def _both_bounds(baseline: Sequence[Measured]) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """The narrower and the wider ones: what the generator's own stalls did to a baseline widens no sure range."""
    whole = upper_bounds(baseline, baseline)
    narrow, wide = dict(whole), dict(whole)
    for name, bound in upper_bounds([second for second in baseline if not second.stalled], baseline).items():
        other = whole[name]
        if bound is None or other is None:
            wide[name] = None
        else:
            narrow[name], wide[name] = min(bound, other), max(bound, other)
    return narrow, wide


def _is_within(second: Measured, bounds: dict[str, float | None], *, doubt: bool) -> dict[str, bool]:
    if doubt and (second.stalled or second.held_up_seconds > MOST_HELD_UP_SECONDS):
        return dict.fromkeys(MEASURES, True)
    explained = second.held_up_seconds if doubt else 0.0
    within = {}
    for name in MEASURES:
        bound, value = bounds[name], second.value(name)
        if bound is None:
            within[name] = True  # it was none of the baseline's
        elif value is None:
            # A second in which nothing was answered is not as before, unless there was nothing to answer.
            within[name] = not (second.events_due if name == "event_p99" else second.queries_due)
        else:
            within[name] = value - (explained if name in UNNOTICED else 0.0) <= bound
    return within


def _back_for_good(within: list[bool]) -> float | None:
    """After how many seconds it was back and did not relapse; 0 where it never left, None where it was not seen."""
    found = None
    out = running = 0
    # From the end on: what comes after the latest relapse counts, and the earliest second from which there is none.
    for start in range(len(within) - 1, -1, -1):
        running = 0 if within[start] else running + 1
        out += not within[start]
        if running == STEADY_SECONDS:
            break
        left = len(within) - start
        steady = left >= STEADY_SECONDS and all(within[start : start + STEADY_SECONDS])
        if steady and out <= RELAPSE_RATIO * left:
            found = float(start)
    return found
