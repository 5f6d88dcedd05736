"""The live status in a terminal, and plain lines where there is none."""

import asyncio
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.timeline import Second
from redis_rehearsal.report.figures import outcomes
from redis_rehearsal.report.reading import NOT_MEASURED, count, number, part, words
from redis_rehearsal.report.view import RunView, Stage
from redis_rehearsal.telemetry.histogram import Histogram

_REFRESH_SECONDS: Final = 0.5
_PLAIN_SECONDS: Final = 5.0


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
        if view.stage in (Stage.STARTING, Stage.SEEDING, Stage.WARMING):
            steps = ", ".join(f"{name} {done:,}/{total:,}" for name, (done, total) in view.progress.items())
            return f"{view.stage}{': ' if steps else ''}{steps}"
        queries, events, seconds, database = self._recent()
        answered = queries.hits + queries.misses
        hit_ratio = f"{queries.hits / answered:.2%}" if answered else "-"
        failed = sum(queries.outcomes[1:]) + sum(events.outcomes[1:])
        per = max(1.0, seconds)
        return (
            f"{view.stage} {view.load_seconds:.0f}s: queries {queries.outcomes[0] / per:,.0f}/s "
            f"p50 {milliseconds(queries.response, 0.5)} p99 {milliseconds(queries.response, 0.99)} ms, "
            f"events {events.outcomes[0] / per:,.0f}/s, hits {hit_ratio}, database {database / per:,.0f}/s, "
            f"not ok {failed:,}, generator {self._cpu():.0%} of a core{' SATURATED' if view.totals.saturated else ''}"
        )

    def _cpu(self) -> float:
        latest = self.view.totals.latest.values()
        return max((s.cpu_seconds / s.seconds for s in latest if s.seconds), default=0.0)

    def screen(self) -> RenderableType:
        """A picture of the whole run."""
        view = self.view
        parts: list[RenderableType] = [self._header()]
        if view.stage in (Stage.STARTING, Stage.SEEDING, Stage.WARMING):
            parts.append(self._progress())
        elif view.began_seconds:
            parts += [self._operations(), self._facts()]
        return Panel(Group(*parts), title="redis-rehearsal", subtitle="Ctrl-C ends the run", expand=False)

    def _header(self) -> Text:
        view = self.view
        text = Text(f"{view.stage}", style="bold")
        if view.began_seconds:
            text.append(f" for {view.load_seconds:,.0f} s", style="not bold")
            if view.measured_seconds == 0 and view.settings.warmup:
                text.append(" (warm-up load)", style="not bold")
        if view.servers is not None:
            source, target = view.servers.source_identity, view.servers.target_identity
            text.append(
                f"\nsource {source.product} {source.version}   target {target.product} {target.version}   "
                f"database postgresql {view.servers.database_version}",
                style="not bold",
            )
        for role, server in view.health.servers.items():
            if server.error:
                text.append(f"\n{role} is away: {server.error}", style="bold red")
        return text

    def _progress(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, (done, total) in self.view.progress.items():
            table.add_row(name, ProgressBar(total=max(1, total), completed=done, width=40), f"{done:,} of {total:,}")
        return table

    def _operations(self) -> Table:
        queries, events, seconds, _ = self._recent()
        settings = self.view.settings
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in (
            "last 10 s",
            "asked/s",
            "held/s",
            "p50 ms",
            "p95",
            "p99",
            "service p50",
            "p99 ",
            "not ok",
        ):
            table.add_column(name, justify="left" if name == "last 10 s" else "right")
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
                *(milliseconds(tally.service, ratio) for ratio in (0.5, 0.99)),
                Text(f"{not_ok:,}", style="red" if not_ok else ""),
            )
        return table

    def _facts(self) -> Table:
        totals = self.view.totals
        queries, _, seconds, database = self._recent()
        answered = queries.hits + queries.misses
        whole = outcomes(totals.joined(totals.queries.values())), outcomes(totals.joined(totals.events.values()))
        checks = totals.checks
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
            f"{database / max(1.0, seconds):,.0f} queries/s, {totals.rows_written:,} rows written, "
            f"{sum(s.rows_buffered for s in latest):,} waiting, {totals.rows_dropped:,} dropped",
        )
        table.add_row(
            "ledger",
            f"{whole[1]['ok']:,} events acknowledged, {whole[1]['unknown']:,} unknown, {whole[1]['failed']:,} failed",
        )
        table.add_row(
            "checks",
            f"{checks.reports_checked:,} reports: {checks.wrong:,} wrong, {checks.stale:,} stale, "
            f"{checks.resurrected:,} resurrected; "
            f"{checks.counter_regressions:,} counter regressions",
        )
        table.add_row(
            "failures",
            f"queries {whole[0]['failed']:,} failed, {whole[0]['shed']:,} shed; events {whole[1]['shed']:,} shed",
        )
        table.add_row(
            "generator",
            Text(
                f"{self._cpu():.0%} of a core{', SATURATED: latencies are its own' if totals.saturated else ''}",
                style="bold red" if totals.saturated else "",
            ),
        )
        return table


async def show(view: RunView, console: Console) -> None:
    """Show the status until cancelled: live in a terminal, as a line now and then elsewhere."""
    status = Status(view)
    if not console.is_terminal:
        while True:
            await asyncio.sleep(_PLAIN_SECONDS)
            console.print(status.line(), soft_wrap=True, highlight=False)
    with Live(status.screen(), console=console, auto_refresh=False, redirect_stdout=False) as live:
        try:
            while True:
                await asyncio.sleep(_REFRESH_SECONDS)
                live.update(status.screen(), refresh=True)
        finally:
            live.update(status.screen(), refresh=True)


def summary(document: dict[str, Any]) -> str:
    """What a run came to, in a few lines; what is missing in the document is not measured."""
    ledger, checks = part(document, "ledger"), part(document, "checks")
    lines = []
    for name in ("queries", "events"):
        counts = part(document, "totals", name)
        response = part(document, "latency", name, "response_seconds")
        known = {quantile: number(value) for quantile, value in response.items()}
        shown = ", ".join(f"{quantile} {value * 1000:.2f}" for quantile, value in known.items() if value is not None)
        rate = number(part(document, "rates").get(f"{name}_per_second"))
        lines.append(
            f"{name}: {NOT_MEASURED if rate is None else f'{rate:,.1f}'}/s ok; {count(counts.get('offered'))} offered, "
            f"{count(counts.get('ok'))} ok, {count(counts.get('failed'))} failed, "
            f"{count(counts.get('unknown'))} unknown, {count(counts.get('shed'))} shed, "
            f"{count(counts.get('in_flight'))} in flight; response ms: {shown or '-'}"
        )
    ratio = number(part(document, "cache").get("hit_ratio"))
    lines.append(f"cache: hit ratio {NOT_MEASURED if ratio is None else f'{ratio:.2%}'}")
    if ledger.get("error"):
        lines.append(f"ledger: could not be compared with the source: {words(ledger['error'])}")
    else:
        lines.append(
            f"ledger: {count(ledger.get('acknowledged'))} acknowledged, {count(ledger.get('unknown'))} unknown; "
            f"{count(ledger.get('lost'))} lost{_at_most(ledger.get('lost_at_most'))}, "
            f"{count(ledger.get('duplicated'))} duplicated{_at_most(ledger.get('duplicated_at_most'))}"
        )
        if number(ledger.get("unverified_counters")):
            lines.append(
                f"{count(ledger['unverified_counters'])} counters could not be compared: they were never read before "
                "the first write, or expired first."
            )
    lines.append(
        f"checks: {count(checks.get('reports_checked'))} reports: {count(checks.get('wrong'))} wrong, "
        f"{count(checks.get('stale'))} stale, {count(checks.get('resurrected'))} resurrected; "
        f"{count(checks.get('counter_regressions'))} counter regressions"
    )
    if part(document, "generator").get("saturated") is True:
        lines.append("The generator itself was the bottleneck: do not trust these latencies.")
    return "\n".join(lines)


def _at_most(value: object) -> str:
    return " (at most: unknown)" if number(value) is None else f" (at most {count(value)})"
