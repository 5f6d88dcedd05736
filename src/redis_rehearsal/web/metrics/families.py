"""Samples in the shape that prometheus-client writes, named and labelled as the catalogue says."""

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.web.metrics.catalogue import CATALOGUE

BUCKETS_SECONDS: Final = (
    *(0.0001, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_BOUNDS: Final = [*(str(bound) for bound in BUCKETS_SECONDS), "+Inf"]

Labels = str | tuple[str, ...]
"""The values of a metric's labels, in the catalogue's order; of a single one just itself."""


def numbers(name: str, samples: Iterable[tuple[Labels, float | None]]) -> Metric:
    """A counter or gauge with labels; what is None has no sample.

    Raises:
        KeyError: the catalogue has no metric of the name.
    """
    entry = CATALOGUE[name]
    make = CounterMetricFamily if entry.kind == "counter" else GaugeMetricFamily
    family = make(name, entry.help, labels=list(entry.labels))
    for labels, value in samples:
        if value is not None:
            family.add_metric([labels] if isinstance(labels, str) else labels, value)
    return family


def number(name: str, value: float | None) -> Metric:
    """A counter or gauge without labels; None has no sample."""
    return numbers(name, [((), value)])


def one_of(name: str, current: str) -> Metric:
    """A gauge that is 1 for the current value of its only label and 0 for the others."""
    (values,) = CATALOGUE[name].labels.values()
    return numbers(name, [(value, float(value == current)) for value in values])


def info(name: str, value: dict[str, str]) -> Metric:
    """What does not change."""
    return InfoMetricFamily(name, CATALOGUE[name].help, value=value)


def histograms(name: str, samples: Iterable[tuple[tuple[str, ...], Histogram]]) -> Metric:
    """Durations in seconds, in our buckets."""
    entry = CATALOGUE[name]
    family = HistogramMetricFamily(name, entry.help, labels=list(entry.labels))
    for labels, histogram in samples:
        counts = [*histogram.counts_at_most(BUCKETS_SECONDS), histogram.count]
        family.add_metric(labels, list(zip(_BOUNDS, counts, strict=True)), sum_value=histogram.sum_seconds)
    return family


def histogram(name: str, durations: Histogram) -> Metric:
    """Durations without labels."""
    return histograms(name, [((), durations)])
