"""The files that a run's report is left in."""

from pathlib import Path
from secrets import token_hex
from typing import Final

from redis_rehearsal.report.html import render_html
from redis_rehearsal.report.migration_markdown import render_markdown
from redis_rehearsal.report.migration_text import render_text
from redis_rehearsal.report.run_data import PERCENTILES, TIMELINE, RunData

DOCUMENT: Final = "run.json"
REPORTS: Final = ("report.html", "report.md", "report.txt")
ALL: Final = (DOCUMENT, TIMELINE, PERCENTILES, *REPORTS)
"""What somebody needs who was not there."""


def write_reports(run: RunData, directory: Path) -> None:
    """Leave the report in each of its formats.

    Raises:
        OSError: one cannot be written.
    """
    texts = (render_html(run.document, run.rows, run.percentiles), render_markdown(run.document))
    for name, text in zip(REPORTS, (*texts, render_text(run.document)), strict=True):
        write_whole(directory / name, text)


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
        part.unlink(missing_ok=True)
        raise
