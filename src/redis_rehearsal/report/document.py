"""The run's document: run.json. docs/report.md says what each part means."""

import math
from dataclasses import asdict
from typing import Any, Final

from pydantic import SecretStr

from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.report.view import RunView
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.verification.ledger_keeper import Audit
from redis_rehearsal.workload.events import EVENT_TYPES

SCHEMA_VERSION: Final = 1
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def make_document(view: RunView) -> dict[str, Any]:
    """What a run shows so far, as JSON would hold it; figures that could not be measured are None."""
    totals = view.totals
    segment = 1 if view.settings.warmup else 0
    queries = totals.queries[segment] if segment < len(totals.queries) else Tally()
    events = totals.events[segment] if segment < len(totals.events) else Tally()
    seconds = view.measured_seconds
    answered = queries.hits + queries.misses
    return {
        "schema_version": SCHEMA_VERSION,
        "complete": view.workers_lost == 0 and view.audit is not None,
        "started": view.directory.name if view.directory else None,
        "stage": str(view.stage),
        "duration_seconds": round(seconds, 3),
        "warmup_seconds": round(view.load_seconds - seconds, 3),
        "totals": {"queries": outcomes(queries), "events": outcomes(events)},
        "rates": {
            "queries_per_second": _rate(queries, seconds),
            "events_per_second": _rate(events, seconds),
        },
        "latency": {"queries": _latency(queries), "events": _latency(events)},
        "cache": {
            "hits": queries.hits,
            "misses": queries.misses,
            "hit_ratio": queries.hits / answered if answered else None,
            "misplaced": totals.misplaced,
            "writes": dict(sorted(totals.cache_writes.items())),
        },
        "database": {
            "queries": totals.database_queries,
            "failed": totals.database_failed,
            "query_seconds": quantiles(totals.database_duration),
            "warm_up_queries": totals.warm_up_queries,
            "rows_written": totals.rows_written,
            "rows_dropped": totals.rows_dropped,
        },
        "failures": {
            "queries": dict(sorted(totals.query_failures.items())),
            "events": dict(sorted(totals.event_failures.items())),
        },
        "events_by_type": {kind.name: totals.events_by_type[number] for number, kind in enumerate(EVENT_TYPES)},
        "ledger": _ledger(view.audit),
        "checks": asdict(totals.checks),
        "generator": _generator(totals, view.workers_lost),
        "servers": _servers(view),
        "settings": safe_settings(view),
    }


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


def ledger_document(audit: Audit) -> dict[str, Any]:
    """The ledger held against the source."""
    result = audit.result
    read = not audit.error
    # A counter that could not be compared may have lost or doubled anything.
    bounded = read and not result.unverified_counters
    return {
        "counters": result.counters,
        "unverified_counters": result.unverified_counters,
        "acknowledged": result.acknowledged,
        "unknown": result.unknown,
        "lost": result.lost if read else None,
        "lost_at_most": result.lost_at_most if bounded else None,
        "duplicated": result.duplicated if read else None,
        "duplicated_at_most": result.duplicated_at_most if bounded else None,
        "worst": [{"key": key, "lost": lost, "duplicated": doubled} for key, lost, doubled in audit.worst],
        "error": audit.error or None,
    }


def _ledger(audit: Audit | None) -> dict[str, Any]:
    return ledger_document(audit or Audit(error="not compared with the source yet"))


def _rate(tally: Tally, seconds: float) -> float:
    return round(tally.outcomes[Outcome.OK] / seconds, 3) if seconds else 0.0


def _latency(tally: Tally) -> dict[str, dict[str, float | None]]:
    return {
        "response_seconds": quantiles(tally.response),
        "service_seconds": quantiles(tally.service),
        "lag_seconds": quantiles(tally.lag),
    }


def _generator(totals: Totals, workers_lost: int) -> dict[str, Any]:
    return {
        "cpu_ratio": round(totals.cpu_ratio, 4),
        "saturated": totals.saturated,
        "saturated_seconds": totals.saturated_seconds,
        "tick_delay_seconds": quantiles(totals.tick_delay),
        "memory_bytes": max(totals.peak_memory_bytes.values(), default=0),
        "workers_lost": workers_lost,
    }


def _servers(view: RunView) -> dict[str, Any]:
    servers = view.servers
    if servers is None:
        return {}
    addresses = servers.addresses
    return {
        "source": {
            "product": servers.source_identity.product,
            "version": servers.source_identity.version,
            "address": addresses["source"],
        },
        "target": {
            "product": servers.target_identity.product,
            "version": servers.target_identity.version,
            "address": addresses["target"],
        },
        "database": {
            "product": "postgresql",
            "version": servers.database_version,
            "address": addresses["database"],
        },
    }


def safe_settings(view: RunView) -> dict[str, Any]:
    """The settings without secrets: of a URL only the server's address."""
    shown: dict[str, Any] = {}
    addresses = view.servers.addresses if view.servers else {}
    roles = {"redis_url": "source", "target_redis_url": "target", "database_url": "database"}
    for name, value in view.settings:
        if isinstance(value, SecretStr):
            shown[name] = addresses.get(roles.get(name, ""), "given")
        elif value is None or isinstance(value, bool | int | str):
            shown[name] = value
        elif isinstance(value, float):
            shown[name] = value if math.isfinite(value) else None
        else:
            shown[name] = str(value)
    return shown
