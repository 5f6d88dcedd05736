"""What became of the load: operations, latency, cache, database, and what drove it."""

from collections.abc import Mapping

from redis_rehearsal.document.base import Given, Part, Seconds


class Outcomes(Part, frozen=True, kw_only=True):
    """Operations by what became of them; all but `offered` add up to it.

    Attributes:
        offered: that were due.
        ok: acknowledged.
        failed: surely not applied.
        unknown: writes whose reply never came, which may or may not have been applied.
        shed: refused by the generator itself, because too much was in flight.
        in_flight: not answered yet.
    """

    offered: Given[int]
    ok: Given[int]
    failed: Given[int]
    unknown: Given[int]
    shed: Given[int]
    in_flight: Given[int]


class Quantiles(Part, frozen=True, kw_only=True):
    """Of durations in seconds, known to 0.8%; null where nothing was recorded.

    Attributes:
        p50: the median.
        p95: the quantile 0.95.
        p99: the quantile 0.99.
        p999: the quantile 0.999.
        max: the longest.
    """

    p50: Seconds | None
    p95: Seconds | None
    p99: Seconds | None
    p999: Seconds | None
    max: Seconds | None


class Clocks(Part, frozen=True, kw_only=True):
    """The latency of ok operations by each of the three clocks.

    Attributes:
        response_seconds: from the intended start to the reply.
        service_seconds: from the write to the reply.
        lag_seconds: from the intended start to the write.
    """

    response_seconds: Quantiles
    service_seconds: Quantiles
    lag_seconds: Quantiles


class Totals(Part, frozen=True, kw_only=True):
    """Operations of the measured load, or of a phase.

    Attributes:
        queries: of queries.
        events: of events.
    """

    queries: Outcomes
    events: Outcomes


class Rates(Part, frozen=True, kw_only=True):
    """Ok operations by measured second.

    Attributes:
        queries_per_second: of queries.
        events_per_second: of events.
    """

    queries_per_second: Given[float]
    events_per_second: Given[float]


class Latency(Part, frozen=True, kw_only=True):
    """Latency of ok operations.

    Attributes:
        queries: of queries.
        events: of events.
    """

    queries: Clocks
    events: Clocks


class Cache(Part, frozen=True, kw_only=True):
    """Of cacheable queries.

    Attributes:
        hits: that found their report.
        misses: that found nothing, also those that waited for another's report.
        hit_ratio: hits of both together; null where there was none.
        misplaced: misses because a value of another type was there.
        writes: reports stored and invalidated, by what became of it; `store_overtaken`: not stored, since an event had
            made it obsolete meanwhile.
    """

    hits: Given[int]
    misses: Given[int]
    hit_ratio: float | None
    misplaced: Given[int]
    writes: Mapping[str, Given[int]]


class Database(Part, frozen=True, kw_only=True):
    """What PostgreSQL was asked, and took.

    Attributes:
        queries: reports asked during the load, for queries and to refresh the cache.
        failed: of these, those that failed.
        query_seconds: time of those answered, the wait for a connection included.
        warm_up_queries: reports asked before the load.
        rows_written: event rows written.
        rows_dropped: event rows dropped; with those written as many as events were offered, unless a worker was lost.
    """

    queries: Given[int]
    failed: Given[int]
    query_seconds: Quantiles
    warm_up_queries: Given[int]
    rows_written: Given[int]
    rows_dropped: Given[int]


class Failures(Part, frozen=True, kw_only=True):
    """Operations that were not ok, by reason.

    That is the server's error code, or `no connection`, `connection lost`, `database`, `database timeout`.

    Attributes:
        queries: of queries.
        events: of events.
    """

    queries: Mapping[str, Given[int]]
    events: Mapping[str, Given[int]]


class Checks(Part, frozen=True, kw_only=True):
    """What the checks of answers found while the load lasted.

    Attributes:
        reports_checked: hits that were checked.
        wrong: of these, damaged or for another question.
        stale: of these, older than their TTL plus OPERATION_TIMEOUT.
        resurrected: reports served although the server had acknowledged their deletion.
        misplaced: values found in place of a report that never were one, of another type or form: counted as misses and
            replaced.
        counters_checked: real-time reads that were checked.
        counter_regressions: counters read lower than what had been acknowledged.
    """

    reports_checked: Given[int]
    wrong: Given[int]
    stale: Given[int]
    resurrected: Given[int]
    misplaced: Given[int]
    counters_checked: Given[int]
    counter_regressions: Given[int]


class Generator(Part, frozen=True, kw_only=True):
    """Whether what drove the load kept up with it.

    Attributes:
        cpu_ratio: share of a core that the busiest worker used.
        saturated: whether the generator was the bottleneck, in all of the load: in more than 5% of its seconds it used
            more than 90% of a core, or one in a hundred of its own wake-ups was more than 5 ms late.
        saturated_seconds: seconds in which it was.
        stalled_seconds: for how long its wake-ups were more than 5 ms late in all.
        late_snapshots: what workers reported so late that its second was not kept any more; it is in the totals, and
            not in the timeline.
        tick_delay_seconds: how late its wake-ups were.
        memory_bytes: most that a worker held.
        workers_lost: workers that ended by themselves.
    """

    cpu_ratio: Given[float]
    saturated: Given[bool]
    saturated_seconds: Given[int]
    stalled_seconds: Given[Seconds]
    late_snapshots: Given[int]
    tick_delay_seconds: Quantiles
    memory_bytes: Given[int]
    workers_lost: Given[int]
