"""What a run tells of itself while it goes on."""

from collections.abc import Mapping, Sequence

from redis_rehearsal.document.base import Given, Part, UtcTime
from redis_rehearsal.document.migration import Migration
from redis_rehearsal.document.run import Server


class Route(Part, frozen=True, kw_only=True):
    """Where reads and writes go.

    Attributes:
        reads: `source` or `target`.
        writes: `source`, `target` or `both`.
        truth: the server whose answer counts.
        moving: whether tenants are on their way there.
        confirmed: whether every worker confirmed it; where not, some may be elsewhere.
    """

    reads: Given[str]
    writes: Given[str]
    truth: Given[str]
    moving: Given[bool]
    confirmed: Given[bool]


class LastRates(Part, frozen=True, kw_only=True):
    """Ok operations of the last second; null before there was one.

    Attributes:
        queries_per_second: of queries.
        events_per_second: of events.
    """

    queries_per_second: int | None
    events_per_second: int | None


class RunStatus(Part, frozen=True, kw_only=True):
    """What runs, where reads and writes go, and what migrates.

    Attributes:
        stage: how far the run is.
        phase: of the migration; null where none is.
        route: where reads and writes go.
        frozen: whether writes are held back.
        servers: by role; none before they are there.
        rates: of the last second.
        migration: the latest; null where nothing was migrated.
    """

    stage: Given[str]
    phase: str | None
    route: Route
    frozen: Given[bool]
    servers: Mapping[str, Server]
    rates: LastRates
    migration: Migration | None


class Load(Part, frozen=True, kw_only=True):
    """The load as it is asked for.

    Attributes:
        queries_per_second: queries that are due each second.
        events_per_second: events that are due each second.
        query_mix: shares of dashboard, filtered and real-time queries, in percent.
        event_mix: shares of the event types, in percent.
    """

    queries_per_second: Given[float]
    events_per_second: Given[float]
    query_mix: Given[str]
    event_mix: Given[str]


class BegunPhase(Part, frozen=True, kw_only=True):
    """A phase that has begun.

    Attributes:
        name: of it.
        started_at: when it began.
    """

    name: Given[str]
    started_at: Given[UtcTime]


class MigrationSoFar(Migration, frozen=True, kw_only=True):
    """A migration of a run that goes on.

    Attributes:
        phases: so far.
    """

    phases: Sequence[BegunPhase]
