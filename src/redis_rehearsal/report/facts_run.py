"""More sections of a run's document: what it was run with, and what came of its load, with a migration or without one.

As in `facts`, whatever is not there is not measured, and never an error.
"""

from typing import Any, Final

from redis_rehearsal.document.load import Clocks, Outcomes
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.report.facts import (
    Section,
    Table,
    at_most,
    goes_on,
    is_rehearsal,
    ledger_table,
    migration_of,
    sections,
    server_line,
    tabled,
)
from redis_rehearsal.report.reading import (
    NONE,
    NOT_MEASURED,
    clock,
    count,
    duration,
    milliseconds,
    number,
    percent,
    words,
)

_SHOWN_WINDOWS: Final = 20
_LONGEST_VALUE: Final = 120
_OUTCOMES: Final = ("offered", "ok", "failed", "unknown", "shed", "in flight")


def report_sections(document: RunDocument) -> list[Section]:
    """All that a report says: what is read of a rehearsal, and what is only looked up.

    Of a run without a migration only what is there without one.
    """
    judged = sections(document) if is_rehearsal(document) else []
    more = [
        windows(document),
        load(document),
        latency(document),
        hit_ratio(document),
        database(document),
        *([] if judged else [ledger(document)]),
        accounts(document),
        structures(document),
        comparison(document),
        checks(document),
        failures(document),
        generator(document),
        servers(document),
        settings(document),
    ]
    return [*judged, *(section for section in more if section.blocks)]


def windows(document: RunDocument) -> Section:
    """When queries and events were down, the longest windows in the order in which they came."""
    rows: list[tuple[str, ...]] = []
    notes = []
    for kind, found in (("queries", document.downtime.queries), ("events", document.downtime.events)):
        listed = [each for each in found.windows or () if each.seconds is not None]
        longest = sorted(listed, key=lambda each: -(each.seconds or 0.0))[:_SHOWN_WINDOWS]
        rows += [(kind, clock(each.from_), duration(each.seconds)) for each in listed if each in longest]
        every = found.windows_found
        if every is not None and every > len(longest):
            notes.append(f"Of {count(every)} windows of {kind} these are the longest {len(longest)}.")
    if not rows:
        return Section("Windows of downtime", (), "windows")
    table = Table(tuple(rows), ("down", "from (UTC)", "for"), frozenset({0, 1}))
    return Section("Windows of downtime", (table, *notes), "windows")


def accounts(document: RunDocument) -> Section:
    """How the worst counters add up, by the letters of the ledger's formulas."""
    rows = []
    for each in document.ledger.worst:
        account = (each.before, each.acknowledged, each.unknown, each.too_late, each.on_truth)
        if any(figure is not None for figure in account):
            rows.append((words(each.key), *(count(figure, NONE) for figure in (each.organization, *account))))
    if not rows:
        return Section("How the worst counters add up", (), "accounts")
    headings = ("counter", "organisation", "B before", "A acknowledged", "U unknown", "S too late", "T on the truth")
    explained = (
        "B + A should be T, or up to B + A + U. What is missing is stranded as far as S, acknowledged by a server that "
        "was not the truth any more, explains it, and lost beyond; what is more is duplicated."
    )
    return Section(
        "How the worst counters add up", (*tabled(rows, headings, verbatim=frozenset({0})), explained), "accounts"
    )


def load(document: RunDocument) -> Section:
    """What became of all operations."""
    rows = [_outcomes("queries", document.totals.queries), _outcomes("events", document.totals.events)]
    return Section("Operations", tabled(rows, ("", *_OUTCOMES)), "load")


def _outcomes(kind: str, found: Outcomes) -> tuple[str, ...]:
    figures = (found.offered, found.ok, found.failed, found.unknown, found.shed, found.in_flight)
    return kind, *(count(each, NONE) for each in figures)


def latency(document: RunDocument) -> Section:
    """The three clocks of the whole measured load."""
    rows = [*_clocks("queries", document.latency.queries), *_clocks("events", document.latency.events)]
    headings = ("ms, of ok operations", "p50", "p95", "p99", "p99.9", "max")
    return Section("Latency of the whole load", tabled(rows, headings), "latency")


def _clocks(kind: str, found: Clocks) -> list[tuple[str, ...]]:
    clocks = (("response", found.response_seconds), ("service", found.service_seconds), ("lag", found.lag_seconds))
    return [
        (f"{kind}: {name}", *map(milliseconds, (each.p50, each.p95, each.p99, each.p999, each.max)))
        for name, each in clocks
    ]


def hit_ratio(document: RunDocument) -> Section:
    """What the cache answered."""
    cache = document.cache
    rows = [
        ("hit ratio", percent(cache.hit_ratio)),
        ("hits", count(cache.hits)),
        ("misses", count(cache.misses)),
    ]
    if is_rehearsal(document):
        lowest = document.impact.lowest_hit_ratio if document.impact else None
        rows.append(("lowest of a second after the baseline", percent(lowest)))
    return Section("Hit ratio", (Table(tuple(rows), ("of cacheable queries", "")),), "hit_ratio")


def database(document: RunDocument) -> Section:
    """What PostgreSQL was asked."""
    found = document.database
    rows = [
        ("reports asked during the load", count(found.queries)),
        ("of these failed", count(found.failed)),
        ("time of a report, p50", duration(found.query_seconds.p50)),
        ("time of a report, p99", duration(found.query_seconds.p99)),
    ]
    if is_rehearsal(document):
        highest = document.impact.highest_database_queries_per_second if document.impact else None
        rows.append(("most reports in a second after the baseline", count(highest)))
    rows += [
        ("event rows written", count(found.rows_written)),
        ("event rows dropped", count(found.rows_dropped)),
    ]
    return Section("Database load", (Table(tuple(rows), ("PostgreSQL", "")),), "database")


def ledger(document: RunDocument) -> Section:
    """The ledger of a run in which nothing was migrated."""
    error = words(document.ledger.error, "")
    notes = [f"The ledger could not be compared with the servers: {error}"] if error else []
    return Section("Ledger", (ledger_table(document.ledger, stranded=False), *notes), "ledger")


def structures(document: RunDocument) -> Section:
    """The live structures held against the servers."""
    rows = [
        (
            words(kind),
            count(each.structures, NONE),
            count(each.acknowledged, NONE),
            at_most(each.lost, each.lost_at_most),
            at_most(each.duplicated, each.duplicated_at_most),
            at_most(each.stranded, each.stranded_at_most),
            count(each.disordered, NONE),
        )
        for kind, each in document.ledger.structures.items()
    ]
    headings = ("live structure", "structures", "acknowledged", "lost", "duplicated", "stranded", "out of order")
    return Section("Live structures", tabled(rows, headings) if rows else (), "structures")


def _why_not_compared(document: RunDocument) -> str:
    migration = migration_of(document)
    status = migration.status
    if migration.options.get("compare") is False:
        return "it was not wanted (--no-compare)"
    strategy = STRATEGIES.get(migration.strategy or "")
    if strategy and not strategy.switches:
        return f"with {strategy.name} something else moves the data, and may go on moving it"
    if status == "running":
        return "the migration is under way" if goes_on(document) else "the run ended before the migration did"
    if status != "done":
        return f"the migration did not come to its end, but {words(status, 'to none that is known')}"
    if document.ledger.error:
        return "the ledger could not be held against the servers, without which nobody knows what may differ"
    return "the document does not say why"


def comparison(document: RunDocument) -> Section:
    """The two servers key by key."""
    if not is_rehearsal(document):
        return Section("Comparison of the two servers", (), "comparison")
    found = document.comparison
    if found is None:
        words_for_none = f"The servers were not compared: {_why_not_compared(document)}."
        return Section("Comparison of the two servers", (words_for_none,), "comparison")
    rows = [
        ("compared", count(found.keys_compared)),
        ("missing", count(found.missing)),
        ("extra", count(found.extra)),
        ("of another type", count(found.type)),
        ("of another value", count(found.value)),
        ("of another TTL", count(found.ttl)),
        ("different for a good reason", count(found.benign)),
        *((f"of these: {words(reason)}", count(each)) for reason, each in found.benign_reasons.items()),
        ("unexplained", count(found.unexplained)),
        ("kept changing on both, or took too long to read", count(found.unsettled)),
        ("differed, and evicted since", count(found.evicted)),
        ("changed on the server that was left", count(found.written_behind)),
        ("times to live apart", count(found.ttl_drift.count)),
        ("by how much, median", duration(found.ttl_drift.median_seconds, NONE)),
        ("by how much, largest", duration(found.ttl_drift.max_seconds, NONE)),
        ("things that the target cannot hold", count(found.not_carried, NONE)),
    ]
    notes = [words(each, "") for each in (found.error, found.unreadable, *found.notes)]
    table = Table(tuple(rows), ("keys", "count"))
    return Section("Comparison of the two servers", (table, *(note for note in notes if note)), "comparison")


def checks(document: RunDocument) -> Section:
    """What the checks of answers found while the load lasted."""
    found = document.checks
    rows = (
        ("reports checked", count(found.reports_checked)),
        ("wrong reports", count(found.wrong)),
        ("stale reports", count(found.stale)),
        ("resurrected reports", count(found.resurrected)),
        ("values in place of a report that never were one", count(found.misplaced)),
        ("counters checked", count(found.counters_checked)),
        ("counters read lower than what had been acknowledged", count(found.counter_regressions)),
    )
    return Section("Checks of answers", (Table(rows, ("seen live", "count")),), "checks")


def failures(document: RunDocument) -> Section:
    """Why operations were not ok."""
    rows = [
        (kind, words(reason), count(each))
        for kind, found in (("queries", document.failures.queries), ("events", document.failures.events))
        for reason, each in found.items()
    ]
    if not rows:
        return Section("Failures", (), "failures")
    return Section("Failures", tabled(rows, ("", "reason", "count"), left=frozenset({0, 1})), "failures")


def generator(document: RunDocument) -> Section:
    """Whether the generator itself was the bottleneck."""
    found = document.generator
    rows = (
        ("CPU of the busiest worker", percent(found.cpu_ratio)),
        ("saturated", NOT_MEASURED if found.saturated is None else "yes" if found.saturated else "no"),
        ("saturated seconds", count(found.saturated_seconds)),
        ("delay of its wake-ups, p99", duration(found.tick_delay_seconds.p99)),
        ("workers lost", count(found.workers_lost)),
    )
    return Section("Generator", (Table(rows, ("load generator", "")),), "generator")


def servers(document: RunDocument) -> Section:
    """What was moved, and where it is."""
    found = document.servers
    every = (("source", found.source), ("target", found.target), ("database", found.database))
    rows = tuple((role, server_line(server, role, address=True)) for role, server in every)
    return Section("Servers", (Table(rows),), "servers")


def settings(document: RunDocument) -> Section:
    """Every setting, in the order of the document."""
    rows = [(words(name), _setting(value)) for name, value in document.settings.items()]
    # As code, since a setting is given by exactly this name.
    table = Table(tuple(rows), ("setting", "value"), frozenset({0, 1}), frozenset({0}))
    return Section("Settings", (table,) if rows else (), "settings")


def _setting(value: Any) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = words(value, NONE)
        return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"
    found = number(value)
    return NOT_MEASURED if found is None else f"{found:.12g}"
