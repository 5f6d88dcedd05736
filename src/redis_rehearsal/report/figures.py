"""Figures of the engine as a document holds them."""

from redis_rehearsal.document.load import Clocks, Latency, Outcomes, Quantiles, Totals
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.telemetry.histogram import Histogram


def totals(queries: Tally, events: Tally) -> Totals:
    """Operations by what became of them."""
    return Totals(queries=_outcomes(queries), events=_outcomes(events))


def latency(queries: Tally, events: Tally) -> Latency:
    """The three clocks of both, in seconds."""
    return Latency(queries=_clocks(queries), events=_clocks(events))


def quantiles(histogram: Histogram) -> Quantiles:
    """Quantiles and the longest duration, in seconds; None where nothing was recorded."""
    return Quantiles(
        p50=histogram.quantile(0.5),
        p95=histogram.quantile(0.95),
        p99=histogram.quantile(0.99),
        p999=histogram.quantile(0.999),
        max=histogram.max_seconds if histogram.count else None,
    )


def _outcomes(tally: Tally) -> Outcomes:
    return Outcomes(
        offered=tally.offered,
        ok=tally.outcomes[Outcome.OK],
        failed=tally.outcomes[Outcome.FAILED],
        unknown=tally.outcomes[Outcome.UNKNOWN],
        shed=tally.outcomes[Outcome.SHED],
        in_flight=tally.in_flight,
    )


def _clocks(tally: Tally) -> Clocks:
    return Clocks(
        response_seconds=quantiles(tally.response),
        service_seconds=quantiles(tally.service),
        lag_seconds=quantiles(tally.lag),
    )
