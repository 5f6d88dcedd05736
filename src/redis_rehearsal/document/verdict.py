"""What was judged: the verdict with its criteria, downtime, recovery, the comparison of the servers."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from redis_rehearsal.document.base import Given, Part, Seconds, UtcTime


class Criterion(Part, frozen=True, kw_only=True):
    """One thing that the verdict rests on.

    Attributes:
        name: as docs/reading-the-verdict.md has it.
        limit: what it may be at most; null where it has none.
        measured: null where it could not be, or where there is nothing to be measured.
        unit: of both; empty where they are none.
        status: what could not be measured is unknown, not passed.
        reason: why, in words.
        causes: what it is unknown for, by name.
    """

    name: Given[str]
    limit: float | None
    measured: float | None
    unit: Given[Literal["count", "ratio", "seconds", ""]]
    status: Given[Literal["passed", "failed", "unknown"]]
    reason: str | None
    causes: Sequence[Given[str]]


class Verdict(Part, frozen=True, kw_only=True):
    """What a migration came to.

    Attributes:
        status: fail where one criterion failed; else unknown where one is; else pass.
        criteria: in the order in which they are shown. A run that broke beside the migration has the criterion `run`,
            which is unknown.
    """

    status: Given[Literal["pass", "fail", "unknown"]]
    criteria: Sequence[Criterion]


class Window(Part, frozen=True, kw_only=True):
    """A stretch without an ok operation while something was due.

    Attributes:
        from_: when it began.
        seconds: how long it lasted.
    """

    from_: Given[UtcTime] = msgspec.field(name="from")
    seconds: Given[Seconds]


class Downtime(Part, frozen=True, kw_only=True):
    """Stretches without an ok operation while something was due, beyond the gaps of the baseline.

    What could not be known is null.

    Attributes:
        longest_seconds: the longest.
        longest_at_least_seconds: without what the generator's own stalls explain.
        longest_at_most_seconds: with it.
        unfinished: whether it went on when it was judged.
        total_seconds: of all.
        baseline_longest_seconds: the longest gap of the baseline.
        windows: when, oldest first; the longest 100.
        windows_found: of so many.
    """

    longest_seconds: Seconds | None
    longest_at_least_seconds: Seconds | None
    longest_at_most_seconds: Seconds | None
    unfinished: bool | None
    total_seconds: Seconds | None
    baseline_longest_seconds: Seconds | None
    windows: Sequence[Window] | None
    windows_found: int | None


class Downtimes(Part, frozen=True, kw_only=True):
    """Downtime of queries and of events, from the cutover on and before it.

    Attributes:
        queries: from the cutover on.
        events: from the cutover on.
        sync_queries: from the baseline's end to the cutover.
        sync_events: from the baseline's end to the cutover.
    """

    queries: Downtime
    events: Downtime
    sync_queries: Downtime
    sync_events: Downtime


class Recovery(Part, frozen=True, kw_only=True):
    """How long it took from the cutover until all was as in the baseline again, for good.

    Attributes:
        seconds: null where that is not known to the second.
        at_least_seconds: so long for sure; where it was not seen to come back, for how long it was watched.
        at_most_seconds: no longer than that, whatever the generator's own stalls hide; null where it was not seen to
            come back.
        measures: the latter for each: `p50`, `p99`, `event_p99`, `misses`, `database_queries`, `failed`.
        reason: why it is not known, in words.
    """

    seconds: Seconds | None
    at_least_seconds: Seconds | None
    at_most_seconds: Seconds | None
    measures: Mapping[str, Seconds | None]
    reason: str | None


class TtlDrift(Part, frozen=True, kw_only=True):
    """Keys whose times to live are apart, as far as that is tolerated or beyond.

    Attributes:
        count: how many.
        median_seconds: by how much, the median; null where there is none.
        max_seconds: by how much, the largest.
    """

    count: Given[int]
    median_seconds: Seconds | None
    max_seconds: Seconds | None


class Comparison(Part, frozen=True, kw_only=True):
    """The two servers key by key under the prefix, after the load.

    With `--then rollback` both before the way back and, the exchanged way round, after it.

    Attributes:
        keys_compared: how many.
        missing: keys that only the source has, for no reason that is known; null where that was not found out.
        extra: keys that only the target has, for no reason that is known.
        type: keys of another type, for no reason that is known.
        value: keys of another value, for no reason that is known.
        ttl: keys of another time to live, for no reason that is known.
        benign: how many differ for a good reason.
        benign_reasons: how many for each: written, computed or deleted since the cutover, expired, and so on.
        ttl_drift: times to live that are apart.
        unsettled: keys that kept changing on both servers, or took too long to read.
        evicted: keys that differed when seen last, and may have been evicted since.
        written_behind: keys that somebody wrote to on the server that was left.
        unexplained: keys that differ for no reason that is known; null where that was not found out.
        unreadable: why some could not be compared, in words.
        not_carried: how many things the source has that the target cannot hold.
        not_carried_keys: up to ten of their keys.
        notes: what no copy can carry, and was not compared.
        error: why the servers could not be compared, in words.
    """

    keys_compared: Given[int]
    missing: int | None
    extra: int | None
    type: int | None
    value: int | None
    ttl: int | None
    benign: Given[int]
    benign_reasons: Mapping[str, Given[int]]
    ttl_drift: TtlDrift
    unsettled: Given[int]
    evicted: Given[int]
    written_behind: Given[int]
    unexplained: int | None
    unreadable: str | None
    not_carried: Given[int]
    not_carried_keys: Sequence[Given[str]]
    notes: Sequence[Given[str]]
    error: str | None


class Impact(Part, frozen=True, kw_only=True):
    """The worst seconds after the baseline.

    Attributes:
        lowest_hit_ratio: of a second; null where nothing was asked.
        highest_database_queries_per_second: of a second.
        source_cpu_ratio: share of a core that the source used while it was migrated; null where that was not seen.
        generator_saturated: whether the generator was the bottleneck since the baseline began, as the verdict judges
            it.
    """

    lowest_hit_ratio: float | None
    highest_database_queries_per_second: Given[int]
    source_cpu_ratio: float | None
    generator_saturated: Given[bool]
