"""Whole runs of the command, as a user would start them."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.bare import bare_loop

Row = tuple[str, str, str]


def run(place: Path, **settings: object) -> dict[str, Any]:
    """Run the command to its end and return its document."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    result = subprocess.run(
        [
            *(sys.executable, "-m", "redis_rehearsal", "run", "--json", "--bind-address=127.0.0.1:0"),
            *(f"--run-dir={place}", "--log-level=warning", *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"the run failed: {result.stderr}")
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.2f} ms"


def _held(document: dict[str, Any], kind: str, asked: float) -> str:
    offered, ok = (document["totals"][kind][name] for name in ("offered", "ok"))
    held = document["rates"][f"{kind}_per_second"]
    return f"{held:,.0f}/s of {asked:,.0f} ({held / asked - 1:+.2%}); {ok / offered:.4%} of what was offered"


def defaults(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """The defaults, with a warm-up of five seconds."""
    began = time.monotonic()
    document = run(place, duration=max(5, 60 * scale), warmup=5)
    seconds = time.monotonic() - began - document["duration_seconds"] - document["warmup_seconds"]
    response, lag = (document["latency"]["queries"][f"{clock}_seconds"] for clock in ("response", "lag"))
    generator, shed = document["generator"], sum(document["totals"][kind]["shed"] for kind in ("queries", "events"))
    rows = [
        ("defaults: queries held", _held(document, "queries", 10_000), "within 0.5%"),
        ("defaults: events held", _held(document, "events", 1_000), "within 0.5%"),
        ("defaults: shed", f"{shed:,}", "0"),
        ("defaults: worker's processor time", f"{generator['cpu_ratio']:.1%} of a core", "at most 25%"),
        ("defaults: response p50", _ms(response["p50"]), "at most 0.5 ms"),
        ("defaults: response p99", _ms(response["p99"]), "at most 3 ms"),
        ("defaults: lag p99", _ms(lag["p99"]), "at most 1 ms"),
        ("defaults: hit ratio", f"{document['cache']['hit_ratio']:.2%}", "95% ± 1"),
        ("defaults: worker's memory", f"{generator['memory_bytes'] / 1e6:.0f} MB", "at most 300 MB"),
        ("defaults: command to first query, and end", f"{seconds:.1f} s together", "at most 15 s to the first"),
    ]
    return document, rows


def processor_time(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """Processor time of a query, beside that of a loop that only wakes up, writes and reads."""
    measured: dict[str, Any] = {}
    rows: list[Row] = []
    for rate, most_microseconds, most_times in ((100_000, 2.5, 3.5), (400_000, 1.5, 6.0)):
        seconds = max(5, 20 * scale)
        bare = bare_loop(place, rate, seconds / 2)
        document = run(
            place,
            duration=seconds,
            warmup=5,
            queries_per_second=rate,
            cache_hit_target=99,
            max_workers=rate // 5,
        )
        held = document["rates"]["queries_per_second"]
        each, least = document["generator"]["cpu_ratio"] / held, bare["cpu_seconds_each"]
        measured[str(rate)] = {"bare": bare, "run": document}
        rows += [
            (f"{rate:,} queries/s held", _held(document, "queries", rate), "all"),
            (
                f"{rate:,} queries/s: worker's processor time",
                f"{each * 1e6:.2f} µs a query",
                f"at most {most_microseconds} µs",
            ),
            (
                f"{rate:,} queries/s: a bare loop's, in the same run",
                f"{least * 1e6:.2f} µs; ours is {each / least:.1f} times that",
                f"at most {most_times} times",
            ),
        ]
    return measured, rows


def high(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """200,000 queries and 10,000 events a second."""
    document = run(
        place,
        duration=max(5, 30 * scale),
        warmup=5,
        queries_per_second=200_000,
        events_per_second=10_000,
        cache_hit_target=99,
        max_workers=50_000,
    )
    shed = sum(document["totals"][kind]["shed"] for kind in ("queries", "events"))
    rows = [
        ("200,000 queries/s held", _held(document, "queries", 200_000), "all"),
        ("with 10,000 events/s held", _held(document, "events", 10_000), "all"),
        ("200,000 queries/s: shed", f"{shed:,}", "0"),
        ("200,000 queries/s: generator saturated", str(document["generator"]["saturated"]), "False"),
        ("200,000 queries/s: hit ratio", f"{document['cache']['hit_ratio']:.2%}", "99% ± 1"),
    ]
    return document, rows


def highest(place: Path, scale: float) -> tuple[Any, list[Row]]:
    """The highest rate that is held, to 5%, by doubling and halving."""
    tried: dict[int, bool] = {}

    def holds(rate: int) -> bool:
        document = run(
            place,
            duration=max(4, 10 * scale),
            warmup=3,
            queries_per_second=rate,
            cache_hit_target=99,
            max_workers=50_000,
        )
        counts = document["totals"]["queries"]
        tried[rate] = (
            counts["ok"] == counts["offered"]
            and not document["generator"]["saturated"]
            and document["rates"]["queries_per_second"] > 0.99 * rate
        )
        return tried[rate]

    low, high = 50_000, 100_000
    while holds(high) and high < 1_600_000:
        low, high = high, high * 2
    while high - low > 0.05 * low:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    rows = [("highest rate held, 1,000 events/s, 1 worker", f"{low:,} queries/s", "found by search")]
    return {"highest_held_per_second": low, "tried": tried}, rows
