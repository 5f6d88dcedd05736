"""The metrics of what the load saw."""

from typing import Final

from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.web.metrics.catalogue.entry import KINDS, OTHERS, Entry, Group

KNOWN_REASONS: Final = ("no connection", "connection lost", "database", "database timeout")
"""Reasons for failures that are there from the beginning, so that an increase of the first one is seen too."""
ERROR_CODES: Final = (
    *("BUSY", "CLUSTERDOWN", "ERR", "LOADING", "MASTERDOWN", "MISCONF"),
    *("MOVED", "NOPERM", "NOREPLICAS", "OOM", "READONLY", "WRONGTYPE"),
)
"""Of servers; any other is counted with the others, so that no server makes the list longer."""
CACHE_WRITES: Final = (
    *("store_ok", "store_failed", "store_unknown", "store_frozen", "store_overtaken"),
    *("invalidation_ok", "invalidation_failed", "invalidation_unknown", "invalidation_redirected"),
    *("mirror_ok", "mirror_failed", "mirror_unknown", "expiry_failed"),
)
_OUTCOMES: Final = {"outcome": tuple(outcome.name.lower() for outcome in Outcome)}

ENTRIES: Final = (
    Entry("rehearsal_queries", "counter", Group.PERFORMANCE, "Queries that ended, by outcome.", _OUTCOMES),
    Entry("rehearsal_queries_offered", "counter", Group.PERFORMANCE, "Queries that were due."),
    Entry("rehearsal_events", "counter", Group.PERFORMANCE, "Events that ended, by outcome.", _OUTCOMES),
    Entry("rehearsal_events_offered", "counter", Group.PERFORMANCE, "Events that were due."),
    *(
        Entry(
            f"rehearsal_{kind}_{clock}_seconds",
            "histogram",
            Group.PERFORMANCE,
            f"{meaning}, of ok {kind}.",
            unit="seconds",
        )
        for kind in KINDS["kind"]
        for clock, meaning in (
            ("response", "Intended start to reply"),
            ("service", "Write to reply"),
            ("lag", "Intended start to write"),
        )
    ),
    Entry(
        "rehearsal_requested_rate",
        "gauge",
        Group.PERFORMANCE,
        "Queries and events a second that are asked for now.",
        KINDS,
        "per second",
    ),
    Entry("rehearsal_in_flight", "gauge", Group.PERFORMANCE, "Operations sent or waiting, not answered.", KINDS),
    Entry(
        "rehearsal_redis_connections",
        "gauge",
        Group.PERFORMANCE,
        "Connections of the load to Redis; fewer usable than wanted means that some are gone.",
        {"state": ("usable", "wanted")},
    ),
    Entry("rehearsal_cache_hits", "counter", Group.PERFORMANCE, "Queries whose report was in the cache."),
    Entry("rehearsal_cache_misses", "counter", Group.PERFORMANCE, "Queries whose report was not in the cache."),
    Entry(
        "rehearsal_cache_writes",
        "counter",
        Group.PERFORMANCE,
        "Reports stored and invalidated, by what became of it.",
        {"result": CACHE_WRITES},
    ),
    Entry(
        "rehearsal_failures",
        "counter",
        Group.PERFORMANCE,
        "Operations that were not ok, by reason.",
        {"reason": (*KNOWN_REASONS, *ERROR_CODES, OTHERS)},
    ),
    Entry(
        "rehearsal_redirected_events",
        "counter",
        Group.PERFORMANCE,
        "Events that a server refused and that were sent again.",
    ),
    Entry("rehearsal_reports_checked", "counter", Group.PERFORMANCE, "Hits whose report was checked."),
    Entry(
        "rehearsal_checks_failed",
        "counter",
        Group.PERFORMANCE,
        "Answers that a check found wrong, by finding.",
        {"finding": ("wrong", "stale", "resurrected", "counter_regression")},
    ),
    Entry("rehearsal_database_queries", "counter", Group.PERFORMANCE, "Reports asked of PostgreSQL."),
    Entry("rehearsal_database_query_failures", "counter", Group.PERFORMANCE, "Of those, failed ones."),
    Entry(
        "rehearsal_database_query_seconds",
        "histogram",
        Group.PERFORMANCE,
        "Duration of a report in PostgreSQL, the wait for a connection included.",
        unit="seconds",
    ),
    Entry("rehearsal_database_rows_written", "counter", Group.PERFORMANCE, "Event rows committed."),
    Entry("rehearsal_database_rows_dropped", "counter", Group.PERFORMANCE, "Event rows given up."),
    Entry("rehearsal_database_rows_waiting", "gauge", Group.PERFORMANCE, "Event rows that wait to be written."),
)
