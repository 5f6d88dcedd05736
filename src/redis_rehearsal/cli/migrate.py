"""`redis-rehearsal migrate`: begin a migration of a run, and watch it to its verdict."""

import contextlib
import json as json_module
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from redis_rehearsal.cli.client import UNKNOWN_EXIT_CODE, Client, OutcomeUnknownError, Token
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.errors import CannotTellError, ConfigurationError, RehearsalError
from redis_rehearsal.migration.options import MigrationOptions

_POLL_SECONDS: Final = 0.5
_SLICE_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 30.0
_ROLLBACK_SECONDS: Final = 120.0
_EXIT_CODES: Final = {"pass": 0, "fail": 1}


def migrate(
    *,
    options: Annotated[MigrationOptions, Parameter(name="*")],
    bind_address: Address = DEFAULT_ADDRESS,
    control_token: Token = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    report: Path | None = None,
) -> int:
    """Move a run from its source to its target, watch it, and print the verdict.

    Ctrl-C asks whether to go on, to roll back, or to leave the migration running; without a terminal it is left
    running. Exit codes: 0 pass, 1 fail, 2 wrong usage or refused, 3 unknown.

    Args:
        options: How, and what it may cost.
        bind_address: Where the run serves HTTP.
        control_token: The run's token, better in the environment, where others do not see it; a run of yours on this
            machine needs none.
        json: Print the migration's document to stdout when it ends, instead of the verdict.
        report: Save the run's report, one HTML file, under this name or in this directory when the migration ends.
    """
    client = Client(bind_address, control_token)
    client.check()
    if report is not None:
        report = _place(report)
    with interrupts() as interrupted:
        document = _Watch(client, options, interrupted).run()
    if document is None:
        return UNKNOWN_EXIT_CODE
    verdict = document.get("verdict") or {}
    if json:
        sys.stdout.write(f"{json_module.dumps(document, indent=2)}\n")
    else:
        sys.stdout.write(_verdict_lines(document, verdict))
    if report is not None:
        _save(client, report)
    return _EXIT_CODES.get(verdict.get("status", ""), UNKNOWN_EXIT_CODE)


def _place(report: Path) -> Path:
    """The file to write, looked at before anything is moved for it."""
    path = report / "report.html" if report.is_dir() else report
    if not path.parent.is_dir():
        raise ConfigurationError(f"--report {report}: there is no directory {path.parent}.")
    return path


def _save(client: Client, path: Path) -> None:
    sys.stdout.flush()
    try:
        path.write_bytes(client.page("/report.html"))
    except OSError as error:
        raise ConfigurationError(f"--report {path} cannot be written: {error.strerror}.") from None


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
        until = time.monotonic() + seconds
        while not self.pending and time.monotonic() < until:
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
        self._console = Console(stderr=True)
        self._shown: dict[int, str] = {}
        self._number = -1

    def run(self) -> dict[str, Any] | None:
        """Begin the migration and watch it; None where its end is not waited for."""
        self._client.call("POST", "/api/migrations", self._options)
        self._say(f"The migration by the strategy {self._options.strategy} has begun.")
        answered = time.monotonic()
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
                    if time.monotonic() - answered > _PATIENCE_SECONDS:
                        self._say(f"{error} How the migration ends is not known here.")
                        return None
                else:
                    answered = time.monotonic()
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
        for number, step in enumerate(document.get("steps") or ()):
            status = str(step.get("status"))
            if self._shown.get(number) != status:
                self._shown[number] = status
                self._say(_step_line(step))
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


def _now(document: dict[str, Any]) -> str:
    progress = document.get("progress") or {}
    return ": ".join(str(part) for part in (document.get("phase"), progress.get("text")) if part)


def _step_line(step: dict[str, Any]) -> str:
    status, seconds = step.get("status"), step.get("duration_seconds")
    line = f"{step.get('name')}: {status}"
    if status != "running" and seconds is not None:
        line += f" after {seconds:.2f} s"
    return f"{line}; {step['detail']}" if step.get("detail") else line


def _verdict_lines(document: dict[str, Any], verdict: dict[str, Any]) -> str:
    lines = [f"verdict: {verdict.get('status') or 'unknown'} (the migration is {document.get('status')})\n"]
    for criterion in verdict.get("criteria") or ():
        measured, limit = (_shown(criterion.get(name)) for name in ("measured", "limit"))
        reason = f"; {criterion['reason']}" if criterion.get("reason") else ""
        name, status = str(criterion.get("name")), str(criterion.get("status"))
        lines.append(f"  {status:<8} {name:<26} measured {measured}, limit {limit}{reason}\n")
    return "".join(lines)


def _shown(value: Any) -> str:
    return "unknown" if value is None else f"{value:,g}" if isinstance(value, int | float) else str(value)
