"""The same reports in each Redis data type: what a hit costs, and how much memory a report takes."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final, get_args

import redis
import uvloop

from bench import loads
from redis_rehearsal.cache.encodings import ENCODINGS, Encoding
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import AwaitedBatch, Batch, Connection, Reply
from redis_rehearsal.embedded.redis_server import RedisServer, json_module
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.workload.queries import StoredType

Row = tuple[str, str, str]
_SERVER: Final = "valkey-9.1"
_QUERIES_PER_SECOND: Final = 40_000
_BATCH: Final = 16
_CONNECTIONS: Final = 20
_IDENTITY: Final = expected_identity("1:hourly_series")
_ENTRIES: Final = {str(-ago): ago * 37 for ago in range(24)}
_COMPUTED_MS: Final = 1_795_000_000_000


class _Reads(Batch):
    def __init__(self, checking: "_Checking") -> None:
        super().__init__(_BATCH)
        self._checking = checking

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self._checking.check(replies)
        if self.answered + len(replies) == self.count:
            self._checking.send()

    def on_lost(self, now_seconds: float) -> None:
        raise RuntimeError("the connection was lost")


class _Checking:
    """Reads one report again and again, and checks every answer as the engine does."""

    def __init__(self, server: Server, encoding: Encoding) -> None:
        self._server = server
        self._encoding = encoding
        self._commands = encoding.read_command("report") * _BATCH
        self._known: Any = None
        self.replies = 0
        self.wrong = 0
        self.running = True

    def send(self) -> None:
        """Ask once more."""
        connection = self._server.reads.next()
        if connection is not None and self.running:
            connection.send(self._commands, _Reads(self))

    def check(self, replies: list[Reply]) -> None:
        """See whether they are right."""
        for reply in replies:
            if reply == self._known:
                continue
            if self._encoding.is_right(reply, _IDENTITY):
                self._known = reply
            else:
                self.wrong += 1
        self.replies += len(replies)


def side_by_side(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """All types, one after the other, on servers of one kind."""
    seconds = max(1.0, 4 * scale)
    measured: dict[str, dict[str, float]] = {}
    for name in get_args(StoredType):
        try:
            options = ("--loadmodule", str(json_module(_SERVER))) if name == "json" else ()
        except ConfigurationError:
            continue
        server = RedisServer(_SERVER, place / f"type-{name}", options=options)
        server.start()
        try:
            measured[name] = uvloop.run(_read(server, ENCODINGS[name], seconds))
        finally:
            server.stop()
        document = loads.run(
            place,
            duration=max(5, 12 * scale),
            warmup=3,
            source_server=_SERVER,
            data_type=name,
            queries_per_second=_QUERIES_PER_SECOND,
            events_per_second=100,
            cache_hit_target=99,
            max_workers=20_000,
        )
        rate = document["rates"]["queries_per_second"]
        measured[name]["cpu_seconds_a_query"] = document["generator"]["cpu_ratio"] / rate
    return measured, [row for name in measured for row in _rows(name, measured)]


def _rows(name: str, measured: dict[str, dict[str, float]]) -> list[Row]:
    here, string = measured[name], measured["string"]
    reads = here["reads_per_second"]
    cost = here["cpu_seconds_a_query"]
    return [
        (
            f"{name}: reads, {_BATCH} a write, each checked",
            f"{reads:,.0f}/s, {reads / string['reads_per_second']:.0%} of string; {here['bytes']:,.0f} bytes a report",
            "at least 60%",
        ),
        (
            f"{name}: worker's processor time at {_QUERIES_PER_SECOND:,} queries/s",
            f"{cost * 1e6:.2f} µs a query: {string['cpu_seconds_a_query'] / cost:.0%} of string's throughput",
            "at least 60%",
        ),
    ]


async def _read(server: RedisServer, encoding: Encoding, seconds: float) -> dict[str, float]:
    endpoint = Endpoint.parse(server.url)
    value = encoding.encode(_IDENTITY, _ENTRIES, _COMPUTED_MS, 300_000)
    await _write(endpoint, *encoding.write_command("report", value, 300_000))
    connections = Server("source", endpoint, _CONNECTIONS + _CONNECTIONS // 4, "bench", 5.0)
    await connections.open()
    checking = _Checking(connections, encoding)
    began = time.monotonic()
    for _ in range(_CONNECTIONS):
        checking.send()
    await asyncio.sleep(seconds)
    checking.running = False
    rate = checking.replies / (time.monotonic() - began)
    await asyncio.sleep(0.2)
    await connections.close()
    if checking.wrong:
        raise RuntimeError(f"{checking.wrong:,} answers were wrong")
    with redis.Redis(port=server.port, protocol=2) as client:
        size = client.memory_usage("report", samples=0)
    return {"reads_per_second": rate, "bytes": float(size or 0)}


async def _write(endpoint: Endpoint, commands: bytes, count: int) -> None:
    connection = await Connection.open(endpoint, "bench", 5.0)
    batch = AwaitedBatch(count)
    connection.send(commands, batch)
    await batch.replies
    await connection.close("it was written")
