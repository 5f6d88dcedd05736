import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import hiredis
import pytest

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.pool import ConnectionPool
from redis_rehearsal.cache.wire import Batch, Connection, Reply
from redis_rehearsal.clock import Standstill
from redis_rehearsal.embedded.redis_server import RedisServer
from tests.conftest import MakeServer


class Collector:
    """Keeps the replies of all batches, and how many commands were lost."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.lost = 0

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.replies) + self.lost < count:
                await asyncio.sleep(0.005)


class Collected(Batch):
    """A batch whose replies a collector keeps."""

    def __init__(self, collector: Collector, count: int) -> None:
        super().__init__(count)
        self.collector = collector

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self.collector.replies += replies

    def on_lost(self, now_seconds: float) -> None:
        self.collector.lost += self.count - self.answered


async def connected(endpoint: Endpoint, timeout: float = 5.0) -> Connection:
    return await Connection.open(endpoint, "test", timeout, lambda _: None)


async def ended(connection: Connection) -> None:
    connection.abort("done")
    await asyncio.sleep(0)  # a transport closes in the loop's next turn


HELLO = b"+OK\r\n-ERR unknown command\r\n-NOPERM no\r\n+PONG\r\n"
"""The replies to what opens a connection, of a server that does not say who it is."""


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *answers: bytes) -> None:
    """Serve one connection: each thing it sends gets the next answer, and then none."""
    try:
        for answer in answers:
            if not await reader.read(1000):
                break
            writer.write(answer)
        while await reader.read(1000):
            pass
    finally:
        writer.transport.abort()


async def with_fake(
    answers: list[bytes], work: Callable[[Endpoint], Awaitable[None]], *, close_after: bool = False
) -> None:
    """Serve a server that answers the handshake rightly, and then with the given bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if close_after:
            await reader.read(1000)
            writer.write(HELLO)
            await reader.read(1000)
            writer.writelines(answers)
            writer.close()
        else:
            await answering(reader, writer, HELLO, *answers)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await work(Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))


def test_replies_come_in_the_order_of_commands_over_many_batches(source: RedisServer) -> None:
    async def work() -> None:
        connection = await connected(Endpoint.parse(source.url))
        collector = Collector()
        for number in range(200):
            commands = pack("SET", f"k{number}", str(number)) + pack("GET", f"k{number}")
            connection.send(commands, Collected(collector, 2))
        await collector.until(400)
        assert collector.replies[1::2] == [str(number).encode() for number in range(200)]
        await ended(connection)

    asyncio.run(work())


def test_what_is_sent_at_once_does_not_overtake_what_was_queued(source: RedisServer) -> None:
    async def work() -> None:
        connection = await connected(Endpoint.parse(source.url))
        first, second = Collector(), Collector()
        connection.queue(pack("INCR", "k"), Collected(first, 1))
        connection.look()
        connection.queue(pack("INCR", "k"), Collected(first, 1))
        connection.send(pack("GET", "k"), Collected(second, 1))
        await second.until(1)
        assert (first.replies, second.replies) == ([1, 2], [b"2"])
        assert len(connection.nodes) == 1
        await ended(connection)

    asyncio.run(work())


def test_queued_commands_leave_with_the_flush_and_in_order(source: RedisServer) -> None:
    async def work() -> None:
        connection = await connected(Endpoint.parse(source.url))
        collector = Collector()
        connection.queue(pack("SET", "k", "1"), Collected(collector, 1))
        connection.queue(pack("GET", "k"), Collected(collector, 1))
        connection.flush()
        await collector.until(2)
        assert collector.replies[1] == b"1"
        await ended(connection)

    asyncio.run(work())


def test_a_reply_larger_than_any_buffer_arrives_whole(source: RedisServer) -> None:
    async def work() -> None:
        connection = await connected(Endpoint.parse(source.url))
        collector = Collector()
        big = "x" * 3_000_000
        connection.send(pack("SET", "big", big) + pack("GET", "big") + pack("PING"), Collected(collector, 3))
        await collector.until(3)
        assert collector.replies == [b"OK", big.encode(), b"PONG"] or collector.replies[1] == big.encode()
        await ended(connection)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("url", "works"),
    [
        ("redis://me:p%40ss@127.0.0.1:{port}/3", True),
        ("redis://me:wrong@127.0.0.1:{port}/3", False),
        ("redis://127.0.0.1:{port}/3", False),
    ],
)
def test_user_password_and_database_are_used(make_server: MakeServer, url: str, *, works: bool) -> None:
    server = make_server("--user", "default", "off", "--user", "me", "on", ">p@ss", "~*", "+@all")

    async def work() -> None:
        connection = await connected(Endpoint.parse(url.format(port=server.port)))
        collector = Collector()
        connection.send(pack("CLIENT", "LIST"), Collected(collector, 1))
        await collector.until(1)
        assert "db=3" in str(collector.replies[0])
        await ended(connection)

    if works:
        asyncio.run(work())
    else:
        with pytest.raises(OSError, match=r"WRONGPASS|NOAUTH"):
            asyncio.run(work())


def test_bytes_that_are_not_the_protocol_end_the_connection() -> None:
    async def work(endpoint: Endpoint) -> None:
        connection = await connected(endpoint)
        collector = Collector()
        connection.send(pack("GET", "k"), Collected(collector, 1))
        await collector.until(1)
        assert collector.lost == 1
        assert "not the Redis protocol" in connection.reason

    asyncio.run(with_fake([b"HTTP/1.1 400 Bad Request\r\n\r\n"], work))


def test_a_reply_that_never_ends_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "max_reply_bytes", 100_000)

    async def work(endpoint: Endpoint) -> None:
        connection = await connected(endpoint)
        collector = Collector()
        connection.send(pack("GET", "k"), Collected(collector, 1))
        await collector.until(1)
        assert collector.lost == 1
        assert "did not end" in connection.reason

    asyncio.run(with_fake([b"$2000000000\r\n" + bytes(500_000)], work))


def test_a_connection_cut_within_a_reply_loses_what_is_pending_and_no_more() -> None:
    async def work(endpoint: Endpoint) -> None:
        connection = await connected(endpoint)
        collector = Collector()
        connection.send(pack("GET", "a") + pack("GET", "b") + pack("GET", "c"), Collected(collector, 3))
        await collector.until(3)
        assert collector.replies == [b"1"]
        assert collector.lost == 2

    asyncio.run(with_fake([b"$1\r\n1\r\n$5\r\nab"], work, close_after=True))


def test_a_reply_that_nothing_asked_for_ends_the_connection() -> None:
    async def work(endpoint: Endpoint) -> None:
        connection = await connected(endpoint)
        collector = Collector()
        connection.send(pack("GET", "a"), Collected(collector, 1))
        await collector.until(1)
        async with asyncio.timeout(5):
            while not connection.reason:
                await asyncio.sleep(0.005)
        assert collector.replies == [b"1"]
        assert "nothing asked for" in connection.reason

    asyncio.run(with_fake([b"$1\r\n1\r\n$1\r\n2\r\n"], work))


def test_a_server_that_never_answers_is_given_up() -> None:
    async def work() -> None:
        server = await asyncio.start_server(answering, "127.0.0.1", 0)
        async with server:
            endpoint = Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            with pytest.raises(TimeoutError, match=r"no answer within 0.2 s$"):
                await connected(endpoint, timeout=0.2)
            with pytest.raises(TimeoutError, match="it may speak no TLS"):
                await connected(replace(endpoint, tls=True), timeout=0.2)

    asyncio.run(work())


def test_a_pool_breaks_an_overdue_connection_and_makes_another(source: RedisServer) -> None:
    async def work() -> None:
        pool = ConnectionPool(Endpoint.parse(source.url), 1, "test", 0.1)
        await pool.open()
        collector = Collector()
        connection = pool.next()
        assert connection is not None
        connection.send(pack("BLPOP", "nothing", "0"), Collected(collector, 1))
        written = connection.pending[0].written_seconds
        # In the time in which this process stood still nobody was kept waiting by the server.
        pool.break_overdue(written + 0.2, Standstill(written - 0.05, written + 0.15))
        assert connection.ready
        async with asyncio.timeout(5):
            while not collector.lost:
                pool.break_overdue(connection.pending[0].written_seconds + 0.2 if connection.pending else 0)
                await asyncio.sleep(0.005)
            while not pool.ready:
                await asyncio.sleep(0.005)
        assert pool.opened == 2
        assert "did not answer within" in pool.last_error
        await pool.close()

    asyncio.run(work())


def test_a_pool_comes_back_with_its_server(source: RedisServer) -> None:
    async def work() -> None:
        pool = ConnectionPool(Endpoint.parse(source.url), 3, "test", 1.0)
        await pool.open()
        source.kill()
        async with asyncio.timeout(5):
            while pool.ready:
                await asyncio.sleep(0.005)
            assert pool.next() is None
            source.start()
            while len(pool.ready) < 3:
                await asyncio.sleep(0.005)
        await pool.close()

    asyncio.run(work())


def test_a_connection_is_not_ready_while_the_server_loads() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(reader, writer, b"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n")

    async def work() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            endpoint = Endpoint(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            with pytest.raises(ConnectionRefusedError, match="LOADING"):
                await connected(endpoint)

    asyncio.run(work())


def test_hiredis_never_makes_false_of_a_reply() -> None:
    # The reader says False where there is no whole reply yet; RESP2 has no reply that becomes False.
    reader = hiredis.Reader()
    reader.feed(b":0\r\n$0\r\n\r\n*0\r\n$-1\r\n")
    assert [reader.gets() for _ in range(5)] == [0, b"", [], None, False]
