"""What servers say themselves, asked by other clients than ours."""

import asyncio
from typing import Any

import asyncpg

from redis_rehearsal.embedded.postgres import PostgresServer


def counters(client: Any, prefix: str = "rehearsal:") -> int:
    """The sum of all counters."""
    keys = list(client.scan_iter(f"{prefix}count:*"))
    return sum(int(value) for value in client.mget(keys)) if keys else 0


def statement(postgres: PostgresServer, sql: str) -> None:
    """Do something to the database behind the tool's back."""

    async def execute() -> None:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(execute())


def events_in(postgres: PostgresServer) -> tuple[int, int, int]:
    """Event rows, different ids among them, and the sum of the roll-ups."""

    async def ask() -> tuple[int, int, int]:
        connection = await asyncpg.connect(postgres.url)
        try:
            row = await connection.fetchrow(
                "SELECT count(*), count(DISTINCT id), (SELECT sum(events)::bigint FROM analytics.hourly_events) "
                "FROM analytics.events"
            )
        finally:
            await connection.close()
        return row[0], row[1], row[2]

    return asyncio.run(ask())


def ledger_of(document: dict[str, Any], *names: str) -> list[int]:
    """Figures of a document's ledger."""
    return [document["ledger"][name] for name in names]
