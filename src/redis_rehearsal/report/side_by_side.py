"""Several rehearsals side by side, and which strategy is best here."""

from collections.abc import Sequence
from typing import Any, Final

from redis_rehearsal.report.facts import Section, Table
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.reading import count, duration, number, part, parts, percent

EXPLAINED: Final = (
    "down: the longest downtime of queries or events. p99: of queries due in the cutover. hit low: the lowest hit "
    "ratio of a second. back in: recovery. db/s: most database queries in a second. took: from the end of the baseline "
    "to the end of the cutover. source: share of a core that the source used while it was migrated."
)
"""What the headings of the table mean, for formats with room for it."""
_ORDER: Final = {"pass": 0, "unknown": 1, "fail": 2}


def _ledger(document: object, name: str) -> str:
    return count(part(document, "ledger").get(name), "-")


def _longest_downtime(document: object) -> float | None:
    found = [number(part(document, "downtime", kind).get("longest_seconds")) for kind in ("queries", "events")]
    known = [seconds for seconds in found if seconds is not None]
    return max(known) if known else None


def _criterion(document: object, name: str) -> dict[str, Any]:
    found = parts(part(document, "verdict"), "criteria")
    return next((criterion for criterion in found if criterion.get("name") == name), {})


def _migration_seconds(document: object) -> float | None:
    """From the end of the baseline to the end of the cutover and of what the strategy did after it."""
    names = ("prepare", "sync", "cutover")
    found = [number(phase.get("duration_seconds")) for phase in parts(document, "phases") if phase.get("name") in names]
    known = [seconds for seconds in found if seconds is not None]
    return sum(known) if known else None


def comparison(documents: Sequence[object]) -> Section:
    """The table: one row a strategy."""
    rows = []
    for document in documents:
        impact = part(document, "impact")
        rows.append(
            (
                str(part(document, "migration").get("strategy") or "-"),
                verdict_status(document).upper(),
                _ledger(document, "lost"),
                _ledger(document, "duplicated"),
                _ledger(document, "stranded"),
                duration(_longest_downtime(document), "-", 3),
                duration(_criterion(document, "cutover_p99").get("measured"), "-", 3),
                percent(impact.get("lowest_hit_ratio"), "-", 3),
                duration(part(document, "recovery").get("at_most_seconds"), "-", 3),
                count(impact.get("highest_database_queries_per_second"), "-"),
                duration(_migration_seconds(document), "-", 3),
                percent(impact.get("source_cpu_ratio"), "-", 2),
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


def recommendation(documents: Sequence[object]) -> str:
    """Which strategy is best here, and why, in a sentence or two."""
    if not documents:
        return "Nothing was rehearsed."

    def badness(document: object) -> tuple[float, ...]:
        ledger = part(document, "ledger")
        wrong = sum(number(ledger.get(name)) or 0.0 for name in ("lost", "duplicated", "stranded"))
        down = _longest_downtime(document)
        p99 = number(_criterion(document, "cutover_p99").get("measured"))
        took = _migration_seconds(document)
        # What could not be measured is worse than anything that was.
        return (
            _ORDER[verdict_status(document)],
            wrong,
            float("inf") if down is None else down,
            float("inf") if p99 is None else p99,
            float("inf") if took is None else took,
        )

    best = min(documents, key=badness)
    name = part(best, "migration").get("strategy") or "the first one"
    status = verdict_status(best)
    down = duration(_longest_downtime(best), "an unknown time", 3)
    if status == "pass":
        others = sum(verdict_status(document) == "pass" for document in documents) - 1
        why = "it alone passed" if not others else f"of the {others + 1} that passed it was down for the shortest time"
        return f"Recommended: {name}, since {why} ({down})."
    if status == "unknown":
        return f"None passed for sure. {name} comes nearest: nothing of it failed, but not all could be measured."
    return f"None can be recommended: all failed. {name} did the least harm; see why it failed."
