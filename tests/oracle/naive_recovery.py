"""What docs/reading-the-verdict.md says of the recovery, done naively: each second is tried, with all that are left."""

from dataclasses import dataclass
from math import inf
from typing import Final

from redis_rehearsal.verification.verdict import Status
from tests.oracle.timelines import Seen, Timeline, seconds_of

NAMES: Final = ("p50", "p99", "event_p99", "misses", "database_queries", "failed")
ALWAYS: Final = {"p50": 0.005, "p99": 0.01, "event_p99": 0.01}
TWENTIETH: Final = 0.05

Ranges = dict[str, float | None]


@dataclass(frozen=True)
class Told:
    """What is to be said of it.

    Attributes:
        lower: it took so long for sure, in seconds.
        upper: and no longer than that; None where it was not seen.
        measures: the upper figure of each by itself.
    """

    lower: float
    upper: float | None
    measures: dict[str, float | None]


def figure(seen: Seen, name: str) -> float | None:
    """One that is worse the higher it is; None where there is none."""
    if name == "misses":
        return seen.misses / seen.reads if seen.reads else None
    value: float | None = getattr(seen, name)
    return value


def middle(values: list[float]) -> float:
    """Half of them are no larger, and half no smaller."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def ranges(some: list[Seen], baseline: list[Seen]) -> Ranges:
    """Up to where each measure is as in some seconds of a baseline; None where it has no range."""
    found: Ranges = {}
    for name in NAMES:
        values = [value for seen in some if (value := figure(seen, name)) is not None]
        if not values:
            found[name] = None
            continue
        usual = middle(values)
        deviation = 1.4826 * middle([abs(value - usual) for value in values])
        if name == "misses":
            reads = middle([float(seen.reads) for seen in some])
            if reads:
                deviation = max(deviation, (max(usual * reads, 1.0) ** 0.5) / reads)
        elif name in ("database_queries", "failed") and usual:
            deviation = max(deviation, max(usual, 1.0) ** 0.5)
        measured = len([seen for seen in baseline if figure(seen, name) is not None])
        found[name] = max(1.2 * usual + 4 * deviation * (1 + measured**-0.5), ALWAYS.get(name, -inf))
    return found


def both_ranges(baseline: list[Seen]) -> tuple[Ranges, Ranges]:
    """The narrower and the wider ones of those with and without the seconds in which the generator stood still."""
    each = ranges(baseline, baseline)
    awake = ranges([seen for seen in baseline if seen.stalled_seconds <= TWENTIETH], baseline)
    narrow: Ranges = {}
    wide: Ranges = {}
    for name in NAMES:
        ends = sorted(end for end in (each[name], awake[name]) if end is not None)
        narrow[name] = ends[0] if ends else None
        wide[name] = ends[1] if len(ends) == 2 else None
    return narrow, wide


def in_range(seen: Seen, name: str, allowed: Ranges) -> bool:
    """Whether a measure of a second is."""
    limit = allowed[name]
    if limit is None:
        return True
    value = figure(seen, name)
    if value is None:
        return not (seen.events_due if name == "event_p99" else seen.queries_due)
    return value <= limit


def back_after(good: list[bool]) -> float | None:
    """The first second from which on three are good and there is no relapse until the end."""
    for start in range(len(good)):
        left = good[start:]
        bad = [place for place, is_good in enumerate(left) if not is_good]
        three_running = any(place + 1 in bad and place + 2 in bad for place in bad)
        if len(left) >= 3 and all(left[:3]) and not three_running and len(bad) * 10 <= len(left):
            return float(start)
    return None


def of_one(baseline: list[Seen], after: list[Seen]) -> Told:
    """Of one cutover."""
    if len(baseline) < 3 or all(seen.stalled_seconds > TWENTIETH for seen in baseline):
        return Told(0.0, None, dict.fromkeys(NAMES))
    narrow, wide = both_ranges(baseline)
    at_best = back_after(
        [seen.stalled_seconds > TWENTIETH or all(in_range(seen, name, wide) for name in NAMES) for seen in after]
    )
    at_worst = back_after([all(in_range(seen, name, narrow) for name in NAMES) for seen in after])
    return Told(
        float(len(after)) if at_best is None else at_best,
        at_worst,
        {name: back_after([in_range(seen, name, narrow) for seen in after]) for name in NAMES},
    )


def told(timeline: Timeline) -> list[Told]:
    """Of each cutover."""
    baseline, after = seconds_of(timeline)
    ended = len(after) - timeline.cut_off
    began = [at for at in timeline.cutovers if at < ended]
    if not began:
        return [Told(0.0, None, dict.fromkeys(NAMES))]
    found = []
    for at, until in zip(began, [*began[1:], ended], strict=True):
        # Whole seconds only, and the one in which it begins.
        found.append(of_one(baseline, [seen for place, seen in enumerate(after) if int(at) <= place <= until - 1]))
    return found


def close_calls(timeline: Timeline) -> bool:
    """Whether a figure is so close to its range's end that rounding decides."""
    baseline, after = seconds_of(timeline)
    for allowed in both_ranges(baseline) if baseline else ():
        for name, limit in allowed.items():
            values = [figure(seen, name) for seen in after]
            if limit and any(value is not None and abs(value - limit) < 1e-9 * limit for value in values):
                return True
    return False


def status(timeline: Timeline) -> Status:
    """What is to be said of the criterion."""
    found = told(timeline)
    lower = max(each.lower for each in found)
    upper = max(inf if each.upper is None else each.upper for each in found)
    if timeline.saturated:
        return Status.UNKNOWN
    if lower > timeline.max_recovery:
        return Status.FAILED
    return Status.PASSED if upper <= timeline.max_recovery else Status.UNKNOWN
