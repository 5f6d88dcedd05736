"""The page /metrics."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from redis_rehearsal.clock import monotonic
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.web.metrics.business import business
from redis_rehearsal.web.metrics.infrastructure import infrastructure
from redis_rehearsal.web.metrics.migration import migration
from redis_rehearsal.web.metrics.performance import performance


class RunCollector(Collector):
    """All metrics of a run.

    Args:
        view: of the run.
    """

    def __init__(self, view: RunView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """See `Collector`; what has no samples is not named either."""
        for group in (performance, business, infrastructure, migration):
            yield from (family for family in group(self._view) if family.samples)


def render(view: RunView) -> bytes:
    """The whole exposition; the view remembers that it was asked for."""
    view.scraped.append(monotonic())
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(view))
    return generate_latest(registry)
