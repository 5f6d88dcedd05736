"""The dashboard of a migration: the verdict, what happened when, and what it cost."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.strategies import listed
from redis_rehearsal.web.metrics.catalogue.migration import MIGRATION_STATUSES, UNTOLD
from tools.dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    HIT_RATIO,
    ORANGE,
    RED,
    WINDOW,
    YELLOW,
    Mapped,
    bars,
    dashboard,
    figure,
    last,
    numbered,
    quantiles,
    rate,
    series,
    states,
)

_VERDICTS: Final[Mapped] = {1: ("pass", GREEN), 2: ("fail", RED), 3: ("unknown", YELLOW)}
_STATUSES: Final[Mapped] = {1: ("running", BLUE), 2: ("done", GREEN), 3: ("failed", RED), 4: ("rolled-back", ORANGE)}
_PHASE_COLORS: Final = {
    Phase.SYNC: BLUE,
    Phase.CUTOVER: RED,
    Phase.RECOVERY: YELLOW,
    Phase.DONE: GREEN,
    Phase.FAILED: RED,
    Phase.ROLLED_BACK: ORANGE,
}
_PHASES: Final[Mapped] = {place: (str(phase), _PHASE_COLORS.get(phase, GREY)) for place, phase in enumerate(Phase, 1)}
_LONGEST: Final = 'rehearsal_downtime_seconds{measure="longest"}'
_ROUTES: Final[Mapped] = {
    0: ("not held", GREY),
    1: ("source", BLUE),
    2: ("target", GREEN),
    3: ("both", YELLOW),
    4: ("held", RED),
}


def _route(operation: str) -> str:
    source, target = (f'max(rehearsal_route{{operation="{operation}",server="{at}"}})' for at in ("source", "target"))
    return f"{source} + 2 * {target}"


def _findings(bound: str) -> str:
    selector = f'rehearsal_ledger_findings{{bound="{bound}"}}'
    return f"sum by (finding) ({last(selector)})"


_OUTCOME: Final = (
    figure(
        "Verdict",
        "Pass, fail or unknown on the latest migration; known once it has ended and the ledger was compared.",
        "short",
        (numbered("rehearsal_verdict", "status", ("pass", "fail", "unknown"), last), "verdict"),
        mapped=_VERDICTS,
    ),
    figure(
        "Status",
        "What became of the latest migration.",
        "short",
        (numbered("rehearsal_migration_status", "status", MIGRATION_STATUSES, last), "status"),
        mapped=_STATUSES,
    ),
    figure(
        "Writes lost, duplicated, stranded",
        "What the ledger proves; known after the migration.",
        "short",
        (_findings("least"), "{{finding}}"),
        width=8,
    ),
    figure(
        "The same at most",
        "With every write counted whose outcome is unknown.",
        "short",
        (_findings("at_most"), "{{finding}}"),
        width=8,
    ),
    figure(
        "Freeze",
        "How long writes were held.",
        "s",
        (f"max by (way) ({last('rehearsal_freeze_seconds')})", "{{way}}"),
        width=6,
    ),
    figure(
        "Longest downtime",
        "Longest time between ok operations while something was due, beyond the gaps of the baseline.",
        "s",
        (f"max by (kind) ({last(_LONGEST)})", "{{kind}}"),
        width=6,
    ),
    figure(
        "Recovery",
        "From the cutover until all measures were as in the baseline again.",
        "s",
        (f"max({last('rehearsal_recovery_seconds')})", "recovery"),
        width=6,
    ),
    figure(
        "Carried to the target",
        f"Share of the keys, or of the bytes of a synchronisation; {listed(UNTOLD)} do not know it.",
        "percentunit",
        (f"max({last('rehearsal_migration_progress_ratio')})", "carried"),
        width=6,
    ),
)
_TIMELINE: Final = (
    states(
        "Phases",
        "The phase at each moment; the lines in the other panels are where phases began.",
        _PHASES,
        (numbered("rehearsal_phase", "phase", [str(phase) for phase in Phase]), "phase"),
        height=4,
    ),
    states(
        "Route and freeze",
        "Where reads and writes go, and whether the application holds its writes.",
        _ROUTES,
        (_route("reads"), "reads"),
        (_route("writes"), "writes"),
        ("4 * max(rehearsal_frozen)", "freeze"),
        height=6,
    ),
)
_UNDER_IT: Final = (
    series(
        "Response time of queries",
        "Intended start to reply, of ok queries: what users feel.",
        "s",
        *quantiles("rehearsal_queries_response_seconds"),
        width=12,
    ),
    series(
        "Response time of events",
        "Intended start to reply, of ok events: a freeze shows here.",
        "s",
        *quantiles("rehearsal_events_response_seconds"),
        width=12,
    ),
    series(
        "Throughput",
        "Ok queries and events a second.",
        "ops",
        (rate('rehearsal_queries_total{outcome="ok"}'), "queries"),
        (rate('rehearsal_events_total{outcome="ok"}'), "events"),
    ),
    series(
        "Not ok",
        "Operations a second that failed, whose outcome is unknown, or that the generator shed.",
        "ops",
        (rate('rehearsal_queries_total{outcome!="ok"}', "outcome"), "queries {{outcome}}"),
        (rate('rehearsal_events_total{outcome!="ok"}', "outcome"), "events {{outcome}}"),
    ),
    series(
        "Hit ratio",
        "Share of cacheable queries whose report was in the cache: what a cold target costs.",
        "percentunit",
        (HIT_RATIO, "hit ratio"),
        most=1,
    ),
    series(
        "Answered by server",
        "Operations of the load a second, by the server that answered them.",
        "ops",
        (rate("rehearsal_redis_operation_seconds_count", "server"), "{{server}}"),
    ),
    series(
        "Load on the database",
        "Reports asked of PostgreSQL a second: what misses cause.",
        "ops",
        (rate("rehearsal_database_queries_total"), "queries"),
    ),
    series(
        "Replication lag",
        "Writes that a server has not taken yet of the one that it follows; there while it follows it.",
        "bytes",
        ("max by (server) (rehearsal_replication_lag_bytes)", "{{server}}"),
    ),
)
_EVIDENCE: Final = (
    series(
        "Keys",
        "Keys in the run's database on source and target.",
        "short",
        ("max by (server) (rehearsal_redis_keys)", "{{server}}"),
    ),
    bars(
        "Comparison",
        "Keys of the two servers: compared, different for a good reason (benign), and different for none.",
        "short",
        (f"max by (result) ({last('rehearsal_comparison_keys')})", "{{result}}"),
    ),
    bars(
        "Criteria",
        "How many criteria of the verdict passed, failed, or could not be measured; run.json has each.",
        "short",
        (f"count by (status) ({last('rehearsal_criterion')} == 1)", "{{status}}"),
    ),
    series(
        "Wrong answers",
        "Reports and counters that a check found wrong while the load ran; a counter regression is a lost write.",
        "ops",
        (f"sum by (finding) (rate(rehearsal_checks_failed_total[{WINDOW}]))", "{{finding}}"),
        width=12,
    ),
    bars(
        "Acknowledged writes",
        "Increments by the ledger: acknowledged, and of unknown outcome; known after the migration.",
        "short",
        (f"max by (account) ({last('rehearsal_ledger_writes')})", "{{account}}"),
        width=12,
    ),
)


def migration() -> Dashboard:
    """The dashboard."""
    return dashboard(
        "Migration",
        "rehearsal-migration",
        "One rehearsed migration: its verdict, what happened when, and what it cost.",
        (("Outcome", _OUTCOME), ("Timeline", _TIMELINE), ("Under it", _UNDER_IT), ("Evidence", _EVIDENCE)),
    )
