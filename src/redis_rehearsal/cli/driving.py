"""Driving a run from the command line: signals, HTTP and status around it, documents after it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
import structlog
import uvloop
from rich.console import Console
from rich.text import Text

from redis_rehearsal.cli.handing_on import copy_documents, make_directory
from redis_rehearsal.cli.people import People
from redis_rehearsal.cli.runtime_file import RuntimeFile
from redis_rehearsal.coordinator.run import Run
from redis_rehearsal.document.base import as_json
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.embedded.prometheus import LocalPrometheus
from redis_rehearsal.errors import BrokenError, ConfigurationError
from redis_rehearsal.observing import rules
from redis_rehearsal.report import terminal
from redis_rehearsal.report.conclusion import conclusion, verdict_line
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.report.files import DOCUMENT, REPORTS, write_document, write_reports
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.run_data import PERCENTILES, RunData, write_percentiles
from redis_rehearsal.report.summary import summary
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.web.app import make_app
from redis_rehearsal.web.guard import is_loopback, make_token
from redis_rehearsal.web.server import WebServer

_log = structlog.get_logger()

_STYLES: Final = {"pass": "bold green", "fail": "bold red", "unknown": "bold yellow"}


def run_until_stopped(
    settings: Settings, *, print_json: bool, report: Path | None = None, with_prometheus: bool = False
) -> int:
    """Run the platform, and again for as long as it is reset; returns the exit code.

    Args:
        settings: of the run.
        print_json: whether to print each run's document to stdout.
        report: the directory to which the documents of the last of them are copied; None for none.
        with_prometheus: whether the Prometheus of this machine is to scrape it.

    Raises:
        RehearsalError: see `Run.execute`; or there is no Prometheus.
    """
    if report is not None:
        make_directory(report)
    logging.configure(settings.log_format, settings.log_level)
    entrance = Entrance.of(settings)
    if with_prometheus:
        entrance.prometheus = LocalPrometheus(rules())
    try:
        return uvloop.run(_run(settings, entrance, report, print_json=print_json))
    finally:
        if entrance.prometheus is not None:
            if why := entrance.prometheus.failure():
                _log.warning(f"Prometheus ended by itself: {why}")
            entrance.prometheus.stop()


@dataclass(slots=True)
class Entrance:
    """Where and how a run is reached; several that follow each other are one for who has their page open.

    Attributes:
        token: that is needed to change what a run does.
        port: of HTTP; 0 until a free one was found.
        prometheus: scrapes each of them; None for none.
    """

    token: str
    port: int
    prometheus: LocalPrometheus | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Entrance":
        """With CONTROL_TOKEN, or a token that is made for the occasion."""
        token = settings.control_token.get_secret_value() if settings.control_token else make_token()
        return cls(token, settings.bind_port)


async def drive(work: Run, settings: Settings, entrance: Entrance) -> None:
    """Let a run do its work: signals, HTTP and the status around it.

    Args:
        work: the run.
        settings: of it.
        entrance: to it, which gets the port that was bound.

    Raises:
        RehearsalError: see `Run.execute`.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, work.stop)
    web = WebServer(make_app(work.view, work.controls, entrance.token), settings.bind_host, entrance.port)
    entrance.port = await web.start()
    _log.info(f"serving {web.address}/health and {web.address}/metrics; the live page is {web.address}/")
    if not is_loopback(settings.bind_host) and settings.bind_host.lower() != "localhost":
        _log.warning(
            f"BIND_ADDRESS {settings.bind_host} is open to other machines: whoever reaches it sees /health and "
            "/metrics, and who knows the token may run commands as this user; the connection is not encrypted"
        )
    if entrance.prometheus is not None:
        entrance.prometheus.scrape(web.address.removeprefix("http://"))
        _log.info(f"Prometheus is at http://{entrance.prometheus.address}/ and scrapes the run every second")
    runtime = RuntimeFile(web.address.removeprefix("http://"))
    link = f"{web.address}/#token={quote(entrance.token, safe='')}"
    _tell(runtime, token=entrance.token, link=link)
    if settings.control_token is None:
        _show_link(link, console(settings))
    work.on_servers = lambda source, target: _tell(runtime, source=source.url, target=target.url)
    # The counters are left alone for it, since the servers would feel it in what is measured.
    so_far = partial(work.controls.verdict_so_far, read_counters=False)
    showing = asyncio.create_task(terminal.show(work.view, console(settings), so_far))
    try:
        await work.execute()
    finally:
        runtime.remove()
        showing.cancel()
        # What is shown may have had nobody left to read it; the run and its document come first.
        await asyncio.wait({showing})
        if not showing.cancelled() and showing.exception() is not None:
            _log.warning("the status could not be shown", error=str(showing.exception()))
        await web.close()


def _tell(runtime: RuntimeFile, **told: str) -> None:
    try:
        runtime.tell(**told)
    except (OSError, ConfigurationError) as error:
        _log.warning(f"other commands will not know the {' and '.join(told)} of this run by themselves: {error}")


def _show_link(link: str, people: Console) -> None:
    # What is no terminal is kept by somebody, and the link lets in who reads it.
    if people.is_terminal:
        with contextlib.suppress(OSError):
            words = f"The live page, from which the run can be changed: {link}"
            people.print(words, soft_wrap=True, highlight=False, markup=False)
    else:
        _log.info("redis-rehearsal status --link shows the link from which the run can be changed")


def console(settings: Settings) -> Console:
    """Where people read, which is not stdout."""
    made = People(stderr=True)
    # Who asked for JSON reads lines, not pictures.
    made.quiet = settings.log_format == "json"
    return made


async def _run(settings: Settings, entrance: Entrance, report: Path | None, *, print_json: bool) -> int:
    while True:
        work = Run(settings)
        try:
            await drive(work, settings, entrance)
        finally:
            document = leave_document(work, console(settings), print_json=print_json, show=summary)
            if document is not None:
                leave_copy(work, document, console(settings), report, judged=bool(work.view.records))
        complain_of_unwritten(work)
        if not work.again:
            return 0
        settings = settings.model_copy(update={"reset": True})


def leave_document(
    work: Run, people: Console, *, print_json: bool, show: Callable[[RunDocument], str] | None
) -> RunDocument | None:
    """Write run.json and percentiles.csv, of a run in which something was migrated its report, and show the document.

    What cannot be written keeps nothing else from being written; it stands in the document, and in the run's view.

    Args:
        work: the run.
        people: where they read.
        print_json: whether to print the document to stdout.
        show: makes a text of it for them; None for none.

    Returns:
        The document; None for a start that was refused, which has none.
    """
    view = work.view
    directory = view.directory
    if directory is None or not directory.exists():
        return None
    if why := logging.file_error():
        view.not_written("run.log", why)
    document = make_document(view)
    known = len(view.unwritten)
    # The document first, since where there is room for one file only it is the one that counts.
    _attempt(work, DOCUMENT, lambda: write_document(document, directory))
    _attempt(work, PERCENTILES, lambda: write_percentiles(view, directory))
    if view.records:
        leave_report(work, document)
    if len(view.unwritten) > known:
        document = msgspec.structs.replace(document, unwritten=dict(view.unwritten))
        # Where there is no room for the news, the old one stays.
        with contextlib.suppress(OSError):
            write_document(document, directory)
    if print_json:
        sys.stdout.write(encode(document).decode())
        sys.stdout.flush()
    if show is not None:
        say(people, show(document))
    if (directory / DOCUMENT).is_file():
        say(people, f"The run's document is {directory / DOCUMENT}.")
    return document


def leave_copy(work: Run, document: RunDocument, people: Console, report: Path | None, *, judged: bool) -> None:
    """Copy what a run left, and show people its verdict and where its report is.

    Args:
        work: the run.
        document: of it.
        people: where they read.
        report: the directory to copy to; None for none.
        judged: whether it should have a verdict.

    Raises:
        BrokenError: it could not be copied; the verdict is shown all the same.
    """
    place = report_of(work)
    try:
        if report is not None and work.view.directory is not None:
            copy_documents(work.view.directory, as_json(document), report)
            place = str(report / REPORTS[0])
    finally:
        if judged:
            conclude(verdict_line(document.verdict), verdict_status(document.verdict), place, people)


def conclude(line: str, status: str, report: str, people: Console) -> None:
    """Show people the verdict, why, and where the report is.

    Args:
        line: says the verdict and why.
        status: of the verdict, in small letters.
        report: path of it; empty where there is none.
        people: where they read.
    """
    if people.quiet:
        _log.info(line, report=report or None)
    text = Text(conclusion(line, report, people.width))
    text.stylize(_STYLES[status], 0, text.plain.index(":"))
    with contextlib.suppress(BrokenPipeError):  # nobody reads it
        people.print(text, soft_wrap=True, highlight=False)


def report_of(work: Run) -> str:
    """The path of a run's report; empty where there is none."""
    path = None if work.view.directory is None else work.view.directory / REPORTS[0]
    return str(path) if path is not None and path.is_file() else ""


def say(people: Console, text: str) -> None:
    """Show people a text as it is."""
    with contextlib.suppress(BrokenPipeError):  # nobody reads it
        people.print(text, soft_wrap=True, highlight=False, markup=False)


def leave_report(work: Run, document: RunDocument) -> None:
    """Write the report, from what the directory of the run holds, so that it can be made again later."""
    directory = work.view.directory
    if directory is None:
        return
    try:
        run = RunData.read(directory, as_json(document))
    except OSError:
        # It is made of what was not written, then.
        run = RunData.of(work.view)
    for name, error in write_reports(run, directory).items():
        work.view.not_written(name, reason(error))


def complain_of_unwritten(work: Run) -> None:
    """End the command where something of the run could not be written.

    Raises:
        BrokenError: it could not.
    """
    unwritten = work.view.unwritten
    if unwritten:
        name, why = next(iter(unwritten.items()))
        others = f", nor {len(unwritten) - 1} other of its files" if len(unwritten) > 1 else ""
        raise BrokenError(
            f"{name} of the run in {work.view.directory} could not be written to its end{others}: {why}. "
            "Is the disk full?"
        )


def _attempt(work: Run, name: str, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        work.view.not_written(name, reason(error))


def reason(error: OSError) -> str:
    """Why a file cannot be written, in words."""
    return error.strerror or type(error).__name__
