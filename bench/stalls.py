"""`make stalls`: for how long those who look at a run keep its coordinator from listening to its workers.

A coordinator that holds a day of seconds serves its page, its API and its report; meanwhile a task in its loop asks to
be woken every millisecond. The longest time that it had to wait is what a worker's message, or a phase's end, had to.
Then a run of its default load does, in which a migration is watched and its verdict so far is judged again and again.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, perf_counter, time
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from redis_rehearsal.coordinator.run import Run
from redis_rehearsal.fleet.row import Label, Row, Second, Segment
from redis_rehearsal.fleet.timeline import Timeline
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry.garbage import keep_what_is_there
from redis_rehearsal.telemetry.health import Health
from redis_rehearsal.view.run_view import RunView, Stage
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
    title = f"A timeline of {options.seconds:,} s, {options.viewers} viewers"
    Console().print(_table(title, uvloop.run(_measure(options.seconds, options.viewers))))
    title = f"A migration that is watched at the default load, {options.viewers} viewers"
    Console().print(_table(title, uvloop.run(_measure_live(options.viewers))))


def _table(title: str, found: list[tuple[str, float, float]]) -> Table:
    table = Table(title=title)
    for column in ("what is asked for", "longest wait of the loop", "all done after"):
        table.add_column(column, justify="right" if column != "what is asked for" else "left")
    for name, longest, lasted in found:
        table.add_row(name, f"{longest * 1000:.1f} ms", f"{lasted:.2f} s")
    return table


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
    found = await _each(asked)
    await server.close()
    return found


async def _measure_live(viewers: int) -> list[tuple[str, float, float]]:
    with tempfile.TemporaryDirectory(prefix="rehearsal-stalls-") as place:
        run = Run(Settings(bind_address="127.0.0.1:0", run_dir=Path(place), cache_hit_target=95))
        server = WebServer(make_app(run.view, run.controls, "stalls"), "127.0.0.1", 0)
        await server.start()
        execution = asyncio.create_task(run.execute())
        try:
            host, _, port = server.address.removeprefix("http://").rpartition(":")
            await _until(execution, lambda: run.view.stage == Stage.RUNNING)
            await run.controls.start_migration(MigrationOptions(strategy="copy", baseline=10, observe=600))
            await _until(execution, lambda: run.controls.status().phase == Phase.RECOVERY)
            return await _each(
                {
                    "nothing": lambda: asyncio.sleep(10),
                    "the page, by one, for 10 s": lambda: _client(host, port, "/api/events", 1, 10),
                    f"the page, by {viewers} viewers, for 10 s": lambda: _client(
                        host, port, "/api/events", viewers, 10
                    ),
                    "/ledger": lambda: _client(host, port, "/ledger", 1),
                    "/api/timeline, ten times": lambda: _client(host, port, "/api/timeline", 10),
                    "/api/migrations, ten times": lambda: _client(host, port, "/api/migrations", 10),
                    "/report.html": lambda: _client(host, port, "/report.html", 1),
                }
            )
        finally:
            run.stop()
            await execution
            await server.close()


async def _until(execution: "asyncio.Task[None]", there: Callable[[], bool]) -> None:
    while not there():
        if execution.done():
            sys.exit("The run ended before it could be measured.")
        await asyncio.sleep(0.1)


async def _each(asked: dict[str, Callable[[], Awaitable[None]]]) -> list[tuple[str, float, float]]:
    """For each thing that is asked for, the longest wait of this loop meanwhile, and how long it lasted."""
    found = []
    for name, ask in asked.items():
        waits = asyncio.create_task(_longest_wait())
        began = perf_counter()
        await ask()
        lasted = perf_counter() - began
        waits.cancel()
        found.append((name, await waits, lasted))
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


async def _client(host: str, port: str, path: str, times: int, seconds: int = 0) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stalls_client", host, port, path, str(times), str(seconds)
    )
    if await process.wait():
        sys.exit(f"{path} was not answered.")


def _run_of(seconds: int) -> RunView:
    chance = random.Random(1)  # noqa: S311 # figures to draw, no secrets
    view = RunView(Settings(), Totals(), Health(()))
    view.began_seconds = view.steady_seconds = monotonic() - seconds
    view.stage = Stage.RUNNING
    view.timeline = Timeline(float, lambda _: Label("load"))
    view.segments = lambda: [Segment("load", 0, view.began_seconds)]
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
