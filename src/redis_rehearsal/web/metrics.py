"""The exposition for Prometheus: one collector over what is merged already, so that the hot path pays nothing."""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from redis_rehearsal import __version__
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.report.view import RunView
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.workload.events import EVENT_TYPES

BUCKETS_SECONDS: Final = (
    *(0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class RunCollector(Collector):
    """All metrics of a run.

    Args:
        view: of the run.
    """

    def __init__(self, view: RunView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        view, totals = self._view, self._view.totals
        tallies = {"queries": totals.joined(totals.queries.values()), "events": totals.joined(totals.events.values())}
        yield InfoMetricFamily("rehearsal_build", "What is running.", value={"version": __version__})
        for name, tally in tallies.items():
            yield _counter(
                f"rehearsal_{name}",
                f"{name.capitalize()} that ended, by outcome.",
                "outcome",
                ((outcome.name.lower(), tally.outcomes[outcome]) for outcome in Outcome),
            )
            yield _counter(
                f"rehearsal_{name}_offered",
                f"{name.capitalize()} that were due.",
                None,
                [("", tally.offered)],
            )
            yield from _clocks(name, tally)
        queries = tallies["queries"]
        yield _counter("rehearsal_cache_hits", "Queries whose report was in the cache.", None, [("", queries.hits)])
        yield _counter(
            "rehearsal_cache_misses",
            "Queries whose report was not in the cache.",
            None,
            [("", queries.misses)],
        )
        yield _counter(
            "rehearsal_events_by_type",
            "Events that were due, by type.",
            "type",
            ((kind.name, totals.events_by_type[number]) for number, kind in enumerate(EVENT_TYPES)),
        )
        yield _counter(
            "rehearsal_failures",
            "Operations that were not ok, by reason.",
            "reason",
            (totals.query_failures + totals.event_failures).items(),
        )
        yield _counter(
            "rehearsal_database_queries",
            "Reports asked of PostgreSQL.",
            None,
            [("", totals.database_queries)],
        )
        yield _counter(
            "rehearsal_database_query_failures",
            "Of those, failed ones.",
            None,
            [("", totals.database_failed)],
        )
        yield _histogram(
            "rehearsal_database_query_seconds",
            "Duration of a report in PostgreSQL.",
            totals.database_duration,
        )
        yield _counter("rehearsal_database_rows_written", "Event rows committed.", None, [("", totals.rows_written)])
        yield _counter("rehearsal_database_rows_dropped", "Event rows given up.", None, [("", totals.rows_dropped)])
        checks = totals.checks
        yield _counter(
            "rehearsal_checks_failed",
            "Answers that a check found wrong, by finding.",
            "finding",
            (
                ("wrong", checks.wrong),
                ("stale", checks.stale),
                ("resurrected", checks.resurrected),
                ("counter_regression", checks.counter_regressions),
            ),
        )
        yield _counter(
            "rehearsal_reports_checked",
            "Hits whose report was checked.",
            None,
            [("", checks.reports_checked)],
        )
        yield from self._gauges(view)

    @staticmethod
    def _gauges(view: RunView) -> Iterator[Metric]:
        totals = view.totals
        latest = list(totals.latest.values())
        yield _gauge(
            "rehearsal_in_flight",
            "Operations sent or waiting, not answered.",
            "kind",
            (
                ("queries", sum(s.queries_in_flight for s in latest)),
                ("events", sum(s.events_in_flight for s in latest)),
            ),
        )
        yield _gauge(
            "rehearsal_redis_connections",
            "Connections of the load to Redis.",
            "state",
            (
                ("usable", sum(s.connections for s in latest)),
                ("wanted", sum(s.connections_wanted for s in latest)),
            ),
        )
        yield _gauge(
            "rehearsal_database_rows_waiting",
            "Event rows that wait to be written.",
            None,
            [("", sum(s.rows_buffered for s in latest))],
        )
        yield _gauge(
            "rehearsal_generator_cpu_ratio",
            "Share of a core that a worker used in the last second.",
            "worker",
            ((str(s.worker), s.cpu_seconds / s.seconds if s.seconds else 0.0) for s in latest),
        )
        yield _gauge(
            "rehearsal_generator_memory_bytes",
            "Resident memory of a worker.",
            "worker",
            ((str(s.worker), s.memory_bytes) for s in latest),
        )
        yield _gauge(
            "rehearsal_generator_saturated",
            "1 where the generator itself is the bottleneck.",
            None,
            [("", float(totals.saturated))],
        )
        yield _gauge(
            "rehearsal_server_up",
            "1 where a server answers.",
            "role",
            ((role, float(not server.error)) for role, server in view.health.servers.items()),
        )


def _clocks(name: str, tally: Tally) -> Iterator[Metric]:
    for clock, meaning in (
        ("response", "Intended start to reply"),
        ("service", "Write to reply"),
        ("lag", "Intended start to write"),
    ):
        yield _histogram(f"rehearsal_{name}_{clock}_seconds", f"{meaning}, of ok {name}.", getattr(tally, clock))


def _counter(
    name: str, documentation: str, label: str | None, samples: Iterable[tuple[str, float]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, documentation, labels=[label] if label else [])
    for value, count in samples:
        family.add_metric([value] if label else [], count)
    return family


def _gauge(name: str, documentation: str, label: str | None, samples: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label] if label else [])
    for value, amount in samples:
        family.add_metric([value] if label else [], amount)
    return family


def _histogram(name: str, documentation: str, histogram: Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, documentation)
    buckets = [(str(bound), float(histogram.count_at_most(bound))) for bound in BUCKETS_SECONDS]
    family.add_metric([], [*buckets, ("+Inf", float(histogram.count))], sum_value=histogram.sum_seconds)
    return family


def render(view: RunView) -> bytes:
    """The whole exposition."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(view))
    return generate_latest(registry)
