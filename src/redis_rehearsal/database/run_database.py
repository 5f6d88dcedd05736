"""PostgreSQL as the coordinator of a run uses it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import structlog

from redis_rehearsal.database import schema
from redis_rehearsal.database.connection import connect, first_connect
from redis_rehearsal.database.events import organizations_with
from redis_rehearsal.database.seed import SeedParameters, ensure_seeded
from redis_rehearsal.telemetry.resources import DatabaseResources

_log = structlog.get_logger()

Progress = Callable[[str, int, int], None]

_NAME: Final = "redis-rehearsal"
_STATISTICS: Final = """
SELECT numbackends, xact_commit, xact_rollback, blks_hit, blks_read,
       ARRAY(SELECT pid FROM pg_stat_activity) AS pids
FROM pg_stat_database WHERE datname = current_database()
"""
_SIZE: Final = "SELECT pg_database_size(current_database())"


class RunDatabase(Protocol):
    """What the coordinator asks of the database. Whatever is asked may fail with one of `CONNECTION_ERRORS`.

    Attributes:
        version: of the server, once it is open.
    """

    version: str

    async def open(self) -> None:
        """Connect for the first time, and see that the server will do.

        Raises:
            ServerRefusedError: it will not.
        """
        ...

    async def lock(self) -> bool:
        """Make the schema ours for as long as the connection lives; False where another run has it."""
        ...

    async def refuse_others(self) -> None:
        """See that a schema of our name, where there is one, is ours.

        Raises:
            ConfigurationError: it is not.
        """
        ...

    async def drop(self) -> None:
        """Remove what an earlier run left."""
        ...

    async def seed(self, parameters: SeedParameters, progress: Progress) -> str:
        """Fill it; returns a sentence where what is there is used, else nothing.

        Raises:
            ConfigurationError: it has a schema of our name that is not ours.
        """
        ...

    async def extend_partitions(self) -> None:
        """Make the partitions that event rows need soon, and drop those that are no longer kept."""
        ...

    async def probe(self) -> None:
        """Ask something small; connects again where the connection was lost."""
        ...

    async def statistics(self, *, with_size: bool) -> tuple[DatabaseResources, list[int]]:
        """What it says of itself, and the numbers of its processes.

        Args:
            with_size: whether its size is asked for, too, which costs it a look at each of its files.
        """
        ...

    async def organizations_with(self, types: Sequence[int], since_unix_seconds: float) -> set[int]:
        """The numbers of the organisations that had an event of some types since a Unix time."""
        ...

    def close(self) -> None:
        """Give the connection up at once."""
        ...


class PostgresRunDatabase:
    """See `RunDatabase`.

    Args:
        url: of the database.
        timeout_seconds: to connect, and for each command.
        bucket_seconds: length of a time bucket.
        buckets_kept: how many of them are kept.
        wall_clock: the current Unix time in seconds.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: float,
        bucket_seconds: int,
        buckets_kept: int,
        wall_clock: Callable[[], float],
    ) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self._wall_clock = wall_clock
        self._connection: Any = None
        # One asyncpg connection does one thing at a time.
        self._turn = asyncio.Lock()
        self._extended_through = int(wall_clock()) // bucket_seconds * bucket_seconds
        self.version = ""

    async def open(self) -> None:
        """See `RunDatabase`."""
        self._connection, self.version = await first_connect(self._url, self._timeout_seconds, _NAME)

    async def lock(self) -> bool:
        """See `RunDatabase`."""
        return await schema.lock(self._connection)

    async def refuse_others(self) -> None:
        """See `RunDatabase`."""
        await schema.exists(self._connection)

    async def drop(self) -> None:
        """See `RunDatabase`."""
        await schema.drop(self._connection)

    async def seed(self, parameters: SeedParameters, progress: Progress) -> str:
        """See `RunDatabase`."""
        return await ensure_seeded(self._connection, parameters, self._wall_clock(), progress)

    async def extend_partitions(self) -> None:
        """See `RunDatabase`."""
        seconds, kept = self._bucket_seconds, self._buckets_kept
        current = int(self._wall_clock()) // seconds * seconds
        # Also those that began while the database was away: rows of that time may still wait.
        first = max(current - (kept - 1) * seconds, min(current - seconds, self._extended_through))
        async with self._turn:
            await schema.extend(self._connection, list(range(first, current + 3 * seconds, seconds)), seconds)
            self._extended_through = current
            dropped = await schema.expire(self._connection, current - kept * seconds)
        if dropped:
            _log.info("dropped event rows that are no longer kept", buckets=dropped)

    async def probe(self) -> None:
        """See `RunDatabase`."""
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await _locked(await connect(self._url, self._timeout_seconds, _NAME))
            await self._connection.execute("SELECT 1")

    async def statistics(self, *, with_size: bool) -> tuple[DatabaseResources, list[int]]:
        """See `RunDatabase`."""
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                raise ConnectionError("the database is away")  # the watch on health connects again
            row = await self._connection.fetchrow(_STATISTICS)
            size = await self._connection.fetchval(_SIZE) if with_size else None
        found = DatabaseResources(
            connections=row["numbackends"],
            commits=row["xact_commit"],
            rollbacks=row["xact_rollback"],
            blocks_hit=row["blks_hit"],
            blocks_read=row["blks_read"],
            size_bytes=size,
        )
        return found, row["pids"]

    async def organizations_with(self, types: Sequence[int], since_unix_seconds: float) -> set[int]:
        """See `RunDatabase`."""
        # A connection of its own: the run's may be in use, or have gone with a restart.
        connection = await connect(self._url, self._timeout_seconds, _NAME)
        try:
            return await organizations_with(connection, types, since_unix_seconds)
        finally:
            connection.terminate()

    def close(self) -> None:
        """See `RunDatabase`."""
        if self._connection is not None:
            self._connection.terminate()


async def _locked(connection: Any) -> Any:
    locked = False
    try:
        locked = await schema.lock(connection)
    finally:
        if not locked:
            connection.terminate()
    if not locked:
        # It may be our own old session, which the server has not given up yet.
        raise ConnectionError("another session holds the schema `analytics`")
    return connection
