"""A finished rehearsal as GitHub-flavoured Markdown, for a pull request."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from redis_rehearsal.report.facts import Section, Table, at_most, is_rehearsal, sections, title
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.reading import count, part
from redis_rehearsal.report.side_by_side import EXPLAINED, comparison
from redis_rehearsal.report.summary import summary

_MARKUP: Final = re.compile(r"([\\`*\[\]<>|~&])|(?<![0-9A-Za-z])(_)|(_)(?![0-9A-Za-z])")
_MOST_TOLD: Final = 5
_MOST_ROWS: Final = 12
_BLOCK: Final = re.compile(r"^(\d*)([-+#=.)])")


def render_markdown(document: dict[str, Any]) -> str:
    """The verdict, its criteria and, folded, what was done; of a run without a migration its summary.

    It is for the conversation about a change, which has no room for all that `report_sections` has.

    Args:
        document: of the run; parts may be missing.
    """
    if not is_rehearsal(document):
        return "## Run\n\n" + "".join(f"- {_escaped(line)}\n" for line in summary(document).splitlines())
    found = {section.name: section for section in sections(document)}
    blocks = [f"## {verdict_status(document).upper()}: {_escaped(_lower(title(document)))}"]
    blocks += [_paragraph(str(block)) for block in found["verdict"].blocks]
    for name in ("advice", "warnings", "annotations"):
        if name in found:
            blocks += _section(_shortened(found[name], _MOST_TOLD))
    blocks += [_table(block) for block in found["criteria"].blocks if isinstance(block, Table)]
    blocks.append("<details><summary>What was done, phase by phase and step by step</summary>")
    blocks += _section(found["done"])[1:]
    for name in ("phases", "worst", "steps"):
        if name in found:
            blocks += _section(_shortened(found[name], _MOST_ROWS))
    blocks += [f"Increments: {_ledger(document)}.", "</details>"]
    blocks.append("All else is in report.html and run.json.")
    return "\n\n".join(blocks) + "\n"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _ledger(document: dict[str, Any]) -> str:
    ledger = part(document, "ledger")
    told = [f"{count(ledger.get(name))} {name}" for name in ("acknowledged", "unknown", "redirected")]
    bounded = ("lost", "duplicated", "stranded")
    told += [f"{at_most(ledger.get(name), ledger.get(f'{name}_at_most'))} {name}" for name in bounded]
    return ", ".join(told)


def _shortened(section: Section, most: int) -> Section:
    """With so many of its sentences, and so many rows of its tables, and the number of the others."""
    blocks: list[str | Table] = []
    left = 0
    for block in section.blocks:
        if isinstance(block, Table):
            left += max(0, len(block.rows) - most)
            blocks.append(replace(block, rows=block.rows[:most]))
        elif len(blocks) < most:
            blocks.append(block)
        else:
            left += 1
    return replace(section, blocks=(*blocks, f"And {left:,} more.") if left else tuple(blocks))


def render_markdown_side_by_side(documents: Sequence[dict[str, Any]]) -> str:
    """Several rehearsals: the table of them and which is best, and then each by itself.

    Args:
        documents: of the runs; parts may be missing.
    """
    blocks = ["## Rehearsals side by side", *_section(comparison(documents)), _paragraph(EXPLAINED)]
    table = "\n\n".join(blocks) + "\n"
    return "\n".join([table, *map(render_markdown, documents)])


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
