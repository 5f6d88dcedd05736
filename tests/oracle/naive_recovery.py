"""What docs/reading-the-verdict.md says of the recovery, done naively: each second is tried, with all that are left."""

from dataclasses import dataclass
from math import inf
from typing import Final

from redis_rehearsal.verification.verdict import Status
from tests.oracle.timelines import STALLS_BEGIN_AT, Seen, Timeline, seconds_of

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
        elif name == "database_queries" or (name == "failed" and usual):
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


def in_range(seen: Seen, name: str, allowed: Ranges, taken_off: float = 0.0) -> bool:
    """Whether a measure of a second is; of a latency something may be taken off."""
    limit = allowed[name]
    if limit is None:
        return True
    value = figure(seen, name)
    if value is None:
        return not (seen.events_due if name == "event_p99" else seen.queries_due)
    return value - (taken_off if name in ALWAYS else 0.0) <= limit


def caught_up_with(before: Seen | None, seen: Seen) -> float:
    """For how long the generator stood still whose work was caught up with in a second: that takes as long again."""
    mine = seen.stalled_seconds
    theirs = before.stalled_seconds if before is not None else 0.0
    return mine + (theirs if STALLS_BEGIN_AT + 2 * theirs > 1 else 0.0)


def back_after(good: list[bool]) -> float | None:
    """The first second from which on three are good and there is no relapse until the end."""
    for start in range(len(good)):
        left = good[start:]
        bad = [place for place, is_good in enumerate(left) if not is_good]
        three_running = any(place + 1 in bad and place + 2 in bad for place in bad)
        if len(left) >= 3 and all(left[:3]) and not three_running and len(bad) * 10 <= len(left):
            return float(start)
    return None


def of_one(baseline: list[Seen], after: list[Seen], before: Seen | None) -> Told:
    """Of one cutover, by the seconds since, and the one before them."""
    if len(baseline) < 3 or all(seen.stalled_seconds > TWENTIETH for seen in baseline):
        return Told(0.0, None, dict.fromkeys(NAMES))
    narrow, wide = both_ranges(baseline)
    stood = [caught_up_with(earlier, seen) for earlier, seen in zip([before, *after], after, strict=False)]
    at_best = back_after(
        [
            still > TWENTIETH or all(in_range(seen, name, wide, 2 * still) for name in NAMES)
            for seen, still in zip(after, stood, strict=True)
        ]
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
        first = int(at)
        own = [seen for place, seen in enumerate(after) if first <= place <= until - 1]
        found.append(of_one(baseline, own, after[first - 1] if first else None))
    return found


def close_calls(timeline: Timeline) -> bool:
    """Whether a figure is so close to its range's end that rounding decides."""
    baseline, after = seconds_of(timeline)
    for allowed in both_ranges(baseline) if baseline else ():
        for name, limit in allowed.items():
            for place, seen in enumerate(after):
                still = caught_up_with(after[place - 1] if place else None, seen)
                value = figure(seen, name)
                for off in (0.0, 2 * still if name in ALWAYS else 0.0):
                    if limit and value is not None and abs(value - off - limit) < 1e-9 * limit:
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
