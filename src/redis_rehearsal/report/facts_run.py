"""More sections of a run's document: what it was run with, and what came of its load, with a migration or without one.

As in `facts`, whatever is not there is not measured, and never an error.
"""

from typing import Any, Final

from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.report.facts import Section, Table, at_most, goes_on, is_rehearsal, sections, server_line, tabled
from redis_rehearsal.report.reading import (
    NONE,
    NOT_MEASURED,
    clock,
    count,
    duration,
    milliseconds,
    number,
    part,
    parts,
    percent,
    words,
)

_KINDS: Final = ("queries", "events")
_SHOWN_WINDOWS: Final = 20
_LONGEST_VALUE: Final = 120
_OUTCOMES: Final = ("offered", "ok", "failed", "unknown", "shed", "in_flight")
_DIFFERENCES: Final = {
    "missing": "missing",
    "extra": "extra",
    "type": "of another type",
    "value": "of another value",
    "ttl": "of another TTL",
}
_CHECKS: Final = {
    "reports_checked": "reports checked",
    "wrong": "wrong reports",
    "stale": "stale reports",
    "resurrected": "resurrected reports",
    "misplaced": "values in place of a report that never were one",
    "counters_checked": "counters checked",
    "counter_regressions": "counters read lower than what had been acknowledged",
}


def report_sections(document: object) -> list[Section]:
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


def windows(document: object) -> Section:
    """When queries and events were down, the longest windows in the order in which they came."""
    rows: list[tuple[str, ...]] = []
    notes = []
    for kind in _KINDS:
        found = part(document, "downtime", kind)
        listed = [each for each in parts(found, "windows") if number(each.get("seconds")) is not None]
        longest = sorted(listed, key=lambda each: -(number(each["seconds"]) or 0.0))[:_SHOWN_WINDOWS]
        rows += [(kind, clock(each.get("from")), duration(each["seconds"])) for each in listed if each in longest]
        every = number(found.get("windows_found"))
        if every is not None and every > len(longest):
            notes.append(f"Of {count(every)} windows of {kind} these are the longest {len(longest)}.")
    if not rows:
        return Section("Windows of downtime", (), "windows")
    table = Table(tuple(rows), ("down", "from (UTC)", "for"), frozenset({0, 1}))
    return Section("Windows of downtime", (table, *notes), "windows")


def accounts(document: object) -> Section:
    """How the worst counters add up, by the letters of the ledger's formulas."""
    names = ("before", "acknowledged", "unknown", "too_late", "on_truth")
    rows = [
        (words(each.get("key")), *(count(each.get(name), NONE) for name in ("organization", *names)))
        for each in parts(part(document, "ledger"), "worst")
        if any(number(each.get(name)) is not None for name in names)
    ]
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


def load(document: object) -> Section:
    """What became of all operations."""
    totals = part(document, "totals")
    rows = [(kind, *(count(part(totals, kind).get(name), NONE) for name in _OUTCOMES)) for kind in _KINDS]
    headings = ("", *(name.replace("_", " ") for name in _OUTCOMES))
    return Section("Operations", tabled(rows, headings), "load")


def latency(document: object) -> Section:
    """The three clocks of the whole measured load."""
    rows = []
    for kind in _KINDS:
        for name in ("response", "service", "lag"):
            found = part(document, "latency", kind, f"{name}_seconds")
            quantiles = (milliseconds(found.get(each)) for each in ("p50", "p95", "p99", "p999", "max"))
            rows.append((f"{kind}: {name}", *quantiles))
    headings = ("ms, of ok operations", "p50", "p95", "p99", "p99.9", "max")
    return Section("Latency of the whole load", tabled(rows, headings), "latency")


def hit_ratio(document: object) -> Section:
    """What the cache answered."""
    cache = part(document, "cache")
    rows = [
        ("hit ratio", percent(cache.get("hit_ratio"))),
        ("hits", count(cache.get("hits"))),
        ("misses", count(cache.get("misses"))),
    ]
    if is_rehearsal(document):
        lowest = part(document, "impact").get("lowest_hit_ratio")
        rows.append(("lowest of a second after the baseline", percent(lowest)))
    return Section("Hit ratio", (Table(tuple(rows), ("of cacheable queries", "")),), "hit_ratio")


def database(document: object) -> Section:
    """What PostgreSQL was asked."""
    found = part(document, "database")
    seconds = part(found, "query_seconds")
    rows = [
        ("reports asked during the load", count(found.get("queries"))),
        ("of these failed", count(found.get("failed"))),
        ("time of a report, p50", duration(seconds.get("p50"))),
        ("time of a report, p99", duration(seconds.get("p99"))),
    ]
    if is_rehearsal(document):
        highest = part(document, "impact").get("highest_database_queries_per_second")
        rows.append(("most reports in a second after the baseline", count(highest)))
    rows += [
        ("event rows written", count(found.get("rows_written"))),
        ("event rows dropped", count(found.get("rows_dropped"))),
    ]
    return Section("Database load", (Table(tuple(rows), ("PostgreSQL", "")),), "database")


def ledger(document: object) -> Section:
    """The ledger of a run in which nothing was migrated."""
    found = part(document, "ledger")
    rows = [(name, count(found.get(name))) for name in ("acknowledged", "unknown", "redirected")]
    rows += [(name, at_most(found.get(name), found.get(f"{name}_at_most"))) for name in ("lost", "duplicated")]
    error = words(found.get("error"), "")
    notes = [f"The ledger could not be compared with the servers: {error}"] if error else []
    return Section("Ledger", (Table(tuple(rows), ("increments", "count")), *notes), "ledger")


def structures(document: object) -> Section:
    """The live structures held against the servers."""
    found = part(document, "ledger", "structures")
    names = ("lost", "duplicated", "stranded")
    rows = []
    for kind in found:
        each = part(found, kind)
        bounds = (at_most(each.get(name), each.get(f"{name}_at_most")) for name in names)
        counted = (count(each.get(name), NONE) for name in ("structures", "acknowledged"))
        rows.append((words(kind), *counted, *bounds, count(each.get("disordered"), NONE)))
    headings = ("live structure", "structures", "acknowledged", *names, "out of order")
    return Section("Live structures", tabled(rows, headings) if rows else (), "structures")


def _why_not_compared(document: object) -> str:
    migration = part(document, "migration")
    options = part(migration, "options")
    status = migration.get("status")
    if options.get("compare") is False:
        return "it was not wanted (--no-compare)"
    strategy = STRATEGIES.get(words(migration.get("strategy")))
    if strategy and not strategy.switches:
        return f"with {strategy.name} something else moves the data, and may go on moving it"
    if status == "running":
        return "the migration is under way" if goes_on(document) else "the run ended before the migration did"
    if status != "done":
        return f"the migration did not come to its end, but {words(status, 'to none that is known')}"
    if part(document, "ledger").get("error"):
        return "the ledger could not be held against the servers, without which nobody knows what may differ"
    return "the document does not say why"


def comparison(document: object) -> Section:
    """The two servers key by key."""
    if not is_rehearsal(document):
        return Section("Comparison of the two servers", (), "comparison")
    found, drift = part(document, "comparison"), part(document, "comparison", "ttl_drift")
    if not found:
        words_for_none = f"The servers were not compared: {_why_not_compared(document)}."
        return Section("Comparison of the two servers", (words_for_none,), "comparison")
    rows = [
        ("compared", count(found.get("keys_compared"))),
        *((shown, count(found.get(name))) for name, shown in _DIFFERENCES.items()),
        ("different for a good reason", count(found.get("benign"))),
        *((f"of these: {words(reason)}", count(each)) for reason, each in part(found, "benign_reasons").items()),
        ("unexplained", count(found.get("unexplained"))),
        ("kept changing on both, or took too long to read", count(found.get("unsettled"))),
        ("differed, and evicted since", count(found.get("evicted"))),
        ("changed on the server that was left", count(found.get("written_behind"))),
        ("times to live apart", count(drift.get("count"))),
        ("by how much, median", duration(drift.get("median_seconds"), NONE)),
        ("by how much, largest", duration(drift.get("max_seconds"), NONE)),
        ("things that the target cannot hold", count(found.get("not_carried"), NONE)),
    ]
    told = found.get("notes")
    notes = [words(found.get(name), "") for name in ("error", "unreadable")]
    notes += [words(each, "") for each in told] if isinstance(told, list) else []
    table = Table(tuple(rows), ("keys", "count"))
    return Section("Comparison of the two servers", (table, *(note for note in notes if note)), "comparison")


def checks(document: object) -> Section:
    """What the checks of answers found while the load lasted."""
    found = part(document, "checks")
    rows = [(shown, count(found.get(name))) for name, shown in _CHECKS.items()]
    return Section("Checks of answers", (Table(tuple(rows), ("seen live", "count")),), "checks")


def failures(document: object) -> Section:
    """Why operations were not ok."""
    rows = [
        (kind, words(reason), count(each))
        for kind in _KINDS
        for reason, each in part(document, "failures", kind).items()
    ]
    if not rows:
        return Section("Failures", (), "failures")
    return Section("Failures", tabled(rows, ("", "reason", "count"), left=frozenset({0, 1})), "failures")


def generator(document: object) -> Section:
    """Whether the generator itself was the bottleneck."""
    found = part(document, "generator")
    saturated = found.get("saturated")
    rows = (
        ("CPU of the busiest worker", percent(found.get("cpu_ratio"))),
        ("saturated", {True: "yes", False: "no"}[saturated] if isinstance(saturated, bool) else NOT_MEASURED),
        ("saturated seconds", count(found.get("saturated_seconds"))),
        ("delay of its wake-ups, p99", duration(part(found, "tick_delay_seconds").get("p99"))),
        ("workers lost", count(found.get("workers_lost"))),
    )
    return Section("Generator", (Table(rows, ("load generator", "")),), "generator")


def servers(document: object) -> Section:
    """What was moved, and where it is."""
    rows = [(role, server_line(document, role, address=True)) for role in ("source", "target", "database")]
    return Section("Servers", (Table(tuple(rows)),), "servers")


def settings(document: object) -> Section:
    """Every setting, in the order of the document."""
    rows = [(words(name), _setting(value)) for name, value in part(document, "settings").items()]
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
