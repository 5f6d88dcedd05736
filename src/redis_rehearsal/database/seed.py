"""What the platform has when the curtain rises: organisations, their users, and a history of events."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from redis_rehearsal.database import schema
from redis_rehearsal.database.rows import COLUMNS, EventRows
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.workload.questions import EventStream
from redis_rehearsal.workload.tenants import zipf_shares

_CHUNK_ROWS: Final = 50_000
_SEED_SECONDS: Final = 600.0
_PLANS: Final = ("free", "team", "business", "enterprise")
SEGMENTS: Final = 4

Progress = Callable[[str, int, int], None]
"""Told the name of a step, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class SeedParameters:
    """What determines the seeded rows; see the settings of the same names."""

    seed: int
    organizations: int
    users_per_org: int
    tenant_skew: float
    history_events: int
    time_buckets: int
    time_bucket_seconds: int


async def ensure_seeded(connection: Any, parameters: SeedParameters, now_seconds: float, progress: Progress) -> str:
    """Make and fill the schema, or see that what an earlier run left can be used.

    Args:
        connection: with nothing under way.
        parameters: what to seed.
        now_seconds: Unix time at which the history ends.
        progress: is told how far it is.

    Returns:
        A sentence on what an earlier run left; empty where it left nothing.

    Raises:
        ConfigurationError: what an earlier run left does not fit.
    """
    if await schema.exists(connection):
        left = await connection.fetchrow("SELECT parameters, finished_at FROM analytics.seeding")
        if left is None or left["finished_at"] is None:
            raise ConfigurationError(
                "An earlier run was ended while it seeded the schema `analytics`. Remove it with --reset."
            )
        if json.loads(left["parameters"]) != asdict(parameters):
            raise ConfigurationError(
                "The schema `analytics` was seeded by an earlier run with other settings "
                f"({left['parameters']}). Remove it with --reset, or use those settings."
            )
        return (
            f"Using the schema `analytics` that an earlier run seeded at {left['finished_at']:%Y-%m-%d %H:%M} UTC; "
            "--reset would make it anew."
        )
    await schema.create(connection)
    await connection.execute("INSERT INTO analytics.seeding (parameters) VALUES ($1)", json.dumps(asdict(parameters)))
    await _seed_tenants(connection, parameters, progress)
    await _seed_history(connection, parameters, now_seconds, progress)
    await schema.finish(connection)
    await connection.execute("UPDATE analytics.seeding SET finished_at = now()")
    return ""


async def _seed_tenants(connection: Any, parameters: SeedParameters, progress: Progress) -> None:
    organizations = range(1, parameters.organizations + 1)
    await connection.copy_records_to_table(
        "organizations",
        schema_name="analytics",
        records=[(i, f"Organisation {i}", _PLANS[i % len(_PLANS)]) for i in organizations],
        timeout=_SEED_SECONDS,
    )
    total = parameters.organizations * parameters.users_per_org
    for start in range(0, total, _CHUNK_ROWS):
        progress("users", start, total)
        numbers = (divmod(i, parameters.users_per_org) for i in range(start, min(total, start + _CHUNK_ROWS)))
        await connection.copy_records_to_table(
            "users",
            schema_name="analytics",
            records=[
                (org + 1, user + 1, f"user{user + 1}@org{org + 1}.example", user % SEGMENTS) for org, user in numbers
            ],
            timeout=_SEED_SECONDS,
        )
    progress("users", total, total)


async def _seed_history(connection: Any, parameters: SeedParameters, now_seconds: float, progress: Progress) -> None:
    bucket_seconds, buckets = parameters.time_bucket_seconds, parameters.time_buckets
    current = int(now_seconds) // bucket_seconds * bucket_seconds
    oldest = current - (buckets - 1) * bucket_seconds
    await schema.extend(connection, list(range(oldest, current + 3 * bucket_seconds, bucket_seconds)), bucket_seconds)
    rng = np.random.default_rng([parameters.seed, 0x5EED])
    stream = EventStream(zipf_shares(parameters.organizations, parameters.tenant_skew), parameters.users_per_org, rng)
    total = parameters.history_events
    for start in range(0, total, _CHUNK_ROWS):
        progress("history", start, total)
        count = min(_CHUNK_ROWS, total - start)
        block = stream.draw(count)
        rows = EventRows(
            ids=np.arange(start + 1, start + count + 1),
            organizations=block.tenants + 1,
            users=block.users,
            types=block.types,
            pages=block.pages,
            occurred_seconds=rng.uniform(oldest, now_seconds, count),
        )
        await copy_rows(connection, rows, _SEED_SECONDS)
    # From the rows themselves, so that roll-ups and rows agree from the start; in the order in which reports read
    # them, since an organisation's rows scattered over as many pages cost three times the processor time.
    for table, value in (("hourly_events", "type"), ("hourly_pages", "page")):
        await connection.execute(
            f"INSERT INTO analytics.{table} SELECT organization_id, "  # noqa: S608 # constants
            f"floor(extract(epoch FROM occurred_at) / {bucket_seconds})::bigint * {bucket_seconds}, "
            f"{value}, count(*) FROM analytics.events GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            timeout=_SEED_SECONDS,
        )
    progress("history", total, total)


async def copy_rows(connection: Any, rows: EventRows, timeout_seconds: float) -> None:
    """Append event rows to the table by one binary COPY."""
    data = rows.binary()

    async def chunks() -> Any:
        yield data

    await connection.copy_to_table(
        "events",
        schema_name="analytics",
        columns=COLUMNS,
        source=chunks(),
        format="binary",
        timeout=timeout_seconds,
    )
