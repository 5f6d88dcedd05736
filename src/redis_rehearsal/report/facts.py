"""The parts of a run's document made ready to be read: one set of sections for every format.

A document may be of a run that broke, or be damaged: whatever is not there is not measured, and never an error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from redis_rehearsal.document.ledger import RunLedger
from redis_rehearsal.document.migration import ApplicationOn, Migration
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.run import RunDocument, Server
from redis_rehearsal.document.verdict import Downtime
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


def is_rehearsal(document: RunDocument) -> bool:
    """Whether a document is of a run in which something was migrated."""
    return document.migration is not None or document.verdict is not None


def goes_on(document: RunDocument) -> bool:
    """Whether the run had not ended when its document was made, so that more of it came later."""
    return document.stage in ("running", "finishing")


def title(document: RunDocument) -> str:
    """What was rehearsed, in one line."""
    source, target = document.servers.source, document.servers.target
    return f"Rehearsal of {_strategy(document)}: {server_line(source, 'source')} to {server_line(target, 'target')}"


def sections(document: RunDocument) -> list[Section]:
    """All that a finished rehearsal's document says, in the order in which it is read."""
    made = [
        _done(document),
        Section(
            f"Verdict: {verdict_status(document.verdict).upper()}", (verdict_sentence(document.verdict),), "verdict"
        ),
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


def at_most(lower: float | None, upper: float | None) -> str:
    """A figure of the ledger, and the most that it can be where that differs."""
    shown = count(lower)
    if upper is None:
        return shown if lower is None else f"{shown} (at most: {NOT_MEASURED})"
    return shown if lower == upper else f"{shown} (at most {count(upper)})"


def migration_of(document: RunDocument) -> Migration:
    """Its migration; where none is there, one of which nothing was measured."""
    return document.migration or read(Migration, None)


def _strategy(document: RunDocument) -> str:
    return words(migration_of(document).strategy, f"a strategy that was {NOT_MEASURED}")


def server_line(server: Server | None, otherwise: str, *, address: bool = False) -> str:
    """A server's product and version, and where it is if that is asked."""
    if server is None:
        return f"{otherwise} {NOT_MEASURED}"
    shown = f"{words(server.product)} {words(server.version, '')}".strip()
    return f"{shown} at {words(server.address)}" if address else shown


def _done(document: RunDocument) -> Section:
    migration = migration_of(document)
    rollout = migration.rollout_seconds
    ended = f"{words(migration.status)}, in phase {words(migration.phase)}"
    reason = words(migration.reason, "")
    rows = (
        ("run", words(document.started)),
        ("strategy", words(migration.strategy)),
        ("freeze", _freeze(migration)),
        ("rollout", "at once" if rollout == 0 else duration(rollout)),
        ("source", server_line(document.servers.source, "source", address=True)),
        ("target", server_line(document.servers.target, "target", address=True)),
        ("load", _load(document)),
        ("migration", f"{ended}: {reason}" if reason else ended),
        ("application", _application(migration.application_on)),
    )
    return Section("What was done", (Table(rows),), "done")


def _application(on: ApplicationOn) -> str:
    said = f"reads from {words(on.reads)}, writes to {words(on.writes)}"
    return f"{said}; not every worker confirmed it, so that some may be elsewhere" if on.confirmed is False else said


def _freeze(migration: Migration) -> str:
    kind, held, back = words(migration.freeze), migration.freeze_seconds, migration.return_freeze_seconds
    if kind == "none" and held is None:
        return kind
    again = "" if back is None else f", and for {duration(back)} on the way back"
    return f"{kind}; writes were held for {duration(held)}{again}"


def _load(document: RunDocument) -> str:
    settings, rates = document.settings, document.rates
    return (
        f"{count(settings.get('queries_per_second'))} queries/s and "
        f"{count(settings.get('events_per_second'))} events/s asked for; "
        f"{figure(rates.queries_per_second)} and {figure(rates.events_per_second)} ok, "
        f"over {duration(document.duration_seconds)}"
    )


def _warnings(document: RunDocument) -> Section:
    warnings = []
    if goes_on(document):
        warnings.append("The run still went on when this was written: its figures are those until then.")
    elif document.complete is False:
        warnings.append("The run is not complete: a worker ended by itself, or the ledger was never compared.")
    if _saturated(document):
        warnings.append("The generator itself was the bottleneck: do not trust these latencies.")
    for name, why in document.unwritten.items():
        warnings.append(f"{words(name)} could not be written to its end: {words(why)}.")
    # What makes all figures doubtful stands first.
    warnings += [words(each) for each in migration_of(document).warnings]
    return Section("Warnings", tuple(warnings), "warnings")


def _annotations(document: RunDocument) -> Section:
    """What happened to servers without anybody's doing."""
    rows = [
        (clock(each.started_at), words(each.server, NONE), words(each.detail, NONE)) for each in document.annotations
    ]
    table = Table(tuple(rows), ("at (UTC)", "server", "what happened"), frozenset({0, 1, 2}))
    return Section("What happened to the servers of itself", (table,) if rows else (), "annotations")


def _saturated(document: RunDocument) -> bool:
    """Whether the generator was the bottleneck in what was judged; where nothing was, in all of the load."""
    judged = document.impact.generator_saturated if document.impact else None
    return document.generator.saturated is True if judged is None else judged


def _phases(document: RunDocument) -> Section:
    rows = []
    for phase in document.phases:
        response = phase.latency.queries.response_seconds
        rows.append(
            (
                words(phase.name, NONE),
                figure(phase.duration_seconds, NONE),
                figure(phase.queries_per_second, NONE),
                *map(milliseconds, (response.p50, response.p99, response.p999)),
                NONE if phase.hit_ratio is None else f"{phase.hit_ratio * 100:.2f}",
                count(phase.failed, NONE),
                figure(phase.database_queries_per_second, NONE),
            )
        )
    headings = ("phase", "s", "queries/s", "p50 ms", "p99", "p99.9", "hit %", "failed", "db q/s")
    return Section("Phases", tabled(rows, headings), "phases")


def _downtime(document: RunDocument) -> Section:
    found = document.downtime
    kinds = (
        ("queries", found.queries),
        ("events", found.events),
        ("queries, before the cutover", found.sync_queries),
        ("events, before the cutover", found.sync_events),
    )
    rows = [(shown, _longest(kind), duration(kind.total_seconds)) for shown, kind in kinds]
    return Section("Downtime", tabled(rows, ("", "longest", "total")), "downtime")


def _longest(kind: Downtime) -> str:
    # What lies between is the generator's own.
    found = between(kind.longest_at_least_seconds, kind.longest_seconds)
    return f"{found}, unfinished" if kind.unfinished is True else found


def _recovery(document: RunDocument) -> Section:
    recovery = document.recovery
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
                    ("all", between(recovery.at_least_seconds, recovery.at_most_seconds)),
                    *((shown, duration(recovery.measures.get(name))) for name, shown in names.items()),
                ),
                ("", "recovered after"),
            ),
        ),
        "recovery",
    )


def ledger_table(ledger: RunLedger, *, stranded: bool = True) -> Table:
    """What became of the increments.

    Args:
        ledger: of the run.
        stranded: whether it is of a run with a migration, without which nothing can be stranded.
    """
    rows = [
        ("acknowledged", count(ledger.acknowledged)),
        ("unknown", count(ledger.unknown)),
        ("redirected", count(ledger.redirected)),
        ("lost", at_most(ledger.lost, ledger.lost_at_most)),
        ("duplicated", at_most(ledger.duplicated, ledger.duplicated_at_most)),
    ]
    rows += [("stranded", at_most(ledger.stranded, ledger.stranded_at_most))] if stranded else []
    return Table(tuple(rows), ("increments", "count"))


def _ledger(document: RunDocument) -> list[Section]:
    ledger = document.ledger
    notes = []
    error = words(ledger.error, "")
    if error:
        notes.append(f"The ledger could not be compared with the servers: {error}")
    if ledger.unverified_counters:
        notes.append(f"{count(ledger.unverified_counters)} counters could not be compared.")
    worst = [
        (words(each.key), *(count(wrong, NONE) for wrong in (each.lost, each.duplicated, each.stranded)))
        for each in ledger.worst
    ]
    table = ledger_table(ledger)
    sections_of_it = [Section("Ledger", (table, *notes), "ledger")]
    if worst:
        headings = ("counter", "lost", "duplicated", "stranded")
        sections_of_it.append(Section("Worst counters", tabled(worst, headings, verbatim=frozenset({0})), "worst"))
    return sections_of_it


def _criteria(document: RunDocument) -> Section:
    criteria = document.verdict.criteria if document.verdict else ()
    rows = [(words(each.name), *limit_and_measured(each), criterion_status(each)) for each in criteria]
    if not rows:
        return Section("Criteria", (f"The criteria were {NOT_MEASURED}.",), "criteria")
    headings = ("criterion", "limit", "measured", "status")
    return Section("Criteria", (Table(tuple(rows), headings, frozenset({0, 3})),), "criteria")


def _steps(document: RunDocument) -> Section:
    rows = [
        (
            words(step.name, NONE),
            clock(step.started_at),
            figure(step.duration_seconds, NONE, digits=3),
            words(step.status, NONE),
            words(step.detail, ""),
        )
        for step in migration_of(document).steps
    ]
    headings = ("step", "at (UTC)", "s", "status", "detail")
    return Section("Steps of the migration", tabled(rows, headings, left=frozenset({0, 1, 3, 4})), "steps")


def _advice(document: RunDocument) -> Section:
    migration = migration_of(document)
    strategy, freeze, seen = words(migration.strategy), words(migration.freeze), Seen.of(document)
    rows = []
    for criterion in document.verdict.criteria if document.verdict else ():
        status = criterion_status(criterion)
        if status == "passed":
            continue
        name = words(criterion.name)
        why = words(criterion.reason, "")
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
