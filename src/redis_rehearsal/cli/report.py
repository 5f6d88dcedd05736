"""`redis-rehearsal report`: a finished run, from its document."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from redis_rehearsal.cli.handing_on import (
    copy_documents,
    leave_junit,
    leave_side_by_side,
    make_directory,
    writable,
)
from redis_rehearsal.cli.people import columns
from redis_rehearsal.cli.saved import DEFAULT_RUN_DIR, RunDir, latest_run, read_document, read_run
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.errors import BrokenError, ConfigurationError
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.report.facts import migration_of
from redis_rehearsal.report.files import DATA, REPORTS, write_reports, write_whole
from redis_rehearsal.report.html import render_html, render_html_side_by_side
from redis_rehearsal.report.junit import Rehearsed
from redis_rehearsal.report.migration_markdown import render_markdown, render_markdown_side_by_side
from redis_rehearsal.report.migration_text import render_side_by_side, render_text
from redis_rehearsal.report.reading import words
from redis_rehearsal.report.run_data import RunData


def report(
    *saved_run: Path,
    output_format: Annotated[Literal["text", "markdown", "html", "json"], Parameter(name="--format")] = "text",
    output: Path | None = None,
    report_directory: Annotated[Path | None, Parameter(name="--report")] = None,
    junit: Path | None = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
) -> int:
    """Print what a finished run came to: what was done, the verdict and why, phase by phase; several side by side.

    Exit code 0 whatever the verdict, 2 where there is no document that can be read.

    Args:
        saved_run: Directory of the run, or its run.json; several are put side by side. Default: the latest run.
        output_format: Text for a terminal, Markdown for a pull request, HTML for a ticket (one file with charts, which
            needs nothing else), or the document itself.
        output: Write to this file, not to stdout.
        report_directory: Leave the documents of the run and its report in this directory too; of several runs in one
            below it for each, with a report of all of them side by side.
        junit: Write the verdict to this file too, as JUnit XML: a test suite for each run, a test case for each
            criterion.
        run_dir: Where runs leave their directories, of which the latest is taken.
    """
    if not saved_run:
        saved_run = (latest_run(run_dir),)
    saved = [read_document(path) for path in saved_run]
    runs = [read_run(path, document) for path, document in zip(saved_run, saved, strict=True)]
    if junit is not None:
        writable(junit, "--junit")
        leave_junit(junit, [Rehearsed(_strategy(run.document), run.document) for run in runs])
    if report_directory is not None:
        _leave(saved_run, runs, report_directory)
    # A file is read anywhere.
    width = columns if output is None else int
    if output_format == "json":
        text = encode(saved if len(saved) > 1 else saved[0]).decode()
    elif len(runs) > 1:
        text = _side_by_side(runs, output_format, width(120))
    else:
        text = _of_one(runs[0], output_format, width(80))
    if output is not None:
        _write(text, output)
        return 0
    # HTML says itself that it is UTF-8.
    encoding = "utf-8" if output_format == "html" else sys.stdout.encoding or "utf-8"
    # A terminal that cannot show a character of the document is no reason to show none.
    sys.stdout.buffer.write(text.encode(encoding, "replace"))
    sys.stdout.flush()
    return 0


def _strategy(document: RunDocument) -> str:
    return words(migration_of(document).strategy, "none")


def _leave(paths: Sequence[Path], runs: list[RunData], report: Path) -> None:
    make_directory(report)
    for number, (path, run) in enumerate(zip(paths, runs, strict=True), 1):
        directory = path if path.is_dir() else path.parent
        # Runs of other places may have the same name.
        place = report if len(runs) == 1 else report / f"{number}-{directory.resolve().name}"
        make_directory(place)
        failed = write_reports(run, place)
        if failed:
            raise BrokenError(f"The report could not be written: {next(iter(failed.values()))}. Is the disk full?")
        copy_documents(directory, run.content, place, DATA)
    if len(runs) > 1:
        leave_side_by_side(runs, report, REPORTS)


def _of_one(run: RunData, output_format: str, width: int) -> str:
    if output_format == "html":
        return render_html(run.document, run.rows, run.percentiles)
    return render_markdown(run.document) if output_format == "markdown" else render_text(run.document, width)


def _side_by_side(runs: Sequence[RunData], output_format: str, width: int) -> str:
    if output_format == "html":
        return render_html_side_by_side(runs)
    documents = [run.document for run in runs]
    if output_format == "markdown":
        return render_markdown_side_by_side(documents)
    return render_side_by_side(documents, width)


def _write(text: str, output: Path) -> None:
    try:
        write_whole(output, text)
    except OSError as error:
        raise ConfigurationError(f"--output {output} cannot be written: {error.strerror}.") from None
