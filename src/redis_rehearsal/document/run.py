"""The document of a run: run.json."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis_rehearsal.document.base import Given, Part, Seconds
from redis_rehearsal.document.ledger import RunLedger
from redis_rehearsal.document.load import Cache, Checks, Database, Failures, Generator, Latency, Rates, Totals
from redis_rehearsal.document.migration import Annotation, Migration, Phase
from redis_rehearsal.document.verdict import Comparison, Downtimes, Impact, Recovery, Verdict

SCHEMA_VERSION: Final = 1
"""Grows when a field changes its meaning or goes."""


class Server(Part, frozen=True, kw_only=True):
    """A server of the run.

    Attributes:
        product: such as `redis`.
        version: of it.
        address: without user and password.
    """

    product: Given[str]
    version: Given[str]
    address: Given[str]


class RedisServer(Server, frozen=True, kw_only=True):
    """A Redis of the run, and what happened to it.

    Attributes:
        restarts: how often it was started anew during the run; null where it was not seen.
        evicted_keys: keys that it evicted in that time; null where it was not seen.
    """

    restarts: int | None
    evicted_keys: int | None


class Servers(Part, frozen=True, kw_only=True):
    """The servers of the run; null those that there were not yet.

    Attributes:
        source: the Redis being left.
        target: the Redis being moved to.
        database: PostgreSQL.
    """

    source: RedisServer | None
    target: RedisServer | None
    database: Server | None


class RunDocument(Part, frozen=True, kw_only=True):
    """All figures of a run.

    Durations are seconds, sizes bytes, ratios 0 to 1; what could not be measured is null, never 0.

    Attributes:
        schema_version: grows when a field changes its meaning or goes.
        complete: false where a worker ended by itself, so that its last second is missing.
        started: name of the run's directory (UTC).
        stage: how far the run was.
        unwritten: files of the run that could not be written, or not to their end, each with why.
        duration_seconds: measured load.
        warmup_seconds: load before it.
        totals: operations of the measured load.
        rates: of the measured load.
        latency: of the measured load.
        cache: what the cache answered in the measured load.
        database: what PostgreSQL was asked, in all of the load.
        failures: why operations were not ok, in all of the load.
        events_by_type: events offered.
        ledger: what was acknowledged, held against the servers.
        checks: what the checks of answers found.
        generator: what drove the load.
        migration: the latest; null where nothing was migrated.
        phases: of the latest migration; of a run without one all so far.
        downtime: of the latest migration.
        recovery: of the latest migration.
        comparison: of the two servers; null with `observe`, with `--no-compare`, and where the migration did not come
            to its end.
        annotations: what happened to servers without our doing.
        impact: the worst after the baseline; null where nothing was judged.
        verdict: null where none was reached.
        servers: what ran.
        settings: every setting; of a URL only the address.
    """

    schema_version: Given[int]
    complete: Given[bool]
    started: str | None
    stage: Given[str]
    unwritten: Mapping[str, Given[str]]
    duration_seconds: Given[Seconds]
    warmup_seconds: Given[Seconds]
    totals: Totals
    rates: Rates
    latency: Latency
    cache: Cache
    database: Database
    failures: Failures
    events_by_type: Mapping[str, Given[int]]
    ledger: RunLedger
    checks: Checks
    generator: Generator
    migration: Migration | None
    phases: Sequence[Phase]
    downtime: Downtimes
    recovery: Recovery
    comparison: Comparison | None
    annotations: Sequence[Annotation]
    impact: Impact | None
    verdict: Verdict | None
    servers: Servers
    settings: Mapping[str, Any]
