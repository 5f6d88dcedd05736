"""What a run came to, in a few lines."""

from typing import Any

from redis_rehearsal.report.reading import NOT_MEASURED, count, number, part, words


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
