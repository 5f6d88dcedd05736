"""The seconds and the percentiles of a run, as its files hold them."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from redis_rehearsal.fleet.row import COLUMNS
from redis_rehearsal.report.chart_data import COLUMNS as DRAWN
from redis_rehearsal.telemetry.histogram import Histogram

BEGAN = datetime.fromisoformat("2026-11-23T10:00:00.123Z").timestamp()


def rows(seconds: int) -> list[Mapping[str, object]]:
    """Rows with every column, of figures with as many digits as real ones have."""
    made: list[Mapping[str, object]] = []
    for second in range(seconds):
        row: dict[str, Any] = {
            name: 0.0012345678901 * (1.5 + math.sin(second * 0.7 + place)) for place, name in enumerate(COLUMNS)
        }
        row |= {name: 9_000 + (second * 37 + place) % 999 for place, name in enumerate(DRAWN) if name not in COLUMNS}
        row |= {name: 9_000 + (second * 37) % 999 for name in COLUMNS if name.startswith(("queries_", "events_"))}
        row |= {"second": second, "at": BEGAN + second, "phase": "baseline", "generator_saturated": second == 3}
        made.append(row)
    return made


def percentiles() -> list[Mapping[str, object]]:
    """Of the response time of two phases."""
    histogram = Histogram()
    histogram.record([0.0001 * (place + 1) for place in range(1000)])
    return [
        {"phase": phase, "kind": kind, "clock": clock, "quantile": quantile, "seconds": seconds, "count": count}
        for phase in ("baseline", "cutover")
        for kind in ("queries", "events")
        for clock in ("response", "service", "lag")
        for quantile, seconds, count in histogram.percentiles()
    ]
