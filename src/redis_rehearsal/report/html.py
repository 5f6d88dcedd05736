"""A run as one HTML file to attach to a ticket: it needs nothing else, calls nobody, and reads well without scripts.

Its texts and tables are the sections that the Markdown has too; the charts beside them are drawn from the data that
stands in the file. Pure but for the assets, which are read once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.report.assets import report_scripts, report_style
from redis_rehearsal.report.chart_data import as_json, chart_data
from redis_rehearsal.report.facts import Section, Table, goes_on, is_rehearsal, migration_of, title
from redis_rehearsal.report.facts_run import report_sections
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.markup import Markup, element, escaped, raw
from redis_rehearsal.report.reading import words
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.report.side_by_side import EXPLAINED, comparison

_ORDER: Final = (
    ("verdict", "criteria", "advice", "warnings"),
    ("charts",),
    ("phases",),
    ("hit_ratio",),
    ("database",),
    ("downtime", "windows", "recovery"),
    ("ledger", "worst", "accounts", "structures"),
    ("comparison",),
    ("done", "steps"),
    ("load", "failures", "checks", "latency", "generator"),
    ("settings",),
    ("servers",),
)
"""The sections by name, in the order in which they are read; those of a group stand under the heading of its first."""
_HEADINGS: Final = {"charts": "Over time", "phases": "Latency by phase"}
_GROUPS: Final = {
    "charts": "load latency failures servers business generator",
    "hit_ratio": "cache",
    "database": "database",
}
_STATUSES: Final = frozenset({"passed", "failed", "unknown", "done", "running", "PASS", "FAIL", "UNKNOWN"})
_NO_SCRIPT: Final = "Charts need JavaScript. The same figures are in timeline.csv and percentiles.csv of the run."
_NO_ROWS: Final = "There is no timeline of this run, so that nothing can be drawn over time."
_UNFINISHED: Final = "The end is not drawn, since the load did not last for the whole of its last second."
_NOT_MIGRATED: Final = "Nothing was migrated in this run, so that there is no verdict."

Rows = Sequence[Mapping[str, object]]


def render_html(document: RunDocument, rows: Rows = (), percentiles: Rows = ()) -> str:
    """A run's report.

    Args:
        document: of the run; parts may be missing, damaged or hostile.
        rows: of its timeline, by name of the column.
        percentiles: as in percentiles.csv, by name of the column.
    """
    heading = title(document) if is_rehearsal(document) else "Run of the analytics platform"
    body = element("main", _run(RunData(document, rows, percentiles), 0, 2))
    return _page(heading, _subtitle(document), body)


def render_html_side_by_side(runs: Sequence[RunData]) -> str:
    """Several rehearsals in one report: the table of them and which is best first, then each by itself."""
    found = comparison([run.document for run in runs])
    table = _section(Section(found.title, (*found.blocks, EXPLAINED)), 2, "side-by-side")
    each = [
        element(
            "details",
            element(
                "summary", element("h2", f"{_strategy(run.document)}: {verdict_status(run.document.verdict).upper()}")
            ),
            element("p", f"{title(run.document)}. {_subtitle(run.document)}", class_="subtitle"),
            _run(run, place, 3),
            class_=f"strategy {verdict_status(run.document.verdict)}",
        )
        for place, run in enumerate(runs)
    ]
    count = f"{len(runs)} rehearsals, each from the same fresh state and seed"
    return _page("Rehearsals side by side", count, element("main", table, *each))


def _page(heading: str, subtitle: str, body: Markup) -> str:
    scripts = report_scripts()
    style = report_style()
    # What could still get in runs nothing: only scripts with these digests do, and nothing is ever loaded.
    policy = (
        f"default-src 'none'; script-src {' '.join(script.digest for script in scripts)}; "
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", heading),
        raw("style", style),
    )
    header = element(
        "header",
        element("p", "redis-rehearsal", class_="eyebrow"),
        element("h1", heading),
        element("p", subtitle, class_="subtitle"),
    )
    page = element("body", header, body, *(raw("script", script.text) for script in scripts))
    return f"<!doctype html>\n{element('html', head, page, lang='en')}\n"


def _run(run: RunData, place: int, level: int) -> Markup:
    document, data = run.document, chart_data(run)
    found = {section.name: section for section in report_sections(document)}
    if not is_rehearsal(document):
        found["verdict"] = Section("No verdict", (_NOT_MIGRATED,), "verdict")
    status = verdict_status(document.verdict) if is_rehearsal(document) else "none"
    found["charts"] = Section("Over time", () if data["second"] else (_NO_ROWS,), "charts")
    if data["unfinished"]:
        found["charts"] = Section("Over time", (_UNFINISHED,), "charts")
    found.setdefault("phases", Section("Phases", (), "phases"))
    groups = [[found[name] for name in names if name in found] for names in _ORDER]
    groups = [sections for sections in groups if sections]
    links = [element("a", _heading(first), href=f"#{_id(place, first.name)}") for first, *_ in groups]
    return element(
        "div",
        element("nav", *links, aria_label="Contents"),
        *(_group(sections, level, place, data, status) for sections in groups),
        raw("script", as_json(data), type="application/json"),
        data_run=str(level),
        class_="run",
    )


def _group(sections: Sequence[Section], level: int, place: int, data: dict[str, Any], status: str) -> Markup:
    first, *others = sections
    return element(
        "section",
        element(f"h{level}", _heading(first)),
        *_charts(first.name, data),
        *(_block(block, _heading(first)) for block in first.blocks),
        *(_section(each, level + 1, _id(place, each.name)) for each in others),
        id=_id(place, first.name),
        class_=f"verdict {status}" if first.name == "verdict" else None,
    )


def _charts(name: str, data: dict[str, Any]) -> list[Markup]:
    made = []
    if name in _GROUPS and data["second"]:
        made.append(element("div", data_groups=_GROUPS[name]))
    if name == "phases" and data["percentiles"]:
        made.append(element("div", data_percentiles=""))
    if name == "charts" and made:
        made.append(element("noscript", element("p", _NO_SCRIPT)))
    return made


def _section(section: Section, level: int, name: str) -> Markup:
    blocks = [_block(block, section.title) for block in section.blocks]
    return element("section", element(f"h{level}", section.title), *blocks, id=name)


def _block(block: str | Table, caption: str) -> Markup:
    return _table(block, caption) if isinstance(block, Table) else element("p", block)


def _table(table: Table, caption: str) -> Markup:
    head = element("thead", element("tr", *(_heading_cell(table, place) for place in range(len(table.headings)))))
    rows = [element("tr", *(_cell(table, row, place) for place in range(len(row)))) for row in table.rows]
    made = element(
        "table",
        element("caption", caption, class_="visually-hidden"),
        *([head] if table.headings else []),
        element("tbody", *rows),
        class_=None if table.headings else "facts",
    )
    # What is wider than a phone is scrolled by itself, with the keyboard too.
    return element("div", made, class_="table", role="region", tabindex="0", aria_label=caption)


def _heading_cell(table: Table, place: int) -> Markup:
    return element("th", table.headings[place], scope="col", class_=None if place in table.left else "figure")


def _cell(table: Table, row: tuple[str, ...], place: int) -> Markup:
    text: str = row[place]
    if place in table.verbatim:
        text = element("code", text)
    elif place == 0:
        # Where a phone has no room, a name may go on in the next line.
        text = Markup(escaped(text).replace("_", "_<wbr>"))
    if place == 0:
        return element("th", text, scope="row")
    is_words = place in table.left or not table.headings
    if is_words and row[place] in _STATUSES:
        text = element("span", text, class_=f"status {row[place].lower()}")
    return element("td", text, class_=None if is_words else "figure")


def _heading(section: Section) -> str:
    return _HEADINGS.get(section.name, section.title)


def _id(place: int, name: str) -> str:
    return f"run-{place}-{name.replace('_', '-')}"


def _strategy(document: RunDocument) -> str:
    return words(migration_of(document).strategy, "unknown strategy")


def _subtitle(document: RunDocument) -> str:
    complete = "" if document.complete else "; still going on" if goes_on(document) else "; not complete"
    return f"Run {words(document.started)}{complete}"
