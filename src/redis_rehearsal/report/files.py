"""The files that a run's report is left in."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.report.html import render_html
from redis_rehearsal.report.migration_markdown import render_markdown
from redis_rehearsal.report.migration_text import render_text
from redis_rehearsal.report.run_data import PERCENTILES, TIMELINE, RunData

DOCUMENT: Final = "run.json"
REPORTS: Final = ("report.html", "report.md", "report.txt")
SIDE_BY_SIDE: Final = ("strategies.html", "strategies.md")
"""Of several runs, where they lie in the directory of one of them."""
DATA: Final = (DOCUMENT, TIMELINE, PERCENTILES)
"""What a report is made of."""
ALL: Final = (*DATA, *REPORTS)
"""What somebody needs who was not there."""


def write_reports(run: RunData, directory: Path) -> dict[str, OSError]:
    """Leave the report in each of its formats.

    Returns:
        Why some could not be written, by name; empty where all were.
    """
    texts = (render_html(run.document, run.rows, run.percentiles), render_markdown(run.document))
    failed = {}
    for name, text in zip(REPORTS, (*texts, render_text(run.document)), strict=True):
        try:
            write_whole(directory / name, text)
        except OSError as error:
            failed[name] = error
    return failed


def write_document(document: RunDocument, directory: Path) -> None:
    """Leave a run's document in a directory.

    Raises:
        OSError: it cannot be written.
    """
    write_content(document, directory)


def write_content(content: RunDocument | Mapping[str, Any], directory: Path) -> None:
    """Leave a run's document in a directory, with whatever else is in it.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(directory / DOCUMENT, encode(content).decode())


def write_whole(path: Path, text: str) -> None:
    """Write a file of which nobody ever sees a part.

    Raises:
        OSError: it cannot be written.
    """
    # Two may write it at the same time.
    part = path.with_name(f"{path.name}.{token_hex(4)}.part")
    try:
        # What is no character for a file is a question mark, as in the text.
        part.write_bytes(text.encode("utf-8", "replace"))
        part.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
