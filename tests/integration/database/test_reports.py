import asyncio
import time
from collections import Counter
from typing import Any

import asyncpg
import pytest

from redis_rehearsal.database import schema
from redis_rehearsal.database.reports import QUERIES, Window, compute
from redis_rehearsal.database.seed import SeedParameters, ensure_seeded
from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.workload.events import EVENT_TYPES, PAGES
from redis_rehearsal.workload.queries import Filter

PARAMETERS = SeedParameters(
    seed=1,
    organizations=10,
    users_per_org=20,
    tenant_skew=1.0,
    history_events=20_000,
    time_buckets=24,
    time_bucket_seconds=3600,
)


async def seeded(postgres: PostgresServer, now: float) -> Any:
    connection = await asyncpg.connect(postgres.url)
    await schema.drop(connection)
    assert await ensure_seeded(connection, PARAMETERS, now, lambda *_: None) == ""
    return connection


def test_seeding_makes_what_was_asked_for(postgres: PostgresServer) -> None:
    async def work() -> None:
        connection = await seeded(postgres, time.time())
        counts = {
            table: await connection.fetchval(f"SELECT count(*) FROM analytics.{table}")  # constants
            for table in ("organizations", "users", "events")
        }
        assert counts == {"organizations": 10, "users": 200, "events": 20_000}
        await connection.close()

    asyncio.run(work())


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize("number", [0, 3, 12345])
def test_every_report_agrees_with_the_rows_themselves(postgres: PostgresServer, kind: str, number: int) -> None:
    async def work() -> None:
        now = time.time()
        connection = await seeded(postgres, now)
        window = Window.at(now, 3600, 24)
        asked = Filter.numbered(number, 24)
        found = await compute(connection, kind, 1, asked, window, 3)
        rows = await connection.fetch("SELECT type, page, occurred_at FROM analytics.events WHERE organization_id = 1")
        await connection.close()
        events = []
        for row in rows:
            start = int(row["occurred_at"].timestamp()) // 3600 * 3600
            events.append((row["type"], row["page"], (window.current_start - start) // 3600))
        kept = [e for e in events if asked.to_bucket <= e[2] <= asked.from_bucket]
        typed = [e for e in kept if asked.types >> e[0] & 1]
        paged = [e for e in kept if asked.pages >> e[1] & 1]
        if kind in ("overview", "event_distribution"):
            by_type = Counter(e[0] for e in typed)
            for index, event_type in enumerate(EVENT_TYPES):
                assert found[event_type.name] == by_type[index]
        elif kind == "top_pages":
            by_page = Counter(PAGES[e[1]] for e in paged)
            shown = {name: count for name, count in found.items() if not name.startswith("recent")}
            assert shown == {name: by_page[name] for name in shown}
            assert sum(shown.values()) == sum(count for _, count in by_page.most_common(12))
        else:
            by_bucket = Counter(-e[2] for e in typed)
            assert {ago: found[str(ago)] for ago in range(-23, 1)} == {ago: by_bucket[ago] for ago in range(-23, 1)}
            if kind == "filtered":
                assert found["on_pages"] == len(paged)
        if number == 0:
            assert len(found) >= 12

    asyncio.run(work())


def test_what_another_run_seeded_is_used_only_if_it_fits(postgres: PostgresServer) -> None:
    async def work() -> None:
        connection = await seeded(postgres, time.time())
        assert "earlier run" in await ensure_seeded(connection, PARAMETERS, time.time(), lambda *_: None)
        other = SeedParameters(2, 10, 20, 1.0, 20_000, 24, 3600)
        with pytest.raises(ConfigurationError, match="--reset"):
            await ensure_seeded(connection, other, time.time(), lambda *_: None)
        await connection.execute("UPDATE analytics.seeding SET finished_at = NULL")
        with pytest.raises(ConfigurationError, match="--reset"):
            await ensure_seeded(connection, PARAMETERS, time.time(), lambda *_: None)
        await connection.close()

    asyncio.run(work())


def test_a_schema_that_is_not_ours_is_left_alone(postgres: PostgresServer) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(postgres.url)
        await schema.drop(connection)
        await connection.execute("CREATE SCHEMA analytics; CREATE TABLE analytics.precious (x integer)")
        with pytest.raises(ConfigurationError, match="left alone"):
            await schema.drop(connection)
        assert await connection.fetchval("SELECT count(*) FROM analytics.precious") == 0
        await connection.execute("DROP SCHEMA analytics CASCADE")
        await connection.close()

    asyncio.run(work())
