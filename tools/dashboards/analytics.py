"""The dashboard of the analytics platform: what its users, its cache and its owner see."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from tools.dashboards.panels import HIT_RATIO, dashboard, figure, quantiles, rate, series

_COMMAND_SECONDS: Final = (
    f"{rate('rehearsal_redis_command_seconds_total', 'server, command')} "
    f"/ ({rate('rehearsal_redis_command_calls_total', 'server, command')} > 0)"
)
_PERFORMANCE: Final = (
    series(
        "Response time of queries",
        "Intended start to reply, of ok queries.",
        "s",
        *quantiles("rehearsal_queries_response_seconds"),
    ),
    series(
        "Service time of queries",
        "Write to reply, of ok queries: without the wait for their turn.",
        "s",
        *quantiles("rehearsal_queries_service_seconds"),
    ),
    series(
        "Response time of events",
        "Intended start to reply, of ok events.",
        "s",
        *quantiles("rehearsal_events_response_seconds"),
    ),
    series(
        "Queries a second",
        "Offered, ok, and asked for.",
        "ops",
        (rate("rehearsal_queries_offered_total"), "offered"),
        (rate('rehearsal_queries_total{outcome="ok"}'), "ok"),
        ('max(rehearsal_requested_rate{kind="queries"})', "asked for"),
    ),
    series(
        "Events a second",
        "Offered, ok, and asked for.",
        "ops",
        (rate("rehearsal_events_offered_total"), "offered"),
        (rate('rehearsal_events_total{outcome="ok"}'), "ok"),
        ('max(rehearsal_requested_rate{kind="events"})', "asked for"),
    ),
    series(
        "Failures by reason",
        "Operations a second that were not ok, by reason.",
        "ops",
        (rate("rehearsal_failures_total", "reason"), "{{reason}}"),
    ),
    series(
        "In flight",
        "Operations sent or waiting, not answered.",
        "short",
        ("sum by (kind) (rehearsal_in_flight)", "{{kind}}"),
    ),
    series(
        "Use of connections",
        "Connections of the load to Redis: usable, and wanted.",
        "short",
        ("sum by (state) (rehearsal_redis_connections)", "{{state}}"),
    ),
    series(
        "Redirected events",
        "Events a second that a server refused and that were sent again on the current route.",
        "ops",
        (rate("rehearsal_redirected_events_total"), "redirected"),
    ),
)
_CACHE: Final = (
    series(
        "Hit ratio",
        "Share of cacheable queries whose report was in the cache.",
        "percentunit",
        (HIT_RATIO, "hit ratio"),
        most=1,
    ),
    series(
        "Hits and misses",
        "Cacheable queries a second.",
        "ops",
        (rate("rehearsal_cache_hits_total"), "hits"),
        (rate("rehearsal_cache_misses_total"), "misses"),
    ),
    series(
        "Cache writes",
        "Reports stored and invalidated a second, by what became of it.",
        "ops",
        (rate("rehearsal_cache_writes_total", "result"), "{{result}}"),
    ),
    series(
        "p99 of Redis by operation",
        "Write to reply of what the load asked, by server and purpose.",
        "s",
        (quantiles("rehearsal_redis_operation_seconds", by="server, operation, ")[2][0], "{{server}} {{operation}}"),
        width=12,
    ),
    series(
        "Mean time of Redis by command",
        "Time that a server spends on a command, without the way there and back (INFO commandstats).",
        "s",
        (
            _COMMAND_SECONDS,
            "{{server}} {{command}}",
        ),
        width=12,
    ),
    series(
        "Commands by server",
        "Commands a second that a server ran, whoever sent them.",
        "ops",
        (rate("rehearsal_redis_command_calls_total", "server"), "{{server}}"),
    ),
    series(
        "Duration of database queries",
        "Reports asked of PostgreSQL, the wait for a connection included.",
        "s",
        *quantiles("rehearsal_database_query_seconds"),
    ),
    series(
        "Database queries",
        "Reports asked of PostgreSQL a second, and failed ones.",
        "ops",
        (rate("rehearsal_database_queries_total"), "asked"),
        (rate("rehearsal_database_query_failures_total"), "failed"),
    ),
)
_BUSINESS: Final = (
    figure(
        "Active organisations",
        "With an event in the last 60 s.",
        "short",
        ("max(rehearsal_active_organizations)", "organisations"),
        width=6,
    ),
    figure(
        "Conversion rate",
        "Conversions by page view, over the last 10 s.",
        "percentunit",
        ("max(rehearsal_conversion_ratio)", "conversion"),
        width=6,
    ),
    figure(
        "Engagement",
        "Clicks by page view, over the last 10 s.",
        "percentunit",
        ("max(rehearsal_engagement_ratio)", "engagement"),
        width=6,
    ),
    figure(
        "Events by organisation",
        "Events a second by active organisation, over the last 10 s.",
        "ops",
        ("max(rehearsal_organization_event_rate)", "events"),
        width=6,
    ),
    series(
        "Events by type",
        "Events a second that were due, by type.",
        "ops",
        (rate("rehearsal_events_by_type_total", "type"), "{{type}}"),
        width=12,
    ),
    series(
        "Conversion rate and engagement",
        "Conversions and clicks by page view, over the last 10 s.",
        "percentunit",
        ("max(rehearsal_conversion_ratio)", "conversions"),
        ("max(rehearsal_engagement_ratio)", "clicks"),
        width=12,
    ),
)


def analytics() -> Dashboard:
    """The dashboard."""
    return dashboard(
        "Analytics",
        "rehearsal-analytics",
        "The analytics platform under load: latency, throughput, cache, Redis, and its business.",
        (("Performance", _PERFORMANCE), ("Cache, Redis and database", _CACHE), ("Business", _BUSINESS)),
    )
