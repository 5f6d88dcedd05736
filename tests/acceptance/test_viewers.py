"""Many look at one run."""

import asyncio
from pathlib import Path

import pytest

from redis_rehearsal.web.page.feed import MOST_VIEWERS
from tests.support import command, wait_for

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(port: int) -> tuple[Connection, bytes]:
    """Begin to follow a run; the connection, and the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return (reader, writer), await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)


async def follow(port: int) -> tuple[list[bytes], bytes]:
    """As many as are served at once, until each has heard how things are twice; and one more, and one later."""
    connections: list[Connection] = []
    heads = []
    for _ in range(MOST_VIEWERS):
        connection, head = await ask(port)
        connections.append(connection)
        heads.append(head)
        # It is counted once it has been told something.
        await asyncio.wait_for(connection[0].readuntil(b"event: greeting"), 30)
    for reader, _ in connections:
        for _ in range(2):
            await asyncio.wait_for(reader.readuntil(b"event: state"), 30)
            await asyncio.wait_for(reader.readuntil(b"\n\n"), 30)
    (reader, writer), refused = await ask(port)
    length = int(refused.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    refused += await reader.readexactly(length)
    writer.close()
    for _, writer in connections:
        writer.close()
        await writer.wait_closed()
    return heads, refused


async def status_of_another(port: int) -> bytes:
    (_, writer), head = await ask(port)
    writer.close()
    return head.split(b" ")[1]


@pytest.mark.matrix
def test_two_hundred_are_served_and_the_next_is_told_why_not(tmp_path: Path, given: dict[str, str]) -> None:
    with command(tmp_path, "run", **given) as run:
        run.until_running(100)
        port = int(run.address.rpartition(":")[2])
        heads, refused = asyncio.run(follow(port))
        assert {head.split(b" ")[1] for head in heads} == {b"200"}
        assert refused.split(b" ")[1] == b"503"
        assert b"200 look at this run already" in refused
        # Who has gone makes room.
        wait_for(lambda: asyncio.run(status_of_another(port)) == b"200", "room for another one")
        run.interrupt()
        document = run.document()
    # The load went on meanwhile.
    assert document["totals"]["queries"]["failed"] == 0
