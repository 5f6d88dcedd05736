"""What each step of an operation costs, by leaving it out, and what the load costs the servers."""

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, Self

import psutil

from bench.loads import Row, run

_RATE: Final = 100_000
_EVENTS_PER_SECOND: Final = 10_000
_SAMPLE_SECONDS: Final = 0.5
_SERVERS: Final = {"redis-server": "redis", "valkey-server": "redis", "postgres": "postgresql"}


class _ServersTime:
    """Processor time of the embedded servers of the runs that are started meanwhile, sampled from the system."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._samples: list[tuple[float, Counter[str]]] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            spent: Counter[str] = Counter()
            for process in psutil.Process().children(recursive=True):
                try:
                    if (kind := _SERVERS.get(process.name())) is not None:
                        spent[kind] += sum(process.cpu_times()[:2])
                except psutil.Error:
                    continue  # it has just ended
            self._samples.append((time.monotonic(), spent))

    def cores(self, seconds: float) -> dict[str, float]:
        """Of each kind, how many cores it kept busy in the last seconds in which all of them ran."""
        whole = [sample for sample in self._samples if len(sample[1]) == len(set(_SERVERS.values()))]
        last = whole[-1]
        first = next(sample for sample in whole if last[0] - sample[0] <= seconds)
        return {kind: (last[1][kind] - first[1][kind]) / (last[0] - first[0]) for kind in last[1]}


def steps(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """Of a miss, of an event, and of the checks; and the servers' share at the default load."""
    seconds = max(5, 15 * scale)
    settings: dict[str, Any] = {
        "duration": seconds,
        "warmup": 5,
        "queries_per_second": _RATE,
        "cache_hit_target": 99,
        "max_workers": _RATE // 5,
    }
    documents = {
        "whole": run(place, **settings),
        "without misses": run(place, **{**settings, "cache_hit_target": 100}),
        "with more events": run(place, **{**settings, "events_per_second": _EVENTS_PER_SECOND}),
        "without checks": run(place, **{**settings, "validation_sample_rate": 0}),
    }

    def cores(name: str) -> float:
        ratio: float = documents[name]["generator"]["cpu_ratio"]
        return ratio

    misses = [documents[name]["cache"]["misses"] / seconds for name in ("whole", "without misses")]
    events = [documents[name]["rates"]["events_per_second"] for name in ("with more events", "whole")]
    each = {
        "miss": (cores("whole") - cores("without misses")) / max(1.0, misses[0] - misses[1]),
        "event": (cores("with more events") - cores("whole")) / max(1.0, events[0] - events[1]),
        "checks of a query": (cores("whole") - cores("without checks")) / _RATE,
    }
    with _ServersTime() as servers:
        default = run(place, duration=seconds, warmup=5)
        shares = servers.cores(seconds)
    documents["default"] = default
    rows = [(f"{_RATE:,} queries/s: {name}", f"{cost * 1e6:.2f} µs of the worker", "") for name, cost in each.items()]
    rows += [(f"default load: {kind}", f"{share:.1%} of a core", "") for kind, share in shares.items()]
    return {"seconds_each": each, "servers_cores": shares, "runs": documents}, rows
