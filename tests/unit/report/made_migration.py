"""A finished rehearsal's document with known figures, as run.json holds it."""

from typing import Any

from redis_rehearsal.document.base import as_json
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.migration.assessment.figures import PhaseFigures
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.migration_document import phase_document
from tests.unit.report.made import view

_UNHARMED = {"restarts": 0, "evicted_keys": 0}
_LIMITS = (
    # name, limit, measured, unit
    ("lost", 0, 0, "count"),
    ("duplicated", 0, 0, "count"),
    ("stranded", 0, 0, "count"),
    ("wrong_reports", 0, 0, "count"),
    ("counter_regressions", 0, 0, "count"),
    ("failed_queries", 0.0001, 0.00002, "ratio"),
    ("failed_events", 0.0001, 0.0, "ratio"),
    ("query_downtime", 0.25, 0.0123, "seconds"),
    ("event_downtime", 0.25, 0.0474, "seconds"),
    ("cutover_p99", 0.05, 0.0071, "seconds"),
    ("recovery", 60.0, 3.0, "seconds"),
)
_PASSED: dict[str, Any] = {"status": "passed", "reason": None, "causes": []}


def criteria(**statuses: str) -> list[dict[str, Any]]:
    """All criteria, passed but for those named."""
    made: list[dict[str, Any]] = [{"name": "migration", "limit": None, "measured": None, "unit": "", **_PASSED}]
    made += [
        {"name": name, "limit": limit, "measured": measured, "unit": unit, **_PASSED}
        for name, limit, measured, unit in _LIMITS
    ]
    for each in made:
        each["status"] = statuses.get(each["name"], "passed")
    return made


def _phase(name: str, seconds: float, p99_seconds: float | None, hit_ratio: float | None) -> dict[str, Any]:
    quantiles = {"p50": 0.00046, "p95": 0.0012, "p99": p99_seconds, "p999": 0.01234, "max": 0.0521}
    durations = {"response_seconds": quantiles, "service_seconds": dict(quantiles), "lag_seconds": dict(quantiles)}
    real = as_json(phase_document(PhaseFigures(name, 0.0, seconds, Tally(), Tally(), None), view().clock))
    return real | {
        "started_at": "2026-11-23T10:00:00.123Z",
        "duration_seconds": seconds,
        "queries_per_second": 9987.6,
        "events_per_second": 1001.2,
        "latency": {"queries": durations, "events": durations},
        "hit_ratio": hit_ratio,
        "failed": 17,
        "database_queries_per_second": 438.2,
    }


def document(status: str = "pass", **statuses: str) -> dict[str, Any]:
    """The document of a replicate; criteria are passed but for those named."""
    made = as_json(make_document(view()))
    made["servers"] = {
        "source": {"product": "redis", "version": "6.2.14", "address": "127.0.0.1:41001", **_UNHARMED},
        "target": {"product": "valkey", "version": "9.1.2", "address": "127.0.0.1:41002", **_UNHARMED},
        "database": {"product": "postgresql", "version": "18.6", "address": "127.0.0.1:41003"},
    }
    made["started"] = "20261123-100000"
    # Into what the real one has, so that nothing that it has is missing here.
    made["ledger"] |= {
        "counters": 5000,
        "unverified_counters": 4,
        "acknowledged": 75_012,
        "unknown": 21,
        "redirected": 33,
        "lost": 0,
        "lost_at_most": 21,
        "duplicated": 2,
        "duplicated_at_most": 2,
        "stranded": 5,
        "stranded_at_most": None,
        "worst": [
            {
                "key": "rehearsal:events:12:page_view:1795000",
                "organization": 12,
                "lost": 6,
                "duplicated": 7,
                "stranded": 8,
                "before": 1_001,
                "acknowledged": 202,
                "unknown": 3,
                "too_late": 9,
                "on_truth": 1_190,
            }
        ],
        "error": None,
    }
    made["migration"] = {
        "strategy": "replicate",
        "freeze": "client",
        "options": MigrationOptions(strategy="replicate").model_dump(mode="json"),
        "rollout_seconds": 0.0,
        "status": "done",
        "phase": "recovery",
        "reason": None,
        "application_on": {"reads": "target", "writes": "target", "confirmed": True},
        "freeze_seconds": 0.043,
        "return_freeze_seconds": None,
        "progress": None,
        "warnings": ["The target has 3 replicas of its own."],
        "steps": [
            {
                "name": "replicate",
                "started_at": "2026-11-23T10:00:15.123Z",
                "duration_seconds": 1.234,
                "status": "done",
                "detail": "the link to 127.0.0.1:41001 is up after a full synchronisation of 104,857,600 bytes",
            },
            {
                "name": "promote",
                "started_at": "2026-11-23T10:00:16.400Z",
                "duration_seconds": 0.002,
                "status": "done",
                "detail": "",
            },
        ],
    }
    made["phases"] = [
        _phase("baseline", 15.0, 0.00216, 0.951),
        _phase("prepare", 0.4, None, None),
        _phase("sync", 1.3, 0.0033, 0.9502),
        _phase("cutover", 0.1, 0.0474, 0.9431),
        _phase("recovery", 30.0, 0.00219, 0.9507),
    ]
    made["downtime"]["queries"] |= {"longest_seconds": 0.0123, "total_seconds": 0.0246}
    made["downtime"]["events"] |= {
        "longest_seconds": 0.0474,
        "total_seconds": 1.25,
        "longest_at_least_seconds": 0.0074,
    }
    made["downtime"]["sync_queries"] |= {"longest_seconds": 0.0, "total_seconds": 0.0}
    made["downtime"]["sync_events"] |= {"longest_seconds": 2.5, "total_seconds": 2.5, "unfinished": True}
    made["recovery"] |= {
        "seconds": 3.0,
        "at_least_seconds": 3.0,
        "at_most_seconds": 3.0,
        "measures": {
            "p50": 0.0,
            "p99": 3.0,
            "event_p99": 1.0,
            "misses": 2.0,
            "database_queries": 1.0,
            "failed": None,
        },
    }
    made["verdict"] = made["migration"]["verdict"] = {"status": status, "criteria": criteria(**statuses)}
    return made
