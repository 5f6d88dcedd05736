"""Random timelines of a run, second by second, and the evidence that they make."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal, get_args

from hypothesis import strategies as st

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.fleet.row import Label, Row, Second, Segment, as_mapping
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON

BEGAN: Final = 1_000.25
"""On the monotonic clock; seconds of the load do not begin where those of the clock do."""
TAIL_SECONDS: Final = 2
"""Between the baseline and what comes after it, while the strategy prepares."""
STALLS_BEGIN_AT: Final = 0.1
"""Of a second; one that lasts for long is caught up with in the next one."""
_NOT_OK: Final = (
    "queries_failed",
    "queries_unknown",
    "queries_shed",
    "events_failed",
    "events_unknown",
    "events_shed",
)

What = Literal[
    "usual",
    "p50",
    "p99",
    "event_p99",
    "misses",
    "database_queries",
    "failed",
    "all",
    "silent",
    "idle",
    "no queries",
    "no events",
    "late",
]


@dataclass(frozen=True)
class Seen:
    """What a second shows.

    Attributes:
        p50: of queries, in seconds; None where none was answered, as in the next two.
        p99: of queries, in seconds.
        event_p99: of events, in seconds.
        misses: reads that found nothing.
        reads: that were answered.
        database_queries: how many the database was asked.
        failed: operations that were not ok.
        queries_due: whether any query was due.
        events_due: whether any event was due.
        stalled_seconds: for how long the generator stood still in it.
    """

    p50: float | None
    p99: float | None
    event_p99: float | None
    misses: int
    reads: int
    database_queries: int
    failed: int = 0
    queries_due: bool = True
    events_due: bool = True
    stalled_seconds: float = 0.0


@dataclass(frozen=True)
class Stretch:
    """Some seconds that are alike.

    Attributes:
        seconds: how many.
        what: is not as usual.
        times: as much of it as usual.
        stalled_seconds: for how long the generator stood still in each.
    """

    seconds: int
    what: What = "usual"
    times: float = 1.0
    stalled_seconds: float = 0.0


@dataclass(frozen=True)
class Timeline:
    """A run.

    Attributes:
        usual: a second of it.
        baseline: its stretches.
        after: stretches since the second in which the first cutover begins, that one included.
        cutovers: how long after the beginning of that second each of them begins, ascending.
        cut_off: the share of its last second that is missing.
        noise: by how large a share figures differ by chance.
        seed: of the chance.
        max_recovery: the limit, in seconds.
        saturated: whether the generator was the bottleneck.
        stalls: number of a second, from the baseline's first on, and for how long the generator stood still in it too.
    """

    usual: Seen
    baseline: tuple[Stretch, ...]
    after: tuple[Stretch, ...]
    cutovers: tuple[float, ...] = (0.0,)
    cut_off: float = 0.0
    noise: float = 0.0
    seed: int = 0
    max_recovery: float = 5.0
    saturated: bool = False
    stalls: tuple[tuple[int, float], ...] = ()


def seconds_of(timeline: Timeline) -> tuple[list[Seen], list[Seen]]:
    """Of the baseline, and since the first cutover's."""
    random = Random(timeline.seed)  # the same each time
    before, after = (
        [_second(timeline, stretch, random) for stretch in stretches for _ in range(stretch.seconds)]
        for stretches in (timeline.baseline, timeline.after)
    )
    stalls = dict(timeline.stalls)
    everything = [_held_up(seen, stalls.get(number, 0.0)) for number, seen in enumerate([*before, *after])]
    return everything[: len(before)], everything[len(before) :]


def _held_up(seen: Seen, seconds: float) -> Seen:
    """What was due while the generator stood still waits for it."""
    if not seconds:
        return seen
    p50, p99, event_p99 = (None if each is None else each + seconds for each in (seen.p50, seen.p99, seen.event_p99))
    return replace(seen, p50=p50, p99=p99, event_p99=event_p99, stalled_seconds=seen.stalled_seconds + seconds)


def _second(timeline: Timeline, stretch: Stretch, random: Random) -> Seen:
    def chance(value: float) -> float:
        return value * max(0.1, random.gauss(1.0, timeline.noise)) if timeline.noise else value

    usual, what = timeline.usual, stretch.what
    times = {name: stretch.times if what in (name, "all", "late") else 1.0 for name in ("p50", "p99", "event_p99")}
    p50, p99, event_p99 = (chance(getattr(usual, name) or 0.0) * many for name, many in times.items())
    misses, database_queries = (
        round(chance(getattr(usual, name)) * (stretch.times if what in (name, "all") else 1.0))
        for name in ("misses", "database_queries")
    )
    seen = Seen(
        p50,
        p99,
        event_p99,
        min(misses, usual.reads),
        usual.reads,
        database_queries,
        round(usual.failed * stretch.times) + 1 if what in ("failed", "all") else usual.failed,
        stalled_seconds=stretch.stalled_seconds,
    )
    if what in ("silent", "idle", "no queries"):
        seen = replace(seen, p50=None, p99=None, misses=0, reads=0, database_queries=0)
    if what in ("silent", "idle", "no events"):
        seen = replace(seen, event_p99=None)
    # Of a silent second the operations are still on their way; of a late one those answered were due before.
    none_due = what in ("idle", "late")
    queries_due, events_due = (not none_due and what != f"no {kind}" for kind in ("queries", "events"))
    return replace(seen, queries_due=queries_due, events_due=events_due)


_EMPTY: Final = as_mapping(Row.of(Second(0), 0.0, Label()))


def _row(number: int, seen: Seen) -> Row:
    figures = {
        "second": number,
        "queries_offered": 100 * seen.queries_due,
        "events_offered": 20 * seen.events_due,
        "query_response_p50": seen.p50,
        "query_response_p99": seen.p99,
        "event_response_p99": seen.event_p99,
        "misses": seen.misses,
        "hits": seen.reads - seen.misses,
        "database_queries": seen.database_queries,
        _NOT_OK[number % len(_NOT_OK)]: seen.failed,
    }
    # Of so many fields `replace` looks at each one.
    return Row(**{**_EMPTY, **figures})


def evidence_of(timeline: Timeline, seconds: tuple[list[Seen], list[Seen]] | None = None) -> Evidence:
    """All that is known of a run of which only the timeline counts.

    Args:
        timeline: of the run.
        seconds: of the baseline, and since the first cutover's, where they are others than the timeline's own.
    """
    before, after = seconds or seconds_of(timeline)
    everything = [*before, *[timeline.usual] * TAIL_SECONDS, *after]
    first = BEGAN + len(before) + TAIL_SECONDS
    ended = BEGAN + len(everything) - timeline.cut_off
    cutovers = [(first + at, first + at + 0.01) for at in timeline.cutovers if first + at < ended]
    return Evidence(
        limits=Limits(max_recovery=timeline.max_recovery),
        status="done",
        reason="",
        unseen=NO_REASON,
        segments=[
            Segment(Phase.BASELINE, 0, BEGAN),
            Segment(Phase.SYNC, 1, BEGAN + len(before)),
            Segment(Phase.CUTOVER, 2, first),
        ],
        ended_seconds=ended,
        queries={},
        events={},
        rows=[_row(number, seen) for number, seen in enumerate(everything)],
        began_seconds=BEGAN,
        query_gaps=[],
        event_gaps=[],
        baseline_seconds=(BEGAN, BEGAN + len(before)),
        cutovers=cutovers,
        audit=Audit(),
        checks=Checks(),
        saturated=timeline.saturated,
        workers_lost=0,
        query_rates=Rates.steady(100.0),
        event_rates=Rates.steady(20.0),
        source_cpu_ratio=None,
        stalls=list(_stalls(everything)),
    )


def _stalls(seconds: Iterable[Seen]) -> Iterable[tuple[float, float]]:
    for number, seen in enumerate(seconds):
        if seen.stalled_seconds:
            began = BEGAN + number + STALLS_BEGIN_AT
            yield began, began + seen.stalled_seconds


usual_seconds = st.builds(
    Seen,
    p50=st.sampled_from([0.0004, 0.0048, 0.03]),
    p99=st.sampled_from([0.002, 0.009, 0.07]),
    event_p99=st.sampled_from([0.002, 0.009, 0.07]),
    misses=st.sampled_from([0, 1, 50]),
    reads=st.sampled_from([100, 1_000]),
    database_queries=st.sampled_from([0, 1, 30, 400]),
    failed=st.sampled_from([0, 0, 0, 2]),
)
_times = st.sampled_from([0.5, 1.15, 1.25, 1.6, 2.1, 3.0, 8.0, 40.0])
_stood = st.sampled_from([0.0, 0.0, 0.0, 0.03, 0.3, 0.7])
usual_stretches = st.builds(Stretch, seconds=st.integers(1, 12), what=st.just("usual"), stalled_seconds=_stood)
other_stretches = st.builds(
    Stretch, seconds=st.integers(1, 4), what=st.sampled_from(get_args(What)), times=_times, stalled_seconds=_stood
)
timelines = st.builds(
    Timeline,
    usual=usual_seconds,
    baseline=st.lists(usual_stretches | usual_stretches | other_stretches, max_size=3).map(tuple),
    after=st.lists(usual_stretches | other_stretches, min_size=1, max_size=8).map(tuple),
    # Several, each of them in a second of its own or not, also where one begins with a second.
    cutovers=st.lists(
        st.builds(sum, st.tuples(st.integers(1, 20), st.sampled_from([0.0, 0.25, 0.96875]))), max_size=2, unique=True
    ).flatmap(lambda later: st.sampled_from([0.0, 0.25, 0.96875]).map(lambda first: (first, *sorted(later)))),
    cut_off=st.sampled_from([0.0, 0.0, 0.40625]),
    noise=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 1_000),
    max_recovery=st.sampled_from([0.5, 3.0, 8.5, 60.0]),
    saturated=st.sampled_from([False] * 9 + [True]),
)
