"""Migrating a run that is going on: beginning it, watching it to its verdict, and what is left of it."""

import contextlib
import json as json_module
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rich.text import Text

from redis_rehearsal.cli.client import UNKNOWN_EXIT_CODE, Client, OutcomeUnknownError
from redis_rehearsal.cli.handing_on import HandingOn, Output, make_directory
from redis_rehearsal.cli.people import People, columns
from redis_rehearsal.clock import monotonic
from redis_rehearsal.document.reading import read
from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.status import MigrationSoFar
from redis_rehearsal.errors import CannotTellError, ConfigurationError, RehearsalError
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.report.conclusion import conclusion, verdict_line
from redis_rehearsal.report.files import REPORTS, write_content, write_whole
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.junit import Rehearsed
from redis_rehearsal.report.migration_markdown import render_markdown
from redis_rehearsal.report.migration_text import render_text
from redis_rehearsal.report.narration import Narrator
from redis_rehearsal.report.reading import words
from redis_rehearsal.report.run_data import RunData

_POLL_SECONDS: Final = 0.5
_SLICE_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 30.0
_ROLLBACK_SECONDS: Final = 120.0
_EXIT_CODES: Final = {"pass": 0, "fail": 1}


def migrate_and_watch(client: Client, options: MigrationOptions, output: Output) -> int:
    """Migrate a run; returns the exit code.

    Args:
        client: of the run.
        options: how, and what it may cost.
        output: what is left of it.

    Raises:
        RehearsalError: it was refused, or what is left could not be written.
    """
    if output.report is not None:
        make_directory(output.report)
    with HandingOn.of(output.junit, options.strategy) as handing_on:
        client.check()
        with interrupts() as interrupted:
            document = _Watch(client, options, interrupted).run()
        if document is None:
            handing_on.add(Rehearsed(options.strategy, trouble="its end was not waited for"))
            return UNKNOWN_EXIT_CODE
        whole = _whole(client, document)
        handing_on.add(Rehearsed(options.strategy, whole.document))
    if output.print_json:
        sys.stdout.write(f"{json_module.dumps(document, indent=2)}\n")
    if output.details:
        sys.stderr.write(render_text(whole.document, columns(80)))
    place = f"{client.url}/report.html" if output.report is None else str(_save(client, output.report, whole))
    said = conclusion(verdict_line(whole.document.verdict), place, People(stderr=output.print_json).width)
    # Where stdout has the document, people read stderr.
    (sys.stderr if output.print_json else sys.stdout).write(f"{said}\n")
    return _EXIT_CODES.get(verdict_status(whole.document.verdict), UNKNOWN_EXIT_CODE)


def _whole(client: Client, document: dict[str, Any]) -> RunData:
    """The run's document as it is now, with what is known of this migration."""
    # Both stand beside it in the run's document.
    migration = {name: value for name, value in document.items() if name not in ("verdict", "phases")}
    run: dict[str, Any] = {}
    # Without it the verdict is still known.
    with contextlib.suppress(RehearsalError):
        run = client.call("GET", "/stats")
    content = {**run, "migration": migration, "verdict": document.get("verdict")}
    return RunData(read(RunDocument, content), saved=content)


def _save(client: Client, directory: Path, run: RunData) -> Path:
    """Leave the reports; returns where the first of them is."""
    page = client.page("/report.html")
    try:
        (directory / REPORTS[0]).write_bytes(page)
        write_whole(directory / REPORTS[1], render_markdown(run.document))
        write_whole(directory / REPORTS[2], render_text(run.document))
        write_content(run.content, directory)
    except OSError as error:
        raise ConfigurationError(f"--report {directory} cannot be written: {error.strerror}.") from None
    return directory / REPORTS[0]


@dataclass(slots=True)
class Interrupts:
    """What Ctrl-C has said.

    Without a lock, as an event of `threading` has one: its signal may come to who holds it, who would wait for himself.

    Attributes:
        pending: whether one was not answered yet.
    """

    pending: bool = False

    def wait(self, seconds: float) -> None:
        """Wait so long, or until there is one."""
        until = monotonic() + seconds
        while not self.pending and monotonic() < until:
            time.sleep(_SLICE_SECONDS)


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Ctrl-C is noted, so that it comes between two calls; a second one, unanswered, interrupts as ever."""
    interrupted = Interrupts()

    def note(number: int, frame: FrameType | None) -> None:
        if interrupted.pending:
            raise KeyboardInterrupt
        interrupted.pending = True

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # as in the background of a script
        yield interrupted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


class _Watch:
    """One migration from its beginning to its end, as lines on stderr."""

    def __init__(self, client: Client, options: MigrationOptions, interrupted: Interrupts) -> None:
        self._client = client
        self._options = options
        self._interrupted = interrupted
        self._console = People(stderr=True)
        self._narrator = Narrator()
        self._number = -1

    def run(self) -> dict[str, Any] | None:
        """Begin the migration and watch it; None where its end is not waited for."""
        self._client.call("POST", "/api/migrations", self._options)
        self._say(f"The migration by the strategy {self._options.strategy} has begun.")
        answered = monotonic()
        progress = self._console.status("")
        progress.start()
        try:
            while True:
                if self._interrupted.pending:
                    progress.stop()
                    if not self._go_on():
                        return None
                    self._interrupted.pending = False
                    progress.start()
                try:
                    document = self._look()
                except OutcomeUnknownError:
                    raise
                except RehearsalError as error:  # the run may be too busy to answer for a moment
                    if monotonic() - answered > _PATIENCE_SECONDS:
                        self._say(f"{error} How the migration ends is not known here.")
                        return None
                else:
                    answered = monotonic()
                    if document.get("status") != "running":
                        return document
                    progress.update(Text(_now(document)))
                self._interrupted.wait(_POLL_SECONDS)
        except KeyboardInterrupt:
            self._say_left()
            return None
        finally:
            progress.stop()

    def _look(self) -> dict[str, Any]:
        documents: list[dict[str, Any]] = self._client.call("GET", "/api/migrations")
        # It was the last one when it began, and stays at its place.
        self._number = self._number if self._number >= 0 else len(documents) - 1
        if not 0 <= self._number < len(documents):
            raise CannotTellError("The run knows nothing of this migration; is it another run by now?")
        document = documents[self._number]
        told = read(MigrationSoFar, document)
        new = [
            (_told_at(told.steps[number].started_at, told.steps[number].duration_seconds), line)
            for number, line in self._narrator.steps(told.steps)
        ]
        phases = [(words(each.name), _told_at(each.started_at)) for each in told.phases]
        for _, line in sorted(new + self._narrator.phases(phases, self._options)):
            self._say(line)
        return document

    def _go_on(self) -> bool:
        """Ask what Ctrl-C is to mean; whether to go on watching."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            self._say_left()
            return False
        while True:
            sys.stderr.write("[c]ontinue, [r]oll back, [l]eave it running? ")
            sys.stderr.flush()
            reply = sys.stdin.readline()
            choice = reply.strip().lower()[:1]
            if choice == "c":
                return True
            if choice == "r":
                return self._roll_back()
            if choice == "l" or not reply:
                self._say_left()
                return False

    def _roll_back(self) -> bool:
        try:
            self._client.call("POST", "/api/migrations/current/rollback", timeout_seconds=_ROLLBACK_SECONDS)
        except RehearsalError as error:  # it may have ended meanwhile, as the next look will show
            self._say(str(error))
        return True

    def _say_left(self) -> None:
        self._say("The migration is left running; redis-rehearsal status shows how far it is.")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _told_at(started_at: str | None, lasted_seconds: float | None = None) -> float:
    """When it ended, or began where it goes on, as a Unix time; 0 of a run that does not say."""
    try:
        return datetime.fromisoformat(words(started_at)).timestamp() + (lasted_seconds or 0.0)
    except ValueError:
        return 0.0


def _now(document: dict[str, Any]) -> str:
    progress = document.get("progress") or {}
    return ": ".join(str(part) for part in (document.get("phase"), progress.get("text")) if part)
