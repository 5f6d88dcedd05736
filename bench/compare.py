"""How fast two embedded servers are compared."""

import time
from pathlib import Path
from typing import Any, Final

import redis
import uvloop

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.settings import default_source_server
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Outcome
from redis_rehearsal.verification.compare.rounds import compare

Row = tuple[str, str, str]
_KEYS: Final = 1_000_000
_BATCH: Final = 10_000
_ASKED_PER_SECOND: Final = 50_000
_LIVE_SECONDS: Final = 100_000


def _strings(pipe: Any, number: int, until: int) -> None:
    # Half of them have a time to live, as in a cache.
    pipe.set(f"key:{number}", f"value {number} " * 4, exat=until if number % 2 else None)


def _hashes(pipe: Any, number: int, until: int) -> None:
    pipe.hset(f"hash:{number}", mapping={f"field:{place}": number * place for place in range(10)})


def _kilobytes(pipe: Any, number: int, until: int) -> None:
    pipe.set(f"report:{number}", f"{number:08}" * 128)


_PARTS: Final = (
    ("small strings", _strings, 1.0),
    ("strings of 1 KiB", _kilobytes, 0.3),
    ("hashes of 10 fields", _hashes, 0.2),
)


def side_by_side(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """Compare a source and a target that hold the same, and then a target that holds nothing."""
    servers = [
        RedisServer(name, place / role)
        for role, name in (("source", default_source_server()), ("target", "valkey-9.1"))
    ]
    measured: dict[str, Any] = {}
    rows: list[Row] = []
    try:
        for server in servers:
            server.start()
        for name, write, share in _PARTS:
            keys = int(_KEYS * share * scale)
            _fill(servers, keys, write)
            figures = _measure(servers, keys)
            measured[name] = figures
            asked = f"{_ASKED_PER_SECOND:,}/s" if name == "small strings" else ""
            rows.append((f"compare, {keys:,} {name}", _shown(figures), asked))
        redis.Redis(port=servers[1].port, protocol=2).flushall()
        figures = _measure(servers, keys)
        measured["all missing"] = figures
        rows.append((f"compare, {keys:,} missing on the target", _shown(figures), ""))
    finally:
        for server in servers:
            server.stop()
    return measured, rows


def _fill(servers: list[RedisServer], keys: int, write: Any) -> None:
    until = int(time.time()) + _LIVE_SECONDS
    for server in servers:
        with redis.Redis(port=server.port, protocol=2) as client:
            client.flushall()
            for start in range(0, keys, _BATCH):
                pipe = client.pipeline(transaction=False)
                for number in range(start, min(keys, start + _BATCH)):
                    write(pipe, number, until)
                pipe.execute()


def _measure(servers: list[RedisServer], keys: int) -> dict[str, float]:
    source, target = (Endpoint.parse(server.url) for server in servers)
    cpu, began = time.process_time(), time.monotonic()
    comparison = uvloop.run(compare(source, target, CompareOptions(rounds=1)))
    seconds = time.monotonic() - began
    if comparison.keys_compared < keys or comparison.outcome is Outcome.UNKNOWN:
        raise RuntimeError(f"not all keys were compared: {comparison.document()}")
    return {"per_second": keys / seconds, "cpu_seconds_each": (time.process_time() - cpu) / keys}


def _shown(figures: dict[str, float]) -> str:
    return f"{figures['per_second']:,.0f} keys/s, {figures['cpu_seconds_each'] * 1e6:.1f} µs each"
