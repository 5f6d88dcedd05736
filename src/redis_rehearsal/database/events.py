"""What the event rows say."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


async def organizations_with(connection: Any, types: Sequence[int], since_unix_seconds: float) -> set[int]:
    """The numbers of the organisations that had an event of some types since a time.

    Args:
        connection: an asyncpg connection that may be in use.
        types: numbers of the types.
        since_unix_seconds: Unix time.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: the database is at fault.
    """
    since = datetime.fromtimestamp(since_unix_seconds, UTC)
    rows = await connection.fetch(
        "SELECT DISTINCT organization_id FROM analytics.events WHERE type = ANY($1::smallint[]) AND occurred_at >= $2",
        list(types),
        since,
    )
    return {row[0] for row in rows}
