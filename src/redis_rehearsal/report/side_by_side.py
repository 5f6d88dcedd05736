"""Several rehearsals side by side, and which strategy is best here."""

from collections.abc import Sequence
from typing import Final

from redis_rehearsal.document.reading import read
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.verdict import Impact
from redis_rehearsal.report.facts import Section, Table, migration_of
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.reading import count, duration, percent

EXPLAINED: Final = (
    "down: the longest downtime of queries or events. p99: of queries due in the cutover. hit low: the lowest hit "
    "ratio of a second. back in: recovery. db/s: most database queries in a second. took: from the end of the baseline "
    "to the end of the cutover. source: share of a core that the source used while it was migrated."
)
"""What the headings of the table mean, for formats with room for it."""
_MEASURES: Final = (
    ("lost, duplicated and stranded the fewest writes", "writes lost, duplicated or stranded"),
    ("was down for the shortest time", "downtime"),
    ("had the lowest p99 in the cutover", "p99"),
    ("took the shortest time", "time taken"),
)
"""By what strategies of the same verdict are ranked, in this order, and what each is called."""
_ORDER: Final = {"pass": 0, "unknown": 1, "fail": 2}


def _longest_downtime(document: RunDocument) -> float | None:
    found = (document.downtime.queries.longest_seconds, document.downtime.events.longest_seconds)
    known = [seconds for seconds in found if seconds is not None]
    return max(known) if known else None


def _cutover_p99(document: RunDocument) -> float | None:
    criteria = document.verdict.criteria if document.verdict else ()
    return next((criterion.measured for criterion in criteria if criterion.name == "cutover_p99"), None)


def _migration_seconds(document: RunDocument) -> float | None:
    """From the end of the baseline to the end of the cutover and of what the strategy did after it."""
    found = [phase.duration_seconds for phase in document.phases if phase.name in ("prepare", "sync", "cutover")]
    known = [seconds for seconds in found if seconds is not None]
    return sum(known) if known else None


def comparison(documents: Sequence[RunDocument]) -> Section:
    """The table: one row a strategy."""
    rows = []
    for document in documents:
        impact = document.impact or read(Impact, None)
        rows.append(
            (
                migration_of(document).strategy or "-",
                verdict_status(document.verdict).upper(),
                count(document.ledger.lost, "-"),
                count(document.ledger.duplicated, "-"),
                count(document.ledger.stranded, "-"),
                duration(_longest_downtime(document), "-", 3),
                duration(_cutover_p99(document), "-", 3),
                percent(impact.lowest_hit_ratio, "-", 3),
                duration(document.recovery.at_most_seconds, "-", 3),
                count(impact.highest_database_queries_per_second, "-"),
                duration(_migration_seconds(document), "-", 3),
                percent(impact.source_cpu_ratio, "-", 2),
            )
        )
    headings = (
        "strategy",
        "verdict",
        "lost",
        "dup.",
        "stranded",
        "down",
        "p99",
        "hit low",
        "back in",
        "db/s",
        "took",
        "source",
    )
    return Section("Side by side", (Table(tuple(rows), headings, frozenset({0, 1})), recommendation(documents)))


def recommendation(documents: Sequence[RunDocument]) -> str:
    """Which strategy is best here, and what decided, in a sentence or two."""
    if not documents:
        return "Nothing was rehearsed."
    best, *others = sorted(documents, key=_badness)
    name = _name(best)
    status = verdict_status(best.verdict)
    if status == "unknown":
        return f"None passed for sure. {name} comes nearest: nothing of it failed, but not all could be measured."
    if status != "pass":
        return f"None can be recommended: all failed. {name} did the least harm; see why it failed."
    passed = [document for document in others if verdict_status(document.verdict) == "pass"]
    if not passed:
        return f"Recommended: {name}, since it alone passed."
    return f"Recommended: {name}, since of the {len(passed) + 1} that passed {_decisive(best, passed)}."


def _name(document: RunDocument) -> str:
    return migration_of(document).strategy or "the first one"


def _figures(document: RunDocument) -> tuple[float, ...]:
    """What strategies are ranked by, less is better; no finer than they are shown, since the rest is noise."""
    ledger = document.ledger
    wrong = float(sum(each or 0 for each in (ledger.lost, ledger.duplicated, ledger.stranded)))
    measured = ((_longest_downtime(document), 3), (_cutover_p99(document), 3), (_migration_seconds(document), 1))
    # What could not be measured is worse than anything that was.
    return (wrong, *(float("inf") if value is None else round(value, places) for value, places in measured))


def _badness(document: RunDocument) -> tuple[float, ...]:
    return (_ORDER[verdict_status(document.verdict)], *_figures(document))


def _decisive(best: RunDocument, others: Sequence[RunDocument]) -> str:
    """By what the best one is better than those that come nearest, and in what these are as good."""
    level, own = list(others), _figures(best)
    for place, (words, _) in enumerate(_MEASURES):
        rest = [other for other in level if _figures(other)[place] == own[place]]
        if not rest:
            decided = f"it {words} ({_shown(place, own[place])})"
            alike = [f"{name} ({_shown(at, own[at])})" for at, (_, name) in enumerate(_MEASURES[:place])]
            return f"{decided}; in {' and '.join(alike)} it is level with {_names(level)}" if alike else decided
        level = rest
    return f"it was rehearsed first: by all that was measured it is level with {_names(level)}"


def _shown(place: int, value: float) -> str:
    return count(value, "-") if place == 0 else duration(value, "an unknown time", 3)


def _names(documents: Sequence[RunDocument]) -> str:
    return " and ".join(_name(document) for document in documents)
