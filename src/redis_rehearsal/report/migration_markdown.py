"""A finished rehearsal as GitHub-flavoured Markdown, for a pull request."""

import re
from collections.abc import Sequence
from typing import Any, Final

from redis_rehearsal.report.facts import Section, Table, is_rehearsal, title
from redis_rehearsal.report.facts_run import report_sections
from redis_rehearsal.report.side_by_side import EXPLAINED, comparison
from redis_rehearsal.report.terminal import summary

_MARKUP: Final = re.compile(r"([\\`*\[\]<>|~&])|(?<![0-9A-Za-z])(_)|(_)(?![0-9A-Za-z])")
_BLOCK: Final = re.compile(r"^(\d*)([-+#=.)])")


def render_markdown(document: dict[str, Any]) -> str:
    """What a rehearsal came to, as Markdown; of a run without a migration its summary.

    Args:
        document: of the run; parts may be missing.
    """
    if not is_rehearsal(document):
        return "## Run\n\n" + "".join(f"- {_escaped(line)}\n" for line in summary(document).splitlines())
    blocks = [f"## {_escaped(title(document))}"]
    for section in report_sections(document):
        blocks += _section(section)
    return "\n\n".join(blocks) + "\n"


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
