"""Rehearsing from the command line: one strategy or several, their reports and the exit code."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog
import uvloop

from redis_rehearsal.cli.driving import (
    Entrance,
    complain_of_unwritten,
    conclude,
    console,
    drive,
    leave_copy,
    leave_document,
    leave_report,
    say,
)
from redis_rehearsal.cli.handing_on import HandingOn, Output, leave_side_by_side, make_directory
from redis_rehearsal.cli.people import columns
from redis_rehearsal.coordinator.run import Run
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.errors import BrokenError
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.report import files
from redis_rehearsal.report.conclusion import verdicts_line
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.junit import Rehearsed
from redis_rehearsal.report.migration_text import render_side_by_side, render_text
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.verification.verdict import VerdictStatus

_log = structlog.get_logger()

_EXIT_CODES: Final = {VerdictStatus.PASS: 0, VerdictStatus.FAIL: 1, VerdictStatus.UNKNOWN: 3}


def rehearse_each(settings: Settings, each: list[MigrationOptions], output: Output) -> int:
    """Rehearse one strategy, or several from the same fresh state; returns the exit code.

    Args:
        settings: of the runs.
        each: how to migrate, once for each strategy.
        output: what is left of it.

    Raises:
        RehearsalError: see `Run.execute`.
    """
    if output.report is not None:
        make_directory(output.report)
    logging.configure(settings.log_format, settings.log_level)
    entrance = Entrance.of(settings)
    with HandingOn.of(output.junit, each[0].strategy) as handing_on:
        if len(each) == 1:
            ended = uvloop.run(_rehearse(settings, entrance, each[0], output))
            handing_on.add(Rehearsed(each[0].strategy, ended.document, ended.trouble))
            return _EXIT_CODES[ended.status]
        fresh = settings.model_copy(update={"reset": True})
        found: list[_Ended] = []
        for options in each:
            handing_on.strategy = options.strategy
            place = None if output.report is None else output.report / options.strategy
            if place is not None:
                make_directory(place)
            of_one = replace(output, report=place, print_json=False)
            ended = uvloop.run(_rehearse(fresh, entrance, options, of_one))
            handing_on.add(Rehearsed(options.strategy, ended.document, ended.trouble))
            if ended.run is not None:
                found.append(ended)
            if ended.stopped:
                say(console(settings), "It was told to end: the strategies that were left are not rehearsed.")
                break
        return _conclude(settings, found, output)


@dataclass(frozen=True, slots=True)
class _Ended:
    """What came of a strategy.

    Attributes:
        strategy: its name.
        status: of its verdict.
        run: what it left; None where it left no document.
        directory: of the run; None where it has none.
        trouble: what broke of the run itself; empty where nothing did.
        stopped: whether it was told to end.
    """

    strategy: str
    status: VerdictStatus
    run: RunData | None
    directory: Path | None
    trouble: str
    stopped: bool

    @property
    def document(self) -> RunDocument | None:
        """Of the run."""
        return self.run.document if self.run else None


def _conclude(settings: Settings, found: list[_Ended], output: Output) -> int:
    """Put several side by side; returns the exit code."""
    runs = [ended.run for ended in found if ended.run is not None]
    documents = [run.document for run in runs]
    report = _leave_side_by_side(runs, found[-1].directory, output) if found else None
    if output.print_json:
        sys.stdout.write(encode(documents).decode())
        sys.stdout.flush()
    people = console(settings)
    say(people, render_side_by_side(documents, columns(120)).rstrip("\n"))
    statuses = {ended.status for ended in found}
    best = next((status for status in VerdictStatus if status in statuses), VerdictStatus.UNKNOWN)
    if best is not VerdictStatus.PASS and VerdictStatus.UNKNOWN in statuses:
        best = VerdictStatus.UNKNOWN
    verdicts = [(ended.strategy, str(ended.status)) for ended in found]
    conclude(verdicts_line(verdicts, str(best)), str(best), str(report or ""), people)
    return _EXIT_CODES[best]


async def _rehearse(settings: Settings, entrance: Entrance, options: MigrationOptions, output: Output) -> _Ended:
    """One strategy."""
    work = Run(settings, options)
    broken = ""
    document: RunDocument | None = None
    run: RunData | None = None
    try:
        await drive(work, settings, entrance)
    except BrokenError as error:
        # What was seen until then still counts.
        broken = str(error)
    finally:
        show = (lambda made: render_text(made, columns(80))) if output.details else None
        document = leave_document(work, console(settings), print_json=output.print_json, show=show)
        if document is not None and work.view.directory is not None:
            if not work.view.records:  # it ended before its migration began, which is worth a report too
                leave_report(work, document)
            leave_copy(work, document, console(settings), output.report, judged=True)
            run = replace(RunData.of(work.view), document=document)
    complain_of_unwritten(work)
    if broken:
        _log.error(broken)
    status = VerdictStatus(verdict_status(document.verdict if document else None))
    if broken and status is VerdictStatus.PASS:
        status = VerdictStatus.UNKNOWN
    return _Ended(options.strategy, status, run, work.view.directory, broken, work.stopping)


def _leave_side_by_side(runs: list[RunData], last: Path | None, output: Output) -> Path | None:
    """Write the report of several; in the directory of the last one, where no other was named."""
    if output.report is not None:
        return leave_side_by_side(runs, output.report, files.REPORTS)
    return None if last is None else leave_side_by_side(runs, last, files.SIDE_BY_SIDE)
