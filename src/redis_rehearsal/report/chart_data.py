"""What the charts of a report draw, as the JSON that stands in it: nothing but numbers, and names of phases. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.report.reading import number, words
from redis_rehearsal.report.run_data import RunData, column
from redis_rehearsal.workload.events import EVENT_TYPES

COLUMNS: Final = (
    "queries_offered",
    "queries_ok",
    "queries_failed",
    "queries_unknown",
    "queries_shed",
    "events_offered",
    "events_ok",
    "events_failed",
    "events_unknown",
    "events_shed",
    "hit_ratio",
    "database_queries",
    "query_response_p50",
    "query_response_p95",
    "query_response_p99",
    "query_service_p50",
    "query_service_p99",
    "query_lag_p99",
    "event_response_p50",
    "event_response_p99",
    "event_service_p99",
    "event_lag_p99",
    "generator_cpu_ratio",
    "generator_saturated",
    "source_operations",
    "target_operations",
    *(f"events_{kind.name}" for kind in EVENT_TYPES),
    "active_organizations",
    "conversion_rate",
)
"""Of the timeline, those that panels.js draws; `conversion_rate` is made here."""
_MOST_ROWS: Final = 4000
_MOST_PERCENTILES: Final = 15_000
_MOST_NAME: Final = 40
_DIGITS: Final = 5
_MOST_ANNOTATIONS: Final = 50
_MOST_UNFINISHED: Final = 2
"""Seconds at the end; were it more, the document would not be of these rows."""

Column = list[float | None]


def chart_data(run: RunData) -> dict[str, Any]:
    """The lines, phases, windows of downtime and percentiles of a run; what is damaged is left out."""
    rows = numbered(run.rows)
    began = _began(rows)
    whole = whole_seconds(rows, run.document)
    unfinished = len(whole) < len(rows)
    rows = whole
    seconds: Column = [number(second) for second in column(rows, "second")]
    columns = {name: [_figure(value) for value in column(rows, name)] for name in COLUMNS}
    columns["conversion_rate"] = [
        _ratio(some, of) for some, of in zip(columns["events_conversion"], columns["events_page_view"], strict=True)
    ]
    seconds, columns = _thinned(seconds, columns)
    return {
        "second": seconds,
        "columns": {name: column for name, column in columns.items() if any(each is not None for each in column)},
        "phases": _phases(run.document, began),
        "unfinished": unfinished,
        "bands": _bands(run.document, began),
        "annotations": _annotations(run.document, began),
        "percentiles": _percentiles(run.percentiles),
    }


def as_json(data: dict[str, Any]) -> str:
    """JSON in which nothing can be taken for markup."""
    columns = (f"{_dumped(name)}:{_dumped(column)}" for name, column in data["columns"].items())
    rest = (f"{_dumped(name)}:{_dumped(part)}" for name, part in data.items() if name != "columns")
    # Column by column, since who makes a report in a thread keeps all others waiting while one piece is encoded.
    text = f'{{"columns":{{{",".join(columns)}}},{",".join(rest)}}}'
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _dumped(value: object) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _figure(value: object) -> float | None:
    if isinstance(value, bool):
        return int(value)
    found = number(value)
    if found is None or isinstance(found, int):
        return found
    return float(f"{found:.{_DIGITS}g}")


def _ratio(some: object, whole: object) -> float | None:
    upper, lower = number(some), number(whole)
    return _figure(upper / lower) if upper is not None and lower else None


def _thinned(seconds: Column, columns: dict[str, Column]) -> tuple[Column, dict[str, Column]]:
    """Of a long run two rows for several seconds, with the lowest and the highest figure of each column."""
    if len(seconds) <= _MOST_ROWS:
        return seconds, columns
    size = -(-2 * len(seconds) // _MOST_ROWS)
    starts = range(0, len(seconds), size)
    kept: Column = [
        each for start in starts for each in (seconds[start], seconds[min(start + size // 2, len(seconds) - 1)])
    ]
    return kept, {
        name: [each for start in starts for each in _extremes(column[start : start + size])]
        for name, column in columns.items()
    }


def _extremes(values: Column) -> tuple[float | None, float | None]:
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    if not known:
        return None, None
    low, high = min(known), max(known)
    return (low[0], high[0]) if low[1] <= high[1] else (high[0], low[0])


def _began(rows: Sequence[Mapping[str, object]]) -> float | None:
    """The Unix time at which the load began."""
    for row in rows:
        at, second = number(row.get("at")), number(row.get("second"))
        if at is not None and second is not None:
            return at - second
    return None


def numbered(rows: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """Without those of a damaged file that do not say which second they are of."""
    if all(number(second) is not None for second in column(rows, "second")):
        return rows
    return [row for row in rows if number(row.get("second")) is not None]


def whole_seconds(rows: Sequence[Mapping[str, object]], document: RunDocument) -> Sequence[Mapping[str, object]]:
    """Without the last seconds, of which the load saw a part or nothing: what happened in a part is no rate."""
    if document.duration_seconds is None:
        return rows
    ended = document.duration_seconds + (document.warmup_seconds or 0.0)
    kept = len(rows)
    while kept > max(0, len(rows) - _MOST_UNFINISHED) and (number(rows[kept - 1]["second"]) or 0) + 0.95 > ended:
        kept -= 1
    return rows[:kept]


def _since(moment: str | None, began: float | None) -> float | None:
    if began is None or moment is None:
        return None
    try:
        return round(datetime.fromisoformat(moment).timestamp() - began, 3)
    except (ValueError, OverflowError, OSError):
        return None


def _stretch(begins: str | None, seconds: float | None, began: float | None) -> dict[str, float] | None:
    start = _since(begins, began)
    if start is None or seconds is None or seconds < 0:
        return None
    return {"from_second": start, "to_second": round(start + seconds, 3)}


def _phases(document: RunDocument, began: float | None) -> list[dict[str, Any]]:
    found = [
        (_name(phase.name), _stretch(phase.started_at, phase.duration_seconds, began)) for phase in document.phases
    ]
    return [{"name": name, **stretch} for name, stretch in found if stretch]


def _bands(document: RunDocument, began: float | None) -> list[dict[str, Any]]:
    found = [
        (kind, _stretch(window.from_, window.seconds, began))
        for kind, downtime in (("queries", document.downtime.queries), ("events", document.downtime.events))
        for window in downtime.windows or ()
    ]
    return [{"kind": kind, **stretch} for kind, stretch in found if stretch]


def _annotations(document: RunDocument, began: float | None) -> list[dict[str, Any]]:
    """What happened to servers of itself: in which second, and what."""
    found = [
        (_since(each.started_at, began), f"{_name(each.kind)}: {_name(each.server)}")
        for each in document.annotations[:_MOST_ANNOTATIONS]
    ]
    return [{"second": second, "text": text} for second, text in found if second is not None]


def _percentiles(found: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
    """The lines by percentile of the response time: x is 1/(1-quantile), y seconds."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for each in found[:_MOST_PERCENTILES]:
        quantile, seconds = number(each.get("quantile")), number(each.get("seconds"))
        kind = each.get("kind")
        if each.get("clock") != "response" or kind not in ("queries", "events"):
            continue
        # Quantile 1 is infinitely far away; the longest duration stands in the tables.
        if quantile is None or seconds is None or not 0 <= quantile < 1:
            continue
        name = _name(each.get("phase"))
        line = lines.setdefault((str(kind), name), {"kind": kind, "phase": name, "x": [], "y": []})
        line["x"].append(float(f"{1 / (1 - quantile):.6g}"))
        line["y"].append(_figure(seconds))
    return list(lines.values())


def _name(value: object) -> str:
    return words(value)[:_MOST_NAME]
