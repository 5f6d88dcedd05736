"""The parts of a run's document made ready to be read: one set of sections for every format.

A document may be of a run that broke, or be damaged: whatever is not there is not measured, and never an error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from redis_rehearsal.report.advice import GENERATOR, advise

NOT_MEASURED: Final = "not measured"
NONE: Final = "-"
_NONE_NOTE: Final = f"{NOT_MEASURED.capitalize()}: {NONE}"
_MOST: Final = 1e18
"No figure of a run is as large; one that is comes from a damaged document, and would not fit a line."
_LARGE: Final = 1000
_DIGITS: Final = 4
_ALL_DIGITS: Final = 12
_STATUSES: Final = ("passed", "failed", "unknown")


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


def part(value: object, *names: str) -> dict[str, Any]:
    """The object found under these names, one inside the other; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def parts(value: object, name: str) -> list[dict[str, Any]]:
    """The objects in the list under this name; one that is damaged is empty."""
    found = part(value).get(name)
    return [part(each) for each in found] if isinstance(found, list) else []


def number(value: object) -> float | None:
    """A figure; None for everything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        return None
    return value


def words(value: object, otherwise: str = NOT_MEASURED) -> str:
    """A text in one line, without what a terminal would obey."""
    if not isinstance(value, str):
        return otherwise
    return " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in value).split()) or otherwise


def count(value: object, otherwise: str = NOT_MEASURED) -> str:
    """How many."""
    found = number(value)
    if found is None:
        return otherwise
    return f"{int(found):,}" if found == int(found) else f"{found:,.3f}"


def duration(value: object, otherwise: str = NOT_MEASURED, digits: int = _DIGITS) -> str:
    """Seconds, below one as milliseconds."""
    found = number(value)
    if found is None:
        return otherwise
    if abs(found) >= 1:
        # A long run's seconds would otherwise turn into powers of ten.
        return f"{found:,.{digits - 1}f}".rstrip("0").rstrip(".") + " s"
    return f"{found * 1000:.{digits}g} ms" if found else "0 s"


def percent(value: object, otherwise: str = NOT_MEASURED, digits: int = _DIGITS) -> str:
    """A ratio as a percentage."""
    found = number(value)
    return otherwise if found is None else f"{found * 100:.{digits}g}%"


def is_rehearsal(document: object) -> bool:
    """Whether a document is of a run in which something was migrated."""
    return bool(part(document, "migration") or part(document, "verdict"))


def goes_on(document: object) -> bool:
    """Whether the run had not ended when its document was made, so that more of it came later."""
    return part(document).get("stage") in ("running", "finishing")


def verdict_status(document: object) -> str:
    """`pass`, `fail` or `unknown`; what was not judged is unknown."""
    status = part(document, "verdict").get("status")
    return status if status in ("pass", "fail") else "unknown"


def title(document: object) -> str:
    """What was rehearsed, in one line."""
    return f"Rehearsal of {_strategy(document)}: {server_line(document, 'source')} to {server_line(document, 'target')}"


def sections(document: object) -> list[Section]:
    """All that a finished rehearsal's document says, in the order in which it is read."""
    made = [
        _done(document),
        Section(f"Verdict: {verdict_status(document).upper()}", (verdict_sentence(document),), "verdict"),
        _warnings(document),
        _phases(document),
        _downtime(document),
        _recovery(document),
        *_ledger(document),
        _criteria(document),
        _steps(document),
        _advice(document),
    ]
    return [section for section in made if section.blocks]


def verdict_sentence(document: object) -> str:
    """Why the verdict is what it is.

    The criteria are what was found; where they do not bear the verdict out, the sentence says so.
    """
    status = verdict_status(document)
    criteria = parts(part(document, "verdict"), "criteria")
    failed = [_named(each) for each in criteria if criterion_status(each) == "failed"]
    unknown = [words(each.get("name")) for each in criteria if criterion_status(each) == "unknown"]
    if not part(document, "verdict"):
        return "No verdict was reached: the run ended before it, or the document is damaged."
    if not criteria:
        return f"The document names no criteria, so that nothing in it bears out {status.upper()}."
    if failed:
        contradiction = "" if status == "fail" else f", although the document says {status.upper()}"
        return f"{_of(len(failed), len(criteria))} failed{contradiction}: {'; '.join(failed)}."
    if unknown:
        contradiction = "" if status == "unknown" else f", although the document says {status.upper()}"
        return f"{_of(len(unknown), len(criteria))} could not be measured{contradiction}: {', '.join(unknown)}."
    contradiction = "" if status == "pass" else f", although the document says {status.upper()}"
    return f"All {len(criteria)} criteria passed{contradiction}."


def criterion_status(criterion: dict[str, Any]) -> str:
    """`passed`, `failed` or `unknown`; a criterion that says none of them is unknown."""
    status = criterion.get("status")
    return status if isinstance(status, str) and status in _STATUSES else "unknown"


def limit_and_measured(criterion: dict[str, Any]) -> tuple[str, str]:
    """Both figures in the criterion's unit, with enough digits to tell them apart."""
    limit, measured, unit = number(criterion.get("limit")), number(criterion.get("measured")), criterion.get("unit")
    if limit is None and measured is None and not unit:
        return NONE, NONE  # it is met or not, such as that the migration ended as it should
    shown = _in_unit(limit, unit, "none", _DIGITS), _in_unit(measured, unit, NOT_MEASURED, _DIGITS)
    if limit != measured and shown[0] == shown[1]:
        return _in_unit(limit, unit, "none", _ALL_DIGITS), _in_unit(measured, unit, NOT_MEASURED, _ALL_DIGITS)
    return shown


def at_most(lower: object, upper: object) -> str:
    """A figure of the ledger, and the most that it can be where that differs."""
    shown = count(lower)
    if number(upper) is None:
        return shown if number(lower) is None else f"{shown} (at most: {NOT_MEASURED})"
    return shown if lower == upper else f"{shown} (at most {count(upper)})"


def _in_unit(value: float | None, unit: object, otherwise: str, digits: int) -> str:
    if unit == "seconds":
        return duration(value, otherwise, digits)
    return percent(value, otherwise, digits) if unit == "ratio" else count(value, otherwise)


def _of(some: int, all_of_them: int) -> str:
    return f"{some} of {all_of_them} criteri{'on' if all_of_them == 1 else 'a'}"


def _named(criterion: dict[str, Any]) -> str:
    limit, measured = limit_and_measured(criterion)
    name = words(criterion.get("name"))
    if measured != NONE:
        return f"{name} ({measured}, limit {limit})"
    reason = words(criterion.get("reason"), "").rstrip(".")
    return f"{name} ({reason})" if reason else name


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
        ("application", f"reads from {words(application.get('reads'))}, writes to {words(application.get('writes'))}"),
    )
    return Section("What was done", (Table(rows),), "done")


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
    found = part(document, "migration").get("warnings")
    warnings = [words(each) for each in found] if isinstance(found, list) else []
    if goes_on(document):
        warnings.append("The run still went on when this was written: its figures are those until then.")
    elif part(document).get("complete") is False:
        warnings.append("The run is not complete: a worker ended by itself, or the ledger was never compared.")
    if part(document, "generator").get("saturated") is True:
        warnings.append("The generator itself was the bottleneck: do not trust these latencies.")
    return Section("Warnings", tuple(warnings), "warnings")


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
        (name, duration(kind.get("longest_seconds")), duration(kind.get("total_seconds")))
        for name, kind in ((name, part(downtime, name)) for name in ("queries", "events"))
    ]
    return Section("Downtime", (Table(tuple(rows), ("", "longest", "total")),), "downtime")


def _recovery(document: object) -> Section:
    recovery = part(document, "recovery")
    measures = part(recovery, "measures")
    names = {"p99": "p99", "misses": "misses", "database_queries": "database queries", "failed": "failed"}
    return Section(
        "Recovery, from the cutover",
        (
            Table(
                (
                    ("all", duration(recovery.get("seconds"))),
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
    strategy, freeze = words(migration.get("strategy")), words(migration.get("freeze"))
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
        rows.append((f"{name} {status}", f"{_sentence(why)} To do: {advise(name, status, strategy, freeze)}"))
    if part(document, "generator").get("saturated") is True:
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


def figure(value: object, otherwise: str = NOT_MEASURED, digits: int = 1) -> str:
    """A figure with so many decimals."""
    found = number(value)
    # What is large needs no decimals, and a row of a table has 80 columns.
    return otherwise if found is None else f"{found:,.{digits if abs(found) < _LARGE else 0}f}"


def milliseconds(value: object) -> str:
    """Seconds as milliseconds, without the unit."""
    found = number(value)
    return NONE if found is None else figure(found * 1000, digits=2)


def clock(value: object) -> str:
    """The time of day in a UTC time."""
    moment = words(value, NONE)
    return moment.rpartition("T")[2].removesuffix("Z") or NONE
