"""`make stalls`: for how long those who look at a run keep its coordinator from listening to its workers.

A coordinator that holds a day of seconds serves its page, its API and its report; meanwhile a task in its loop asks to
be woken every millisecond. The longest time that it had to wait is what a worker's message, or a phase's end, had to.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic, perf_counter, time
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from redis_rehearsal.fleet.row import Label, Row, Second
from redis_rehearsal.fleet.timeline import Timeline
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.report.view import RunView, Stage
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry.garbage import keep_what_is_there
from redis_rehearsal.telemetry.health import Health
from redis_rehearsal.web.app import make_app
from redis_rehearsal.web.server import WebServer

_DAY_SECONDS: Final = 86_400
_VIEWERS: Final = 200
_WAKE_SECONDS: Final = 0.001


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="make stalls ARGS=...", description=__doc__)
    parser.add_argument("--seconds", type=int, default=_DAY_SECONDS, help="that the timeline holds")
    parser.add_argument("--viewers", type=int, default=_VIEWERS, help="of the page, all at once")
    options = parser.parse_args()
    table = Table(title=f"A timeline of {options.seconds:,} s, {options.viewers} viewers")
    for column in ("what is asked for", "longest wait of the loop", "all done after"):
        table.add_column(column, justify="right" if column != "what is asked for" else "left")
    for name, longest, lasted in uvloop.run(_measure(options.seconds, options.viewers)):
        table.add_row(name, f"{longest * 1000:.1f} ms", f"{lasted:.2f} s")
    Console().print(table)


async def _measure(seconds: int, viewers: int) -> list[tuple[str, float, float]]:
    view = _run_of(seconds)
    server = WebServer(make_app(view, None, "stalls"), "127.0.0.1", 0)
    await server.start()
    keep_what_is_there()
    host, _, port = server.address.removeprefix("http://").rpartition(":")
    asked: dict[str, Callable[[], Awaitable[None]]] = {
        "nothing": lambda: asyncio.sleep(2),
        f"the page, by {viewers} viewers": lambda: _client(host, port, "/api/events", viewers),
        "the page, by one more": lambda: _client(host, port, "/api/events", 1),
        "/stats, ten times": lambda: _client(host, port, "/stats", 10),
        "/metrics, ten times": lambda: _client(host, port, "/metrics", 10),
        "/report.html": lambda: _client(host, port, "/report.html", 1),
    }
    found = []
    for name, ask in asked.items():
        waits = asyncio.create_task(_longest_wait())
        began = perf_counter()
        await ask()
        lasted = perf_counter() - began
        waits.cancel()
        found.append((name, await waits, lasted))
    await server.close()
    return found


async def _longest_wait() -> float:
    longest = 0.0
    try:
        while True:
            due = perf_counter() + _WAKE_SECONDS
            await asyncio.sleep(_WAKE_SECONDS)
            longest = max(longest, perf_counter() - due)
    except asyncio.CancelledError:
        return longest


async def _client(host: str, port: str, path: str, times: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stalls_client", host, port, path, str(times)
    )
    if await process.wait():
        sys.exit(f"{path} was not answered.")


def _run_of(seconds: int) -> RunView:
    chance = random.Random(1)  # noqa: S311 # figures to draw, no secrets
    view = RunView(Settings(), Totals(), Health(()))
    view.began_seconds = view.steady_seconds = monotonic() - seconds
    view.stage = Stage.RUNNING
    view.timeline = Timeline(float, lambda _: Label("load"))
    view.phases = lambda: [("load", 0, view.began_seconds)]
    row = Row.of(Second(0), time() - seconds, Label("load"))
    for second in range(seconds):
        slow = chance.random() / 100
        view.timeline.rows.append(
            replace(
                row,
                second=second,
                at=row.at + second,
                queries_ok=chance.randrange(9_000, 11_000),
                query_response_p50=slow / 3,
                query_response_p99=slow,
                hit_ratio=0.9 + slow,
                database_queries=chance.randrange(900, 1_100),
            )
        )
    return view


if __name__ == "__main__":
    main()
