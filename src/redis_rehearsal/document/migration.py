"""What was done: the migration step by step, and the load phase by phase."""

from collections.abc import Mapping, Sequence
from typing import Any

from redis_rehearsal.document.base import Given, Part, Seconds, UtcTime
from redis_rehearsal.document.load import Latency, Totals
from redis_rehearsal.document.verdict import Verdict


class ApplicationOn(Part, frozen=True, kw_only=True):
    """Where the application is, or was left.

    Attributes:
        reads: `source` or `target`.
        writes: `source`, `target` or `both`.
        confirmed: whether every worker confirmed it; where not, some may be elsewhere.
    """

    reads: Given[str]
    writes: Given[str]
    confirmed: Given[bool]


class Step(Part, frozen=True, kw_only=True):
    """A step of a migration.

    Attributes:
        name: of it.
        started_at: when it began.
        duration_seconds: how long it took; null while it goes on.
        status: `done`, `failed` or `running`.
        detail: what came of it.
    """

    name: Given[str]
    started_at: Given[UtcTime]
    duration_seconds: Seconds | None
    status: Given[str]
    detail: Given[str]


class Progress(Part, frozen=True, kw_only=True):
    """How far a step is that is going on.

    Attributes:
        text: for people.
    """

    text: Given[str]


class Migration(Part, frozen=True, kw_only=True):
    """A migration, as it was asked for and as it was done.

    Attributes:
        strategy: by which.
        freeze: who held writes back: `client`, `server` or `none`.
        rollout_seconds: over how long tenants moved.
        options: all that was asked for, limits included, under the names that a scenario has; the commands of
            `external`, which may hold secrets, are left out.
        status: `running`, `done`, `failed` or `rolled-back`; it runs until its verdict is there.
        phase: that it came to.
        reason: why it failed.
        application_on: where the application was left.
        freeze_seconds: how long writes were held; null where they were not.
        return_freeze_seconds: how long they were on the way back.
        progress: how far the step is that is going on; null where none is, or where it does not tell.
        warnings: sentences about what may spoil the result.
        steps: in the order in which they began.
        verdict: null where none was reached.
    """

    strategy: Given[str]
    freeze: Given[str]
    rollout_seconds: Given[Seconds]
    options: Mapping[str, Any]
    status: Given[str]
    phase: Given[str]
    reason: str | None
    application_on: ApplicationOn
    freeze_seconds: Seconds | None
    return_freeze_seconds: Seconds | None
    progress: Progress | None
    warnings: Sequence[Given[str]]
    steps: Sequence[Step]
    verdict: Verdict | None


class Phase(Part, frozen=True, kw_only=True):
    """A phase: what was due in it, and what became of that; an operation belongs to that of its intended start.

    Attributes:
        name: `baseline`, `prepare`, `sync`, `cutover`, `recovery`, `done`, `rolled-back` or `failed`; without a
            migration `load`, and before it `warm-up`.
        started_at: when it began.
        duration_seconds: how long it lasted.
        queries_per_second: ok queries; null where it had no length.
        events_per_second: ok events.
        latency: as of the whole load.
        hit_ratio: as of the whole load.
        failed: operations that were not ok.
        totals: as of the whole load.
        database_queries_per_second: reports asked of PostgreSQL.
    """

    name: Given[str]
    started_at: Given[UtcTime]
    duration_seconds: Given[Seconds]
    queries_per_second: float | None
    events_per_second: float | None
    latency: Latency
    hit_ratio: float | None
    failed: Given[int]
    totals: Totals
    database_queries_per_second: float | None


class Annotation(Part, frozen=True, kw_only=True):
    """What happened to a server without our doing; marked in timeline.csv and in the charts.

    Attributes:
        kind: `server-changed`: another run id answers behind the address; `role-changed`.
        server: which, by role.
        started_at: when it was seen.
        detail: what was seen.
    """

    kind: Given[str]
    server: Given[str]
    started_at: Given[UtcTime]
    detail: Given[str]
