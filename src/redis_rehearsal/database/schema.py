"""Our schema: made, extended hour by hour, removed. Nothing outside it is touched."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from redis_rehearsal.errors import ConfigurationError

_OURS: Final = "redis-rehearsal"
_LOCK: Final = 0x7265_6865_6172_7361
"""Number of the advisory lock that keeps two runs out of one schema: "rehearsa" in ASCII."""


async def lock(connection: Any) -> bool:
    """Keep other runs out of the schema for as long as the connection lasts; False where one is in it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK))


async def exists(connection: Any) -> bool:
    """Whether our schema is there.

    Raises:
        ConfigurationError: a schema of the name is there, but it is not ours.
    """
    comment = await connection.fetchrow(
        "SELECT obj_description(oid, 'pg_namespace') AS text FROM pg_namespace WHERE nspname = 'analytics'"
    )
    if comment is None:
        return False
    if comment["text"] != _OURS:
        raise ConfigurationError(
            "The database of DATABASE_URL has a schema `analytics` that redis-rehearsal did not make; "
            "it is left alone. Use another database."
        )
    return True


async def create(connection: Any) -> None:
    """Make the schema and its tables, without indexes that seeding is faster without."""
    async with connection.transaction():
        await connection.execute(files("redis_rehearsal.database").joinpath("schema.sql").read_text())


async def finish(connection: Any) -> None:
    """Make the indexes that reports need, after seeding."""
    await connection.execute(
        "CREATE INDEX ON analytics.events (organization_id, occurred_at);"
        "ALTER TABLE analytics.users ADD PRIMARY KEY (organization_id, id);"
        "ANALYZE analytics.organizations, analytics.users, analytics.hourly_events, analytics.hourly_pages",
        timeout=600,
    )


async def drop(connection: Any) -> None:
    """Remove our schema with all that is in it."""
    if await exists(connection):
        await connection.execute("DROP SCHEMA analytics CASCADE", timeout=600)


def _partition(bucket_start: int) -> str:
    return f"events_{bucket_start}"


async def extend(connection: Any, bucket_starts: list[int], bucket_seconds: int) -> None:
    """Make the partitions for these buckets where they are missing.

    A partition is made apart and then attached, which does not wait for readers, nor they for it.
    """
    present = await _partitions(connection)
    for start in bucket_starts:
        if start in present:
            continue
        name = _partition(start)
        low, high = (datetime.fromtimestamp(start + offset, UTC) for offset in (0, bucket_seconds))
        async with connection.transaction():
            await connection.execute(
                f"CREATE TABLE analytics.{name} (LIKE analytics.events INCLUDING INDEXES);"
                f"ALTER TABLE analytics.events ATTACH PARTITION analytics.{name} "
                f"FOR VALUES FROM ('{low.isoformat()}') TO ('{high.isoformat()}')"
            )


async def expire(connection: Any, oldest_start: int) -> int:
    """Drop the event rows and roll-ups of all buckets that begin before `oldest_start` (Unix time).

    Returns:
        How many partitions were dropped.
    """
    expired = [start for start in await _partitions(connection) if start < oldest_start]
    for start in expired:
        name = _partition(start)
        await connection.execute(f"ALTER TABLE analytics.events DETACH PARTITION analytics.{name}")
        await connection.execute(f"DROP TABLE analytics.{name}")
    if expired:
        await connection.execute("DELETE FROM analytics.hourly_events WHERE bucket_start < $1", oldest_start)
        await connection.execute("DELETE FROM analytics.hourly_pages WHERE bucket_start < $1", oldest_start)
    return len(expired)


async def _partitions(connection: Any) -> set[int]:
    rows = await connection.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'analytics.events'::regclass"
    )
    return {int(row["relname"].removeprefix("events_")) for row in rows}
