"""`redis-rehearsal report`: a finished run, from its document."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import orjson
from cyclopts import Parameter

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.report.document import SCHEMA_VERSION
from redis_rehearsal.report.facts import number
from redis_rehearsal.report.files import write_whole
from redis_rehearsal.report.html import render_html, render_html_side_by_side
from redis_rehearsal.report.migration_markdown import render_markdown, render_markdown_side_by_side
from redis_rehearsal.report.migration_text import render_side_by_side, render_text
from redis_rehearsal.report.run_data import RunData

_NAME: Final = "run.json"


def report(
    *run_dir: Path,
    output_format: Annotated[Literal["text", "markdown", "html", "json"], Parameter(name="--format")] = "text",
    output: Path | None = None,
) -> int:
    """Print what a finished run came to: what was done, the verdict and why, phase by phase; several side by side.

    Exit code 0 whatever the verdict, 2 where there is no document that can be read.

    Args:
        run_dir: Directory of the run, or its run.json; several are put side by side.
        output_format: Text for a terminal, Markdown for a pull request, HTML for a ticket (one file with charts, which
            needs nothing else), or the document itself.
        output: Write to this file, not to stdout.
    """
    if not run_dir:
        raise ConfigurationError(f"Name the directory of a run, or its {_NAME}.")
    documents = [_read(path) for path in run_dir]
    document = documents[0]
    if len(documents) > 1:
        runs = [_run(path, document) for path, document in zip(run_dir, documents, strict=True)]
        text = render_html_side_by_side(runs) if output_format == "html" else _side_by_side(documents, output_format)
    elif output_format == "json":
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    elif output_format == "markdown":
        text = render_markdown(document)
    elif output_format == "html":
        run = _run(run_dir[0], document)
        text = render_html(run.document, run.rows, run.percentiles)
    else:
        text = render_text(document)
    if output is not None:
        _write(text, output)
        return 0
    # HTML says itself that it is UTF-8.
    encoding = "utf-8" if output_format == "html" else sys.stdout.encoding or "utf-8"
    # A terminal that cannot show a character of the document is no reason to show none.
    sys.stdout.buffer.write(text.encode(encoding, "replace"))
    sys.stdout.flush()
    return 0


def _side_by_side(documents: list[dict[str, Any]], output_format: str) -> str:
    if output_format == "json":
        return orjson.dumps(documents, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return (render_markdown_side_by_side if output_format == "markdown" else render_side_by_side)(documents)


def _run(path: Path, document: dict[str, Any]) -> RunData:
    directory = path if path.is_dir() else path.parent
    try:
        return RunData.read(directory, document)
    except OSError as error:
        raise ConfigurationError(f"The file {error.filename} cannot be read: {error.strerror}.") from None


def _write(text: str, output: Path) -> None:
    try:
        write_whole(output, text)
    except OSError as error:
        raise ConfigurationError(f"--output {output} cannot be written: {error.strerror}.") from None


def _read(run_dir: Path) -> dict[str, Any]:
    path = run_dir
    try:
        if run_dir.is_dir():
            path = run_dir / _NAME
        content = path.read_bytes()
    except FileNotFoundError:
        if path == run_dir:
            raise ConfigurationError(f"There is no {run_dir}; name the directory of a run, or its {_NAME}.") from None
        raise ConfigurationError(
            f"The directory {run_dir} holds no {_NAME}: the run has not ended, or it is not the directory of a run."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error.strerror}.") from None
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"The file {path} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"The file {path} is not the document of a run.")
    version = number(document.get("schema_version"))
    if version is not None and version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"The file {path} has schema_version {version:g}, newer than {SCHEMA_VERSION}, the newest that is known "
            "here; use the redis-rehearsal that wrote it."
        )
    return document
