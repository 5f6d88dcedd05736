"""A finished rehearsal as GitHub-flavoured Markdown, for a pull request."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.report.facts import Section, Table, at_most, is_rehearsal, migration_of, sections, title
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.reading import NONE, count, figure, words
from redis_rehearsal.report.side_by_side import EXPLAINED, comparison
from redis_rehearsal.report.summary import summary

_MARKUP: Final = re.compile(r"([\\`*\[\]<>|~&])|(?<![0-9A-Za-z])(_)|(_)(?![0-9A-Za-z])")
_MOST_TOLD: Final = 4
_MOST_WARNINGS: Final = 3
_MOST_CRITERIA: Final = 8
_MOST_ROWS: Final = 10
_MOST_WORST: Final = 3
_MOST_RUNS: Final = 8
_BLOCK: Final = re.compile(r"^(\d*)([-+#=.)])")


def render_markdown(document: RunDocument) -> str:
    """The verdict, its criteria and, folded, what was done; of a run without a migration its summary.

    It is for the conversation about a change, which has no room for all that `report_sections` has.

    Args:
        document: of the run; parts may be missing.
    """
    if not is_rehearsal(document):
        return "## Run\n\n" + "".join(f"- {_escaped(line)}\n" for line in summary(document).splitlines())
    found = {section.name: section for section in sections(document)}
    blocks = [f"## {_headline(document)}"]
    blocks += [_paragraph(str(block)) for block in found["verdict"].blocks]
    for name, most in (("advice", _MOST_TOLD), ("warnings", _MOST_WARNINGS), ("annotations", _MOST_WARNINGS)):
        if name in found:
            blocks += [f"### {_escaped(found[name].title)}", _list(found[name], most)]
    blocks += _criteria(found["criteria"])
    blocks.append("<details><summary>What was done, phase by phase and step by step</summary>")
    blocks += _section(found["done"])[1:]
    blocks += _section(_shortened(found["phases"])) if "phases" in found else []
    blocks += [f"Steps: {_escaped(text)}." for text in (_steps(document),) if text]
    blocks += [f"Worst counters: {text}." for text in (_worst(document),) if text]
    blocks += [f"Increments: {_ledger(document)}.", "</details>"]
    blocks.append("All else is in report.html and run.json.")
    return "\n\n".join(blocks) + "\n"


def _headline(document: RunDocument) -> str:
    return f"{verdict_status(document.verdict).upper()}: {_escaped(_lower(title(document)))}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _ledger(document: RunDocument) -> str:
    ledger = document.ledger
    told = (
        f"{count(ledger.acknowledged)} acknowledged",
        f"{count(ledger.unknown)} unknown",
        f"{count(ledger.redirected)} redirected",
        f"{at_most(ledger.lost, ledger.lost_at_most)} lost",
        f"{at_most(ledger.duplicated, ledger.duplicated_at_most)} duplicated",
        f"{at_most(ledger.stranded, ledger.stranded_at_most)} stranded",
    )
    return ", ".join(told)


def _criteria(section: Section) -> list[str]:
    """A table of those that did not pass, and a line of those that did."""
    table = section.blocks[0]
    if not isinstance(table, Table):
        return [_paragraph(table)]
    passed = [row for row in table.rows if row[-1] == "passed"]
    others = [row for row in table.rows if row[-1] != "passed"]
    blocks = [_table(replace(table, rows=tuple(others[:_MOST_CRITERIA])))] if others else []
    if len(others) > _MOST_CRITERIA:
        blocks.append(f"And {len(others) - _MOST_CRITERIA:,} more that did not pass.")
    if passed:
        listed = "; ".join(f"{name} ({measured}, limit {limit})" for name, limit, measured, _ in passed)
        blocks.append(f"Passed: {_escaped(listed)}.")
    return blocks


def _steps(document: RunDocument) -> str:
    """Those that failed with what they say, and the others with how long they took."""
    told = []
    for step in migration_of(document).steps:
        took = f"{words(step.name, NONE)} {figure(step.duration_seconds, NONE, digits=3)} s"
        status = words(step.status, NONE)
        told.append(took if status == "done" else f"{took} ({status}: {words(step.detail, NONE)})")
    return ", ".join(told)


def _worst(document: RunDocument) -> str:
    told = []
    for counter in document.ledger.worst[:_MOST_WORST]:
        figures = (("lost", counter.lost), ("duplicated", counter.duplicated), ("stranded", counter.stranded))
        wrong = ", ".join(f"{name} {count(figure_of)}" for name, figure_of in figures if figure_of)
        told.append(f"{_code(words(counter.key, NONE))} ({wrong or NONE})")
    return "; ".join(told)


def _list(section: Section, most: int) -> str:
    """What a section says, a line each."""
    lines: list[str] = []
    for block in section.blocks:
        if not isinstance(block, Table):
            lines.append(_paragraph(block))
        elif block.headings:
            lines += [", ".join(map(_escaped, row)) for row in block.rows]
        else:
            lines += [f"**{_escaped(name)}**: {_escaped(said)}" for name, said in block.rows]
    left = [f"And {len(lines) - most:,} more."] if len(lines) > most else []
    return "\n".join(f"- {line}" for line in [*lines[:most], *left])


def _shortened(section: Section) -> Section:
    """With so many rows of its tables, and the number of the others."""
    blocks: list[str | Table] = []
    left = 0
    for block in section.blocks:
        if isinstance(block, Table):
            left += max(0, len(block.rows) - _MOST_ROWS)
            block = replace(block, rows=block.rows[:_MOST_ROWS])  # the same one, shorter
        blocks.append(block)
    return replace(section, blocks=(*blocks, f"And {left:,} more.") if left else tuple(blocks))


def render_markdown_side_by_side(documents: Sequence[RunDocument]) -> str:
    """Several rehearsals: the table of them and which is best, and then the verdict of each and why.

    Args:
        documents: of the runs; parts may be missing.
    """
    blocks = ["## Rehearsals side by side", *_section(comparison(documents)), _paragraph(EXPLAINED)]
    for document in documents[:_MOST_RUNS]:
        blocks += [f"### {_headline(document)}", *map(_paragraph, _why(document))]
    if len(documents) > _MOST_RUNS:
        blocks.append(f"And {len(documents) - _MOST_RUNS:,} more.")
    blocks.append("All else is in the report of each.")
    return "\n\n".join(blocks) + "\n"


def _why(document: RunDocument) -> list[str]:
    found = {section.name: section for section in sections(document)}
    return [str(block) for block in found["verdict"].blocks]


def _section(section: Section) -> list[str]:
    blocks = [_table(block) if isinstance(block, Table) else _paragraph(block) for block in section.blocks]
    return [f"### {_escaped(section.title)}", *blocks]


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)


def _paragraph(text: str) -> str:
    return _BLOCK.sub(r"\1\\\2", _escaped(text))


def _table(table: Table) -> str:
    if not table.headings:
        return "\n".join(f"- **{_escaped(name)}**: {_escaped(said)}" for name, said in table.rows)
    rule = [":---" if number in table.left else "---:" for number in range(len(table.headings))]
    rows = [[_escaped(heading) for heading in table.headings], rule]
    rows += [
        [_code(cell) if number in table.verbatim else _escaped(cell) for number, cell in enumerate(row)]
        for row in table.rows
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _code(text: str) -> str:
    # GitHub would turn the parts of a key between colons into pictures elsewhere.
    return "`{}`".format(text.replace("`", "'").replace("|", r"\|"))
