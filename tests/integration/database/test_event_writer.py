import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from redis_rehearsal.database import schema
from redis_rehearsal.database.event_writer import BATCH_ROWS, PostgresEventWriter
from redis_rehearsal.database.rows import EventRows
from redis_rehearsal.embedded.postgres import PostgresServer

BUCKET = 3600
START = 1_795_410_000


def rows(first_id: int, count: int) -> EventRows:
    numbers = np.arange(count, dtype=np.int64)
    return EventRows(
        ids=first_id + numbers,
        organizations=1 + numbers % 3,
        users=1 + numbers % 7,
        types=numbers % 5,
        pages=numbers % 20,
        occurred_seconds=(START + 0.5 + numbers % (2 * BUCKET)).astype(np.float64),
    )


@contextlib.asynccontextmanager
async def database(postgres: PostgresServer) -> AsyncIterator[Any]:
    """A fresh schema with two hours of partitions."""
    connection = await asyncpg.connect(postgres.url)
    try:
        await schema.drop(connection)
        await schema.create(connection)
        await schema.finish(connection)
        await schema.extend(connection, [START, START + BUCKET], BUCKET)
        yield connection
    finally:
        await connection.close()


async def holds_exactly(connection: Any, count: int) -> None:
    """Every row is there once, and the roll-ups agree with the rows."""
    assert await connection.fetchval("SELECT count(*) FROM analytics.events") == count
    assert await connection.fetchval("SELECT count(DISTINCT id) FROM analytics.events") == count
    for table, value in (("hourly_events", "type"), ("hourly_pages", "page")):
        differing = await connection.fetchval(
            f"SELECT count(*) FROM (SELECT organization_id, floor(extract(epoch FROM occurred_at) / {BUCKET})::bigint"
            f" * {BUCKET} AS bucket_start, {value}, count(*) AS events FROM analytics.events GROUP BY 1, 2, 3) AS e"
            f" FULL JOIN analytics.{table} AS r USING (organization_id, bucket_start, {value})"
            " WHERE e.events IS DISTINCT FROM r.events"
        )
        assert differing == 0


class Cutter:
    """Stands between writer and server; cuts connections once a COMMIT has gone to the server."""

    def __init__(self, socket: Path, place: Path) -> None:
        self._socket = socket
        self._place = place
        self.cuts_left = 0
        self.cut = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_unix_server(self._serve, self._place / ".s.PGSQL.5432")
        async with server:
            yield f"postgresql://postgres:@/postgres?host={self._place}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(self._socket)
        down = asyncio.create_task(self._pump(up_reader, writer))
        try:
            while data := await reader.read(65_536):
                up_writer.write(data)
                if b"COMMIT" in data and self.cuts_left:
                    self.cuts_left -= 1
                    self.cut += 1
                    # The server has the COMMIT; its answer is never delivered.
                    down.cancel()
                    await up_writer.drain()
                    await up_reader.read(65_536)
                    break
        finally:
            down.cancel()
            up_writer.transport.abort()
            writer.transport.abort()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)


def test_rows_and_roll_ups_are_written_together(postgres: PostgresServer) -> None:
    async def work() -> None:
        async with database(postgres) as connection:
            writer = PostgresEventWriter(postgres.url, "run", 0, BUCKET, 100_000, 5.0)
            for first in range(0, 5_000, 500):
                writer.append(rows(first, 500))
            writer.end()
            await writer.run()
            assert (writer.counts.written, writer.buffered, writer.counts.dropped) == (5_000, 0, 0)
            await holds_exactly(connection, 5_000)

    asyncio.run(work())


def test_a_commit_whose_answer_was_lost_is_not_written_twice(postgres: PostgresServer, tmp_path: Path) -> None:
    async def work() -> None:
        socket = Path(postgres.url.partition("host=")[2]) / ".s.PGSQL.5432"
        cutter = Cutter(socket, tmp_path)
        async with database(postgres) as connection, cutter.open() as url:
            cutter.cuts_left = 3
            writer = PostgresEventWriter(url, "run", 0, BUCKET, 100_000, 5.0)
            for first in range(0, 3 * BATCH_ROWS, BATCH_ROWS):
                writer.append(rows(first, BATCH_ROWS))
            writer.end()
            await writer.run()
            assert cutter.cut == 3
            assert writer.counts.written == 3 * BATCH_ROWS
            await holds_exactly(connection, 3 * BATCH_ROWS)

    asyncio.run(work())


def test_a_session_ended_in_mid_batch_loses_nothing(postgres: PostgresServer) -> None:
    async def work() -> None:
        async with database(postgres) as connection:
            writer = PostgresEventWriter(postgres.url, "run", 0, BUCKET, 1_000_000, 5.0)
            for first in range(0, 40_000, 1_000):
                writer.append(rows(first, 1_000))
            writer.end()
            writing = asyncio.create_task(writer.run())
            ended = 0
            while not writing.done() and ended < 5:
                ended += await connection.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'redis-rehearsal event writer' AND state = 'active'"
                )
                await asyncio.sleep(0.01)
            await writing
            assert ended > 0
            assert writer.counts.written == 40_000
            await holds_exactly(connection, 40_000)

    asyncio.run(work())


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    writer = PostgresEventWriter("postgresql://127.0.0.1:1/none", "run", 0, BUCKET, 1_000, 1.0)
    writer.append(rows(0, 800))
    writer.append(rows(800, 800))
    assert (writer.buffered, writer.counts.dropped) == (800, 800)
    writer.abandon()
    assert (writer.buffered, writer.counts.dropped) == (0, 1_600)


def test_two_workers_do_not_take_each_other_for_themselves(postgres: PostgresServer) -> None:
    async def work() -> None:
        async with database(postgres) as connection:
            writers = [PostgresEventWriter(postgres.url, "run", index, BUCKET, 10_000, 5.0) for index in range(2)]
            for index, writer in enumerate(writers):
                writer.append(rows(index * 1_000, 1_000))
                writer.end()
            await asyncio.gather(*(writer.run() for writer in writers))
            await holds_exactly(connection, 2_000)

    asyncio.run(work())


@pytest.mark.parametrize("kept", [1, 2])
def test_partitions_are_dropped_with_their_roll_ups(postgres: PostgresServer, kept: int) -> None:
    async def work() -> None:
        async with database(postgres) as connection:
            writer = PostgresEventWriter(postgres.url, "run", 0, BUCKET, 100_000, 5.0)
            writer.append(rows(0, 2 * BUCKET))
            writer.end()
            await writer.run()
            assert await schema.expire(connection, START + (2 - kept) * BUCKET) == 2 - kept
            await holds_exactly(connection, kept * BUCKET)

    asyncio.run(work())
