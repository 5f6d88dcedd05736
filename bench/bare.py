"""What a client must do at least: wake up, write what is due, and parse the replies; nothing is drawn or checked."""

import asyncio
import time
from pathlib import Path
from typing import Final, cast

import hiredis
import redis.asyncio as redis
import uvloop

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings import ENCODINGS
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.clock import monotonic
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.engine.load import tick_seconds
from redis_rehearsal.engine.timer import make_timer
from redis_rehearsal.settings import default_source_server

KEY: Final = "rehearsal:report:1:hourly_series"
CONNECTIONS: Final = 8


class _Reading(asyncio.Protocol):
    """Parses what comes."""

    def __init__(self) -> None:
        self.replies = 0
        self._reader = hiredis.Reader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        reader.feed(data)
        while reader.gets() is not False:
            self.replies += 1


async def _loop(port: int, rate_per_second: int, seconds: float) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    readings = [(await loop.create_connection(_Reading, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    command = pack("GET", KEY)
    every = tick_seconds(rate_per_second) or 1 / rate_per_second
    sent = turn = 0
    began = 0.0

    def tick() -> None:
        nonlocal sent, turn
        due = int((monotonic() - began) * rate_per_second) - sent
        if due > 0:
            sent += due
            turn += 1
            readings[turn % CONNECTIONS].transport.write(command * due)

    timer = make_timer(tick)
    began, spent = monotonic(), time.process_time()
    timer.every(began, every)
    await asyncio.sleep(seconds)
    timer.close()
    spent, took = time.process_time() - spent, monotonic() - began
    await asyncio.sleep(0.2)
    replies = sum(reading.replies for reading in readings)
    for reading in readings:
        reading.transport.close()
    return {"per_second": replies / took, "cpu_seconds_each": spent / max(1, replies)}


async def store_report(port: int) -> None:
    """Have a server of ours hold the report that is asked for, under `KEY`."""
    client = redis.Redis(port=port, protocol=2)
    entries = {str(-ago): ago * 37 for ago in range(24)}
    report = ENCODINGS["string"].encode(expected_identity("1:hourly_series"), entries, 1_795_000_000_000, 1)
    await client.set(KEY, report)
    await client.aclose()


async def _one(port: int, rate_per_second: int, seconds: float) -> dict[str, float]:
    await store_report(port)
    return await _loop(port, rate_per_second, seconds)


def bare_loop(place: Path, rate_per_second: int, seconds: float) -> dict[str, float]:
    """How many replies a second came at a rate, and the processor time of each in seconds."""
    server = RedisServer(default_source_server(), place / "bare")
    server.start()
    try:
        return uvloop.run(_one(server.port, rate_per_second, seconds))
    finally:
        server.stop()
