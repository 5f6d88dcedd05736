"""Figures as JSON holds them."""

from typing import Final

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.telemetry.histogram import Histogram

QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def outcomes(tally: Tally) -> dict[str, int]:
    """Operations by what became of them; all but `offered` add up to it."""
    return {
        "offered": tally.offered,
        **{outcome.name.lower(): tally.outcomes[outcome] for outcome in Outcome},
        "in_flight": tally.in_flight,
    }


def quantiles(histogram: Histogram) -> dict[str, float | None]:
    """Quantiles and the longest duration, in seconds; None where nothing was recorded."""
    found: dict[str, float | None] = {name: histogram.quantile(ratio) for name, ratio in QUANTILES.items()}
    found["max"] = histogram.max_seconds if histogram.count else None
    return found


def latency(tally: Tally) -> dict[str, dict[str, float | None]]:
    """The three clocks, in seconds."""
    return {
        "response_seconds": quantiles(tally.response),
        "service_seconds": quantiles(tally.service),
        "lag_seconds": quantiles(tally.lag),
    }
