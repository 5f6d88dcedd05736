"""What a run came to, in a few lines."""

from redis_rehearsal.document.load import Outcomes, Quantiles
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.report.reading import NOT_MEASURED, count, words


def summary(document: RunDocument) -> str:
    """What a run came to, in a few lines; what is missing in the document is not measured."""
    ledger, checks, rates = document.ledger, document.checks, document.rates
    lines = [
        _operations(
            "queries",
            rates.queries_per_second,
            document.totals.queries,
            document.latency.queries.response_seconds,
        ),
        _operations(
            "events", rates.events_per_second, document.totals.events, document.latency.events.response_seconds
        ),
    ]
    ratio = document.cache.hit_ratio
    lines.append(f"cache: hit ratio {NOT_MEASURED if ratio is None else f'{ratio:.2%}'}")
    if ledger.error:
        lines.append(f"ledger: could not be compared with the source: {words(ledger.error)}")
    else:
        lines.append(
            f"ledger: {count(ledger.acknowledged)} acknowledged, {count(ledger.unknown)} unknown; "
            f"{count(ledger.lost)} lost{_at_most(ledger.lost_at_most)}, "
            f"{count(ledger.duplicated)} duplicated{_at_most(ledger.duplicated_at_most)}"
        )
        if ledger.unverified_counters:
            lines.append(
                f"{count(ledger.unverified_counters)} counters could not be compared: they were never read before "
                "the first write, or expired first."
            )
    lines.append(
        f"checks: {count(checks.reports_checked)} reports: {count(checks.wrong)} wrong, "
        f"{count(checks.stale)} stale, {count(checks.resurrected)} resurrected; "
        f"{count(checks.counter_regressions)} counter regressions"
    )
    if document.generator.saturated:
        lines.append("The generator itself was the bottleneck: do not trust these latencies.")
    return "\n".join(lines)


def _operations(kind: str, rate: float | None, counts: Outcomes, response: Quantiles) -> str:
    quantiles = {"p50": response.p50, "p95": response.p95, "p99": response.p99, "p999": response.p999}
    known = {**quantiles, "max": response.max}
    shown = ", ".join(f"{name} {value * 1000:.2f}" for name, value in known.items() if value is not None)
    return (
        f"{kind}: {NOT_MEASURED if rate is None else f'{rate:,.1f}'}/s ok; {count(counts.offered)} offered, "
        f"{count(counts.ok)} ok, {count(counts.failed)} failed, {count(counts.unknown)} unknown, "
        f"{count(counts.shed)} shed, {count(counts.in_flight)} in flight; response ms: {shown or '-'}"
    )


def _at_most(value: int | None) -> str:
    return " (at most: unknown)" if value is None else f" (at most {count(value)})"
