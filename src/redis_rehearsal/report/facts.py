"""The parts of a run's document made ready to be read: one set of sections for every format.

A document may be of a run that broke, or be damaged: whatever is not there is not measured, and never an error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from redis_rehearsal.report.advice import GENERATOR, Seen, advise, causes_of
from redis_rehearsal.report.judgement import criterion_status, limit_and_measured, verdict_sentence, verdict_status
from redis_rehearsal.report.reading import (
    NONE,
    NOT_MEASURED,
    between,
    clock,
    count,
    duration,
    figure,
    milliseconds,
    number,
    part,
    parts,
    words,
)

_NONE_NOTE: Final = f"{NONE} stands for {NOT_MEASURED}."


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.

    Attributes:
        rows: as many cells each as there are headings; without headings two, a name and what is said of it.
        headings: of the columns.
        left: numbers of the columns that hold words; the others hold figures.
        verbatim: numbers of the columns that hold names of keys, in which no format may see markup.
    """

    rows: tuple[tuple[str, ...], ...]
    headings: tuple[str, ...] = ()
    left: frozenset[int] = frozenset({0})
    verbatim: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it: sentences and tables.

    Attributes:
        title: the heading.
        blocks: sentences and tables.
        name: of the section, where a format puts it in another place than the others do.
    """

    title: str
    blocks: tuple[str | Table, ...]
    name: str = ""


def is_rehearsal(document: object) -> bool:
    """Whether a document is of a run in which something was migrated."""
    return bool(part(document, "migration") or part(document, "verdict"))


def goes_on(document: object) -> bool:
    """Whether the run had not ended when its document was made, so that more of it came later."""
    return part(document).get("stage") in ("running", "finishing")


def title(document: object) -> str:
    """What was rehearsed, in one line."""
    return f"Rehearsal of {_strategy(document)}: {server_line(document, 'source')} to {server_line(document, 'target')}"


def sections(document: object) -> list[Section]:
    """All that a finished rehearsal's document says, in the order in which it is read."""
    made = [
        _done(document),
        Section(f"Verdict: {verdict_status(document).upper()}", (verdict_sentence(document),), "verdict"),
        _warnings(document),
        _annotations(document),
        _phases(document),
        _downtime(document),
        _recovery(document),
        *_ledger(document),
        _criteria(document),
        _steps(document),
        _advice(document),
    ]
    return [section for section in made if section.blocks]


def at_most(lower: object, upper: object) -> str:
    """A figure of the ledger, and the most that it can be where that differs."""
    shown = count(lower)
    if number(upper) is None:
        return shown if number(lower) is None else f"{shown} (at most: {NOT_MEASURED})"
    return shown if lower == upper else f"{shown} (at most {count(upper)})"


def _strategy(document: object) -> str:
    return words(part(document, "migration").get("strategy"), f"a strategy that was {NOT_MEASURED}")


def server_line(document: object, role: str, *, address: bool = False) -> str:
    """A server's product and version, and where it is if that is asked."""
    server = part(document, "servers", role)
    if not server:
        return f"{role} {NOT_MEASURED}"
    shown = f"{words(server.get('product'))} {words(server.get('version'), '')}".strip()
    return f"{shown} at {words(server.get('address'))}" if address else shown


def _done(document: object) -> Section:
    migration = part(document, "migration")
    application = part(migration, "application_on")
    rollout = number(migration.get("rollout_seconds"))
    ended = f"{words(migration.get('status'))}, in phase {words(migration.get('phase'))}"
    reason = words(migration.get("reason"), "")
    rows = (
        ("run", words(part(document).get("started"))),
        ("strategy", words(migration.get("strategy"))),
        ("freeze", _freeze(migration)),
        ("rollout", "at once" if rollout == 0 else duration(rollout)),
        ("source", server_line(document, "source", address=True)),
        ("target", server_line(document, "target", address=True)),
        ("load", _load(document)),
        ("migration", f"{ended}: {reason}" if reason else ended),
        ("application", _application(application)),
    )
    return Section("What was done", (Table(rows),), "done")


def _application(on: dict[str, Any]) -> str:
    said = f"reads from {words(on.get('reads'))}, writes to {words(on.get('writes'))}"
    return (
        f"{said}; not every worker confirmed it, so that some may be elsewhere"
        if on.get("confirmed") is False
        else said
    )


def _freeze(migration: dict[str, Any]) -> str:
    kind, held = words(migration.get("freeze")), number(migration.get("freeze_seconds"))
    if kind == "none" and held is None:
        return kind
    back = number(migration.get("return_freeze_seconds"))
    again = "" if back is None else f", and for {duration(back)} on the way back"
    return f"{kind}; writes were held for {duration(held)}{again}"


def _load(document: object) -> str:
    settings, rates = part(document, "settings"), part(document, "rates")
    return (
        f"{count(settings.get('queries_per_second'))} queries/s and "
        f"{count(settings.get('events_per_second'))} events/s asked for; "
        f"{figure(rates.get('queries_per_second'))} and {figure(rates.get('events_per_second'))} ok, "
        f"over {duration(part(document).get('duration_seconds'))}"
    )


def _warnings(document: object) -> Section:
    warnings = []
    if goes_on(document):
        warnings.append("The run still went on when this was written: its figures are those until then.")
    elif part(document).get("complete") is False:
        warnings.append("The run is not complete: a worker ended by itself, or the ledger was never compared.")
    if _saturated(document):
        warnings.append("The generator itself was the bottleneck: do not trust these latencies.")
    for name, why in part(document, "unwritten").items():
        warnings.append(f"{words(name)} could not be written to its end: {words(why)}.")
    # What makes all figures doubtful stands first.
    found = part(document, "migration").get("warnings")
    warnings += [words(each) for each in found] if isinstance(found, list) else []
    return Section("Warnings", tuple(warnings), "warnings")


def _annotations(document: object) -> Section:
    """What happened to servers without anybody's doing."""
    rows = [
        (clock(each.get("started_at")), words(each.get("server"), NONE), words(each.get("detail"), NONE))
        for each in parts(document, "annotations")
    ]
    table = Table(tuple(rows), ("at (UTC)", "server", "what happened"), frozenset({0, 1, 2}))
    return Section("What happened to the servers of itself", (table,) if rows else (), "annotations")


def _saturated(document: object) -> bool:
    """Whether the generator was the bottleneck in what was judged; where nothing was, in all of the load."""
    judged = part(document, "impact").get("generator_saturated")
    return judged if isinstance(judged, bool) else part(document, "generator").get("saturated") is True


def _phases(document: object) -> Section:
    rows = []
    for phase in parts(document, "phases"):
        response = part(phase, "latency", "queries", "response_seconds")
        hit_ratio = number(phase.get("hit_ratio"))
        rows.append(
            (
                words(phase.get("name"), NONE),
                figure(phase.get("duration_seconds"), NONE),
                figure(phase.get("queries_per_second"), NONE),
                *(milliseconds(response.get(quantile)) for quantile in ("p50", "p99", "p999")),
                NONE if hit_ratio is None else f"{hit_ratio * 100:.2f}",
                count(phase.get("failed"), NONE),
                figure(phase.get("database_queries_per_second"), NONE),
            )
        )
    headings = ("phase", "s", "queries/s", "p50 ms", "p99", "p99.9", "hit %", "failed", "db q/s")
    return Section("Phases", tabled(rows, headings), "phases")


def _downtime(document: object) -> Section:
    downtime = part(document, "downtime")
    rows = [
        (shown, _longest(kind), duration(kind.get("total_seconds")))
        for shown, kind in ((shown, part(downtime, name)) for name, shown in _DOWNTIMES)
        if kind
    ]
    return Section("Downtime", tabled(rows, ("", "longest", "total")), "downtime")


_DOWNTIMES: Final = (
    ("queries", "queries"),
    ("events", "events"),
    ("sync_queries", "queries, before the cutover"),
    ("sync_events", "events, before the cutover"),
)


def _longest(kind: dict[str, Any]) -> str:
    # What lies between is the generator's own.
    found = between(kind.get("longest_at_least_seconds"), kind.get("longest_seconds"))
    return f"{found}, unfinished" if kind.get("unfinished") is True else found


def _recovery(document: object) -> Section:
    recovery = part(document, "recovery")
    measures = part(recovery, "measures")
    names = {
        "p50": "p50",
        "p99": "p99",
        "event_p99": "p99 of events",
        "misses": "misses",
        "database_queries": "database queries",
        "failed": "failed",
    }
    return Section(
        "Recovery, from the cutover",
        (
            Table(
                (
                    ("all", between(recovery.get("at_least_seconds"), recovery.get("at_most_seconds"))),
                    *((shown, duration(measures.get(name))) for name, shown in names.items()),
                ),
                ("", "recovered after"),
            ),
        ),
        "recovery",
    )


def _ledger(document: object) -> list[Section]:
    ledger = part(document, "ledger")
    rows = [(name, count(ledger.get(name))) for name in ("acknowledged", "unknown", "redirected")]
    rows += [
        (name, at_most(ledger.get(name), ledger.get(f"{name}_at_most"))) for name in ("lost", "duplicated", "stranded")
    ]
    notes = []
    error = words(ledger.get("error"), "")
    if error:
        notes.append(f"The ledger could not be compared with the servers: {error}")
    if number(ledger.get("unverified_counters")):
        notes.append(f"{count(ledger.get('unverified_counters'))} counters could not be compared.")
    worst = [
        (words(each.get("key")), *(count(each.get(name), NONE) for name in ("lost", "duplicated", "stranded")))
        for each in parts(ledger, "worst")
    ]
    table = Table(tuple(rows), ("increments", "count"))
    sections_of_it = [Section("Ledger", (table, *notes), "ledger")]
    if worst:
        headings = ("counter", "lost", "duplicated", "stranded")
        sections_of_it.append(Section("Worst counters", tabled(worst, headings, verbatim=frozenset({0})), "worst"))
    return sections_of_it


def _criteria(document: object) -> Section:
    rows = [
        (words(each.get("name")), *limit_and_measured(each), criterion_status(each))
        for each in parts(part(document, "verdict"), "criteria")
    ]
    if not rows:
        return Section("Criteria", (f"The criteria were {NOT_MEASURED}.",), "criteria")
    headings = ("criterion", "limit", "measured", "status")
    return Section("Criteria", (Table(tuple(rows), headings, frozenset({0, 3})),), "criteria")


def _steps(document: object) -> Section:
    rows = [
        (
            words(step.get("name"), NONE),
            clock(step.get("started_at")),
            figure(step.get("duration_seconds"), NONE, digits=3),
            words(step.get("status"), NONE),
            words(step.get("detail"), ""),
        )
        for step in parts(part(document, "migration"), "steps")
    ]
    headings = ("step", "at (UTC)", "s", "status", "detail")
    return Section("Steps of the migration", tabled(rows, headings, left=frozenset({0, 1, 3, 4})), "steps")


def _advice(document: object) -> Section:
    migration = part(document, "migration")
    strategy, freeze, seen = words(migration.get("strategy")), words(migration.get("freeze")), Seen.of(document)
    rows = []
    for criterion in parts(part(document, "verdict"), "criteria"):
        status = criterion_status(criterion)
        if status == "passed":
            continue
        name = words(criterion.get("name"))
        why = words(criterion.get("reason"), "")
        if not why:
            limit, measured = limit_and_measured(criterion)
            why = f"Measured {measured}, the limit is {limit}." if status == "failed" else "It could not be measured."
        to_do = advise(name, status, strategy, freeze, causes_of(criterion), seen)
        rows.append((f"{name} {status}", f"{_sentence(why)} To do: {to_do}"))
    if _saturated(document):
        rows.append(("generator", f"It was itself the bottleneck. To do: {GENERATOR}"))
    return Section("Why, and what to do", (Table(tuple(rows)),) if rows else (), "advice")


def tabled(
    rows: Iterable[tuple[str, ...]],
    headings: tuple[str, ...],
    *,
    left: frozenset[int] = frozenset({0}),
    verbatim: frozenset[int] = frozenset(),
) -> tuple[str | Table, ...]:
    """A table of these rows and what a cell without a figure means; without rows the words for that."""
    made = tuple(rows)
    if not made:
        return (f"{NOT_MEASURED.capitalize()}.",)
    table = Table(made, headings, left, verbatim)
    return (table, _NONE_NOTE) if any(NONE in row for row in made) else (table,)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
