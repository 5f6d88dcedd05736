"""Rehearsing from the command line: one strategy or several, their reports and the exit code."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
import uvloop

from redis_rehearsal.cli.driving import (
    Entrance,
    complain_of_unwritten,
    console,
    drive,
    leave_document,
    leave_report,
)
from redis_rehearsal.coordinator.run import Run
from redis_rehearsal.errors import BrokenError, ConfigurationError
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.report import files
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.report.html import render_html_side_by_side
from redis_rehearsal.report.migration_markdown import render_markdown_side_by_side
from redis_rehearsal.report.migration_text import render_side_by_side, render_text
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.verification.verdict import VerdictStatus

_log = structlog.get_logger()

_EXIT_CODES: Final = {VerdictStatus.PASS: 0, VerdictStatus.FAIL: 1, VerdictStatus.UNKNOWN: 3}


def rehearse_each(settings: Settings, each: list[MigrationOptions], report: Path | None, *, print_json: bool) -> int:
    """Rehearse one strategy, or several from the same fresh state; returns the exit code.

    Args:
        settings: of the runs.
        each: how to migrate, once for each strategy.
        report: where the reports are copied to; None for nowhere.
        print_json: whether to print the documents to stdout.

    Raises:
        RehearsalError: see `Run.execute`.
    """
    if report is not None:
        _make(report)
    logging.configure(settings.log_format, settings.log_level)
    entrance = Entrance.of(settings)
    if len(each) == 1:
        return _EXIT_CODES[uvloop.run(_rehearse(settings, entrance, each[0], report, print_json=print_json))[0]]
    return _compare(settings, entrance, each, report, print_json=print_json)


def _compare(
    settings: Settings, entrance: Entrance, each: list[MigrationOptions], report: Path | None, *, print_json: bool
) -> int:
    fresh = settings.model_copy(update={"reset": True})
    found: list[tuple[VerdictStatus, RunData]] = []
    for options in each:
        place = None if report is None else report / options.strategy
        if place is not None:
            _make(place)
        status, run = uvloop.run(_rehearse(fresh, entrance, options, place, print_json=False))
        if run is not None:
            found.append((status, run))
    documents = [run.document for _, run in found]
    if report is not None and found:
        _leave_side_by_side([run for _, run in found], report)
    sys.stderr.write(render_side_by_side(documents))
    if print_json:
        sys.stdout.write(encode(documents).decode())
    statuses = {status for status, _ in found}
    best = next((status for status in VerdictStatus if status in statuses), VerdictStatus.UNKNOWN)
    if best is not VerdictStatus.PASS and VerdictStatus.UNKNOWN in statuses:
        best = VerdictStatus.UNKNOWN
    return _EXIT_CODES[best]


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--report {directory} cannot be made: {error.strerror}.") from None


async def _rehearse(
    settings: Settings, entrance: Entrance, options: MigrationOptions, report: Path | None, *, print_json: bool
) -> tuple[VerdictStatus, RunData | None]:
    work = Run(settings, options)
    broken = ""
    document: dict[str, Any] | None = None
    run: RunData | None = None
    try:
        await drive(work, settings, entrance)
    except BrokenError as error:
        # What was seen until then still counts.
        broken = str(error)
    finally:
        document = leave_document(work, console(settings), print_json=print_json, show=render_text)
        if document is not None and work.view.directory is not None:
            if not work.view.records:  # it ended before its migration began, which is worth a report too
                leave_report(work, document)
            if report is not None:
                _copy(work.view.directory, document, report)
            run = replace(RunData.of(work.view), document=document)
    complain_of_unwritten(work)
    if broken:
        _log.error(broken)
    verdict = (document or {}).get("verdict") or {}
    status = VerdictStatus(verdict.get("status", VerdictStatus.UNKNOWN))
    if broken and status is VerdictStatus.PASS:
        status = VerdictStatus.UNKNOWN
    return status, run


def _copy(directory: Path, document: dict[str, Any], report: Path) -> None:
    copied: dict[str, Callable[[], object]] = {
        name: partial(shutil.copyfile, directory / name, report / name) for name in files.ALL
    }
    # This one is there in memory, whatever became of its file.
    copied[files.DOCUMENT] = partial(files.write_document, document, report)
    failed = []
    for name, copy in copied.items():
        try:
            if name == files.DOCUMENT or (directory / name).is_file():
                copy()
        except OSError as error:
            failed.append(error)
    if failed:
        raise BrokenError(f"The report could not be copied to {report}: {failed[0]}. Is the disk full?")


def _leave_side_by_side(runs: list[RunData], report: Path) -> None:
    try:
        files.write_whole(report / "report.html", render_html_side_by_side(runs))
        markdown = render_markdown_side_by_side([run.document for run in runs])
        files.write_whole(report / "report.md", markdown)
    except OSError as error:
        raise BrokenError(f"The report could not be written: {error}. Is the disk full?") from None
