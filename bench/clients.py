"""The same GETs through other clients, on the same server in the same run."""

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import redis.asyncio as redis
import uvloop

from bench.bare import KEY, store_report
from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.settings import default_source_server

Row = tuple[str, str, str]
CONNECTIONS: Final = 50


class _Gets(Batch):
    def __init__(self, closed: "_Closed", count: int) -> None:
        super().__init__(count)
        self._closed = closed

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        self._closed.replies += len(replies)
        if self.answered + len(replies) == self.count:
            self._closed.send()

    def on_lost(self, now_seconds: float) -> None:
        raise RuntimeError("the connection was lost")


class _Closed:
    """Keeps a number of batches in flight: as fast as it goes, to compare with tools that do only that."""

    def __init__(self, server: Server, size: int, command: bytes) -> None:
        self._server = server
        self._size = size
        self._commands = command * size
        self.replies = 0
        self.running = True

    def send(self) -> None:
        connection = self._server.reads.next()
        if connection is not None and self.running:
            connection.send(self._commands, _Gets(self, self._size))


async def _ours(server: RedisServer, size: int, seconds: float) -> dict[str, float]:
    connections = Server("source", Endpoint.parse(server.url), CONNECTIONS + CONNECTIONS // 4, "bench", 5.0)
    await connections.open()
    closed = _Closed(connections, size, pack("GET", KEY))
    cpu, began = time.process_time(), time.monotonic()
    for _ in range(CONNECTIONS):
        closed.send()
    await asyncio.sleep(seconds)
    closed.running = False
    rate = closed.replies / (time.monotonic() - began)
    spent = (time.process_time() - cpu) / closed.replies
    await asyncio.sleep(0.2)
    await connections.close()
    return {"per_second": rate, "cpu_seconds_each": spent}


async def _redis_py(server: RedisServer, seconds: float) -> dict[str, float]:
    client = redis.Redis(port=server.port, max_connections=CONNECTIONS, protocol=2)
    count = 0
    end = time.monotonic() + seconds

    async def ask() -> None:
        nonlocal count
        while time.monotonic() < end:
            await client.get(KEY)
            count += 1

    cpu, began = time.process_time(), time.monotonic()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    rate = count / (time.monotonic() - began)
    spent = (time.process_time() - cpu) / count
    await client.aclose()
    return {"per_second": rate, "cpu_seconds_each": spent}


def _redis_benchmark(server: RedisServer, pipeline: int, requests: int) -> float | None:
    program = shutil.which("redis-benchmark")
    if program is None:
        return None
    output = subprocess.run(
        [
            *(program, "-p", str(server.port), "-c", str(CONNECTIONS), "-n", str(requests)),
            *("-P", str(pipeline), "--csv", "GET", KEY),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(output.splitlines()[-1].split(",")[1].strip('"'))


def side_by_side(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """GETs of one report through our connections, redis-py and redis-benchmark."""
    seconds = max(1.0, 5 * scale)
    server = RedisServer(default_source_server(), place / "server")
    server.start()
    try:
        return uvloop.run(_all(server, seconds))
    finally:
        server.stop()


async def _all(server: RedisServer, seconds: float) -> tuple[Any, list[Row]]:
    await store_report(server.port)
    one, sixteen = await _ours(server, 1, seconds), await _ours(server, 16, seconds)
    python = await _redis_py(server, seconds)
    plain = await asyncio.to_thread(_redis_benchmark, server, 1, int(60_000 * seconds))
    piped = await asyncio.to_thread(_redis_benchmark, server, 16, int(600_000 * seconds))
    measured: dict[str, Any] = {
        "ours_unpipelined": one,
        "ours_pipeline_16": sixteen,
        "redis_py": python,
        "redis_benchmark_unpipelined_per_second": plain,
        "redis_benchmark_pipeline_16_per_second": piped,
    }

    def against(rate: float | None, ours: float) -> str:
        return (
            "redis-benchmark is not installed"
            if rate is None
            else f"{rate:,.0f}/s; ours is {ours / rate:.2f} times that"
        )

    rows = [
        (
            "GETs through ours, one a write",
            f"{one['per_second']:,.0f}/s, {one['cpu_seconds_each'] * 1e6:.1f} µs each",
            "",
        ),
        (
            "GETs through ours, 16 a write",
            f"{sixteen['per_second']:,.0f}/s, {sixteen['cpu_seconds_each'] * 1e6:.2f} µs each",
            "",
        ),
        (
            "GETs through redis-py asyncio",
            (
                f"{python['per_second']:,.0f}/s, {python['cpu_seconds_each'] * 1e6:.1f} µs each; ours one a write is "
                f"{one['per_second'] / python['per_second']:.1f} times that, 16 a write "
                f"{sixteen['per_second'] / python['per_second']:.1f} times"
            ),
            "side by side",
        ),
        ("redis-benchmark, unpipelined", against(plain, one["per_second"]), "side by side"),
        ("redis-benchmark, pipeline of 16", against(piped, sixteen["per_second"]), "side by side"),
    ]
    return measured, rows
