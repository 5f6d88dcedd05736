"""Driving a run from the command line: signals, HTTP and status around it, documents after it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import structlog
import uvloop
from rich.console import Console

from redis_rehearsal.coordinator.run import Run
from redis_rehearsal.errors import BrokenError
from redis_rehearsal.report import terminal
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.files import write_reports
from redis_rehearsal.report.run_data import RunData, write_percentiles
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.web.app import make_app
from redis_rehearsal.web.server import WebServer

_log = structlog.get_logger()


def run_until_stopped(settings: Settings, *, print_json: bool) -> int:
    """Run the platform, and again for as long as it is reset; returns the exit code.

    Args:
        settings: of the run.
        print_json: whether to print each run's document to stdout.

    Raises:
        RehearsalError: see `Run.execute`.
    """
    logging.configure(settings.log_format, settings.log_level)
    return uvloop.run(_run(settings, print_json=print_json))


async def drive(work: Run, settings: Settings) -> None:
    """Let a run do its work: signals, HTTP and the status around it.

    Raises:
        RehearsalError: see `Run.execute`.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, work.stop)
    token = settings.control_token.get_secret_value() if settings.control_token else None
    web = WebServer(make_app(work.view, work.controls, token), settings.bind_host, settings.bind_port)
    await web.start()
    _log.info(f"serving {web.address}/health and {web.address}/metrics; the live page is {web.address}/")
    showing = asyncio.create_task(terminal.show(work.view, console(settings)))
    try:
        await work.execute()
    finally:
        showing.cancel()
        # What is shown may have had nobody left to read it; the run and its document come first.
        await asyncio.wait({showing})
        if not showing.cancelled() and showing.exception() is not None:
            _log.warning("the status could not be shown", error=str(showing.exception()))
        await web.close()


def console(settings: Settings) -> Console:
    """Where people read, which is not stdout."""
    made = Console(stderr=True)
    # Who asked for JSON reads lines, not pictures.
    made.quiet = settings.log_format == "json"
    return made


async def _run(settings: Settings, *, print_json: bool) -> int:
    while True:
        work = Run(settings)
        try:
            await drive(work, settings)
        finally:
            leave_document(work, console(settings), print_json=print_json, show=terminal.summary)
        if not work.again:
            return 0
        settings = settings.model_copy(update={"reset": True})


def leave_document(
    work: Run, people: Console, *, print_json: bool, show: Callable[[dict[str, Any]], str]
) -> dict[str, Any] | None:
    """Write run.json and percentiles.csv, of a run in which something was migrated its report, and show the document.

    Args:
        work: the run.
        people: where they read.
        print_json: whether to print the same to stdout.
        show: makes a text of it.

    Returns:
        The document; None for a start that was refused, which has none.

    Raises:
        BrokenError: it could not be written.
    """
    view = work.view
    if view.directory is None or not view.directory.exists():
        return None
    document = make_document(view)
    try:
        # Before the document, whose being there says that the run has ended.
        write_percentiles(view, view.directory)
    except OSError as error:
        raise BrokenError(f"The run's percentiles could not be written: {error}. Is the disk full?") from None
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    path: Path = view.directory / "run.json"
    try:
        # Never half a document under its name.
        path.with_suffix(".part").write_bytes(text)
        path.with_suffix(".part").rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.with_suffix(".part").unlink(missing_ok=True)
        raise BrokenError(f"The run's document {path} could not be written: {error}. Is the disk full?") from None
    if view.records:
        leave_report(document, view.directory)
    if print_json:
        sys.stdout.write(text.decode())
        sys.stdout.flush()
    with contextlib.suppress(BrokenPipeError):  # nobody reads it
        people.print(show(document), soft_wrap=True, highlight=False, markup=False)
        people.print(f"The run's document is {path}.", soft_wrap=True, highlight=False, markup=False)
    return document


def leave_report(document: dict[str, Any], directory: Path) -> None:
    """Write the report, from what the directory of the run holds, so that it can be made again later.

    Raises:
        BrokenError: it could not be written.
    """
    try:
        write_reports(RunData.read(directory, document), directory)
    except OSError as error:
        raise BrokenError(f"The report could not be written: {error}. Is the disk full?") from None
