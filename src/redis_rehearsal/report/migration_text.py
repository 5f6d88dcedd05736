"""A finished rehearsal for a terminal."""

import io
from collections.abc import Sequence
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.report.facts import Section, Table, is_rehearsal, sections, title
from redis_rehearsal.report.side_by_side import comparison
from redis_rehearsal.report.summary import summary

_LEAST_COLUMNS: Final = 40


def render_text(document: RunDocument, width: int = 80) -> str:
    """What a rehearsal came to, in plain text; of a run without a migration its summary.

    Args:
        document: of the run; parts may be missing.
        width: of the terminal, in columns; at least 40.
    """
    console = _paper(width)
    with console.capture() as capture:
        if is_rehearsal(document):
            console.print(_folded(title(document)))
            for section in sections(document):
                _print(console, section)
        else:
            console.print(_folded(summary(document)))
    return _lines(capture.get())


def render_side_by_side(documents: Sequence[RunDocument], width: int = 120) -> str:
    """Several rehearsals in one table, and which strategy is best here.

    Args:
        documents: of the runs; parts may be missing.
        width: of the terminal, in columns; at least 40.
    """
    console = _paper(width)
    with console.capture() as capture:
        _print(console, comparison(documents))
    return _lines(capture.get())


def _paper(width: int) -> Console:
    # Nothing of this process's terminal may show in what is made.
    return Console(
        file=io.StringIO(),
        width=max(width, _LEAST_COLUMNS),
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
        _environ={},
    )


def _print(console: Console, section: Section) -> None:
    console.print()
    console.print(_folded(section.title))
    for block in section.blocks:
        console.print(Padding(_grid(block) if isinstance(block, Table) else _folded(block), (0, 0, 0, 2)))


def _lines(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _folded(text: str) -> Text:
    return Text(text, overflow="fold")


def _grid(table: Table) -> RenderableType:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(table.headings))
    for number in range(len(table.rows[0])):
        heading = table.headings[number] if table.headings else ""
        is_left = number in table.left or not table.headings
        grid.add_column(Text(heading), justify="left" if is_left else "right", overflow="fold")
    for row in table.rows:
        grid.add_row(*(_folded(cell) for cell in row))
    return grid
