"""What the load saw."""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.web.metrics.catalogue.entry import OTHERS
from redis_rehearsal.web.metrics.catalogue.performance import ERROR_CODES, KNOWN_REASONS
from redis_rehearsal.web.metrics.families import histogram, number, numbers


def performance(view: RunView) -> Iterator[Metric]:
    """Operations, durations, cache and database as the load saw them."""
    totals, counts = view.totals, view.totals.counts
    queries, events = counts.recorded_queries.whole(), counts.recorded_events.whole()
    for name, tally in (("queries", queries), ("events", events)):
        ended = ((outcome.name.lower(), tally.outcomes[outcome]) for outcome in Outcome)
        yield numbers(f"rehearsal_{name}", ended)
        yield number(f"rehearsal_{name}_offered", tally.offered)
        for clock in ("response", "service", "lag"):
            yield histogram(f"rehearsal_{name}_{clock}_seconds", getattr(tally, clock))
    yield numbers("rehearsal_requested_rate", zip(("queries", "events"), view.rates, strict=True))
    latest = list(totals.latest.values())
    yield numbers(
        "rehearsal_in_flight",
        [
            ("queries", sum(snapshot.queries_in_flight for snapshot in latest)),
            ("events", sum(snapshot.events_in_flight for snapshot in latest)),
        ],
    )
    yield numbers(
        "rehearsal_redis_connections",
        [
            ("usable", sum(snapshot.connections for snapshot in latest)),
            ("wanted", sum(snapshot.connections_wanted for snapshot in latest)),
        ],
    )
    yield number("rehearsal_cache_hits", queries.hits)
    yield number("rehearsal_cache_misses", queries.misses)
    yield numbers("rehearsal_cache_writes", sorted(counts.cache_writes.items()))
    yield numbers(
        "rehearsal_failures",
        _reasons(Counter(counts.queries.failures) + Counter(counts.events.failures)).items(),
    )
    yield number("rehearsal_redirected_events", counts.events.redirected)
    checks = counts.queries.checks
    yield number("rehearsal_reports_checked", checks.reports_checked)
    yield numbers(
        "rehearsal_checks_failed",
        [
            ("wrong", checks.wrong),
            ("stale", checks.stale),
            ("resurrected", checks.resurrected),
            ("counter_regression", checks.counter_regressions),
        ],
    )
    yield number("rehearsal_database_queries", counts.reports.asked)
    yield number("rehearsal_database_query_failures", counts.reports.failed)
    yield histogram("rehearsal_database_query_seconds", counts.reports.duration)
    yield number("rehearsal_database_rows_written", counts.rows.written)
    yield number("rehearsal_database_rows_dropped", counts.rows.dropped)
    yield number("rehearsal_database_rows_waiting", sum(snapshot.rows_buffered for snapshot in latest))


def _reasons(failures: Mapping[str, int]) -> Counter[str]:
    found = Counter(dict.fromkeys(KNOWN_REASONS, 0))
    for reason, count in failures.items():
        found[reason if reason in KNOWN_REASONS or reason in ERROR_CODES else OTHERS] += count
    return found
