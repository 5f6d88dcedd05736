"""The live status in a terminal, and plain lines where there is none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from redis_rehearsal.clock import monotonic
from redis_rehearsal.document.verdict import Verdict
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.row import Second
from redis_rehearsal.report.figures import totals as totals_of
from redis_rehearsal.report.migration_status import MigrationStatus
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.view.run_view import RunView, Stage

_log = structlog.get_logger()

_REFRESH_SECONDS: Final = 0.5
_PLAIN_SECONDS: Final = 5.0
_WIDEST_COLUMNS: Final = 100
_WIDE_COLUMNS: Final = 90
"""From this width on all columns are shown."""
_TALL_LINES: Final = 30
_WITHOUT_LOAD: Final = (Stage.STARTING, Stage.SEEDING, Stage.WARMING)
_OVER: Final = (Stage.ENDING, Stage.ENDED)

SoFar = Callable[[], Awaitable[Verdict | None]]
"""Judges the migration that is under way as if it ended now; None where none is."""


def milliseconds(histogram: Histogram, ratio: float) -> str:
    """A quantile in milliseconds, for people."""
    value = histogram.quantile(ratio)
    return "-" if value is None else f"{value * 1000:.2f}"


class Status:
    """What the last seconds of a run were like.

    Args:
        view: of the run.
    """

    def __init__(self, view: RunView) -> None:
        self.view = view
        self.migration = MigrationStatus(view)

    def _recent(self) -> tuple[Tally, Tally, float, int]:
        seconds: list[Second] = list(self.view.totals.recent)
        queries, events = Tally(), Tally()
        for second in seconds:
            queries.merge(second.queries)
            events.merge(second.events)
        return queries, events, float(len(seconds)), sum(second.database_queries for second in seconds)

    def line(self) -> str:
        """One line."""
        view = self.view
        if view.stage in _WITHOUT_LOAD:
            steps = ", ".join(f"{name} {done:,}/{total:,}" for name, (done, total) in view.progress.items())
            return f"{view.stage}{': ' if steps else ''}{steps}"
        queries, events, seconds, database = self._recent()
        answered = queries.hits + queries.misses
        hit_ratio = f"{queries.hits / answered:.2%}" if answered else "-"
        failed = sum(queries.outcomes[1:]) + sum(events.outcomes[1:])
        per = max(1.0, seconds)
        now = self.migration.now(monotonic())
        return (
            f"{view.stage} {view.load_seconds:.0f}s{f', {now}' if now else ''}: queries "
            f"{queries.outcomes[0] / per:,.0f}/s "
            f"p50 {milliseconds(queries.response, 0.5)} p99 {milliseconds(queries.response, 0.99)} ms, "
            f"events {events.outcomes[0] / per:,.0f}/s, hits {hit_ratio}, database {database / per:,.0f}/s, "
            f"not ok {failed:,}, generator {self._cpu():.0%} of a core{' SATURATED' if view.totals.saturated else ''}"
        )

    def _cpu(self) -> float:
        latest = self.view.totals.latest.values()
        return max((s.cpu_seconds / s.seconds for s in latest if s.seconds), default=0.0)

    def screen(self, columns: int = _WIDEST_COLUMNS, lines: int = _TALL_LINES) -> RenderableType:
        """A picture of the whole run, no larger than the terminal.

        Args:
            columns: of the terminal.
            lines: of the terminal.
        """
        view = self.view
        wide = columns >= _WIDE_COLUMNS
        parts: list[RenderableType] = [self._header()]
        if view.stage in _WITHOUT_LOAD:
            parts.append(self._progress(wide=wide))
        elif view.began_seconds:
            migration = self.migration.picture(monotonic(), steps=6 if lines >= _TALL_LINES else 3)
            parts.append(self._operations(wide=wide))
            if migration is None or lines >= _TALL_LINES:
                parts.append(self._facts())
            if migration is not None:
                parts.append(migration)
        subtitle = None if view.stage in _OVER else "Ctrl-C ends the run"
        return Panel(
            Group(*parts), title="redis-rehearsal", subtitle=subtitle, width=min(columns, _WIDEST_COLUMNS), expand=True
        )

    def _header(self) -> Text:
        view = self.view
        text = Text(f"{view.stage}", style="bold")
        if view.began_seconds:
            text.append(f" for {view.load_seconds:,.0f} s", style="not bold")
            if view.measured_seconds == 0 and view.settings.warmup:
                text.append(" (warm-up load)", style="not bold")
        if view.servers is not None:
            source, target, database = view.servers.source, view.servers.target, view.servers.database
            text.append(
                f"\n{source.product} to {target.product}, postgresql {database.version}",
                style="not bold",
            )
        for role, server in view.health.servers.items():
            if server.error:
                text.append(f"\n{role} is away: {server.error}", style="bold red")
        return text

    def _progress(self, *, wide: bool) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, (done, total) in self.view.progress.items():
            bar = ProgressBar(total=max(1, total), completed=done, width=40 if wide else 16)
            table.add_row(name, bar, f"{done:,} of {total:,}")
        return table

    def _operations(self, *, wide: bool) -> Table:
        queries, events, seconds, _ = self._recent()
        settings = self.view.settings
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("last 10 s")
        # By the clock of the server's own service as well, where there is room for it.
        for name in ("asked/s", "held/s", "p50 ms", "p95", "p99", *(("service p50", "p99 ") if wide else ()), "not ok"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, asked, tally in (
            ("queries", settings.queries_per_second, queries),
            ("events", settings.events_per_second, events),
        ):
            not_ok = sum(tally.outcomes[1:])
            table.add_row(
                name,
                f"{asked:,.0f}",
                f"{tally.outcomes[Outcome.OK] / max(1.0, seconds):,.0f}",
                *(milliseconds(tally.response, ratio) for ratio in (0.5, 0.95, 0.99)),
                *(milliseconds(tally.service, ratio) for ratio in (0.5, 0.99) if wide),
                Text(f"{not_ok:,}", style="red" if not_ok else ""),
            )
        return table

    def _facts(self) -> Table:
        totals = self.view.totals
        queries, _, seconds, database = self._recent()
        answered = queries.hits + queries.misses
        whole = totals_of(totals.counts.recorded_queries.whole(), totals.counts.recorded_events.whole())
        events = whole.events
        checks = totals.counts.queries.checks
        latest = totals.latest.values()
        table = Table.grid(padding=(0, 2))
        table.add_row(
            "cache",
            f"hit ratio {queries.hits / answered:.2%} (target {self.view.settings.cache_hit_target:g}%)"
            if answered
            else "-",
        )
        table.add_row(
            "database",
            f"{database / max(1.0, seconds):,.0f} queries/s, {totals.counts.rows.written:,} rows written, "
            f"{sum(s.rows_buffered for s in latest):,} waiting, {totals.counts.rows.dropped:,} dropped",
        )
        table.add_row(
            "ledger",
            f"{events.ok:,} events acknowledged, {events.unknown:,} unknown, {events.failed:,} failed",
        )
        table.add_row(
            "checks",
            f"{checks.reports_checked:,} reports: {checks.wrong:,} wrong, {checks.stale:,} stale, "
            f"{checks.resurrected:,} resurrected; "
            f"{checks.counter_regressions:,} counter regressions",
        )
        table.add_row(
            "failures",
            f"queries {whole.queries.failed:,} failed, {whole.queries.shed:,} shed; events {events.shed:,} shed",
        )
        table.add_row(
            "generator",
            Text(
                f"{self._cpu():.0%} of a core{', SATURATED: latencies are its own' if totals.saturated else ''}",
                style="bold red" if totals.saturated else "",
            ),
        )
        return table


async def show(view: RunView, console: Console, so_far: SoFar | None = None) -> None:
    """Show the status until cancelled: live in a terminal, as a line now and then elsewhere; and what was done.

    Args:
        view: of the run.
        console: where.
        so_far: what the verdict would be now; None where nobody can tell.
    """
    status = Status(view)
    if console.is_terminal:
        await _show_live(status, console, so_far)
    else:
        await _show_lines(status, console)


def _narrate(status: Status, console: Console) -> None:
    for line in status.migration.news():
        if console.quiet:
            _log.info(line)
        console.print(line, soft_wrap=True, highlight=False, markup=False)


async def _show_lines(status: Status, console: Console) -> None:
    shown = monotonic()
    try:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            _narrate(status, console)
            if monotonic() - shown >= _PLAIN_SECONDS:
                shown = monotonic()
                console.print(status.line(), soft_wrap=True, highlight=False, markup=False)
    finally:
        _narrate(status, console)


async def _show_live(status: Status, console: Console, so_far: SoFar | None) -> None:
    size = console.size
    live = _live(status, console)
    live.start()
    try:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            if console.size != size:
                # The terminal has wrapped or cut what stood there, and nobody knows where it begins now.
                live.stop()
                size = console.size
                _scroll_away(console, size.height)
                live = _live(status, console)
                live.start()
            if so_far is not None:
                status.migration.so_far = await so_far()
            _narrate(status, console)
            live.update(status.screen(*size), refresh=True)
    finally:
        _narrate(status, console)
        live.stop()


def _scroll_away(console: Console, lines: int) -> None:
    # Clearing would take what was told with it.
    console.control(Control.move_to(0, lines - 1))
    console.file.write("\n" * lines)
    console.control(Control.home())


def _live(status: Status, console: Console) -> Live:
    # What is written meanwhile, as log lines are, goes above it; when it ends, what is left to say stands last.
    return Live(
        status.screen(*console.size),
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=True,
        transient=True,
    )
