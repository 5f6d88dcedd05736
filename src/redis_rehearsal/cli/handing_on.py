"""What a command that gives verdicts hands on to a system for CI: JUnit XML; on GitHub annotations and a summary."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from redis_rehearsal.errors import BrokenError, ConfigurationError, RehearsalError
from redis_rehearsal.report import files
from redis_rehearsal.report.conclusion import verdict_line
from redis_rehearsal.report.html import render_html_side_by_side
from redis_rehearsal.report.judgement import verdict_status
from redis_rehearsal.report.junit import Rehearsed, render_junit
from redis_rehearsal.report.migration_markdown import render_markdown, render_markdown_side_by_side
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.telemetry.logging import STDERR

_log = structlog.get_logger()

_ESCAPED: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}


def writable(path: Path, flag: str) -> Path:
    """A file that is to be written when all is over, looked at before anything is touched.

    Raises:
        ConfigurationError: it could not be written.
    """
    if path.is_dir():
        raise ConfigurationError(f"{flag} {path} is a directory; name a file.")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{flag} {path}: there is no directory {path.parent}.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"{flag} {path} cannot be written: it is not permitted.")
    return path


def make_directory(path: Path) -> None:
    """Make the directory for reports, before anything is touched.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--report {path} cannot be made: {error.strerror}.") from None


def copy_documents(directory: Path, content: Mapping[str, Any], report: Path, names: Sequence[str] = files.ALL) -> None:
    """Copy what a run left to another directory, all of it that can be.

    Args:
        directory: of the run.
        content: the run's document as JSON has it, which is there in memory, whatever became of its file.
        report: where to.
        names: of the files; those that are not there are left out.

    Raises:
        BrokenError: something could not be copied.
    """
    copied: dict[str, Callable[[], object]] = {
        name: partial(shutil.copyfile, directory / name, report / name) for name in names
    }
    copied[files.DOCUMENT] = partial(files.write_content, content, report)
    # Beside no document of a run, a file of such a name is somebody's own.
    was_of_a_run = (report / files.DOCUMENT).is_file()
    failed = []
    for name, copy in copied.items():
        try:
            if name == files.DOCUMENT or (directory / name).is_file():
                copy()
            elif was_of_a_run:
                (report / name).unlink(missing_ok=True)
        except shutil.SameFileError:
            continue
        except OSError as error:
            failed.append(error)
    if failed:
        raise BrokenError(f"The report could not be copied to {report}: {failed[0]}. Is the disk full?")


def leave_side_by_side(runs: list[RunData], directory: Path, names: Sequence[str]) -> Path:
    """Write the report of several runs; returns the first of its files.

    Args:
        runs: in this order.
        directory: where to.
        names: of the files, HTML first and then Markdown.

    Raises:
        BrokenError: it could not be written.
    """
    try:
        files.write_whole(directory / names[0], render_html_side_by_side(runs))
        files.write_whole(directory / names[1], render_markdown_side_by_side([run.document for run in runs]))
    except OSError as error:
        raise BrokenError(f"The report could not be written: {error}. Is the disk full?") from None
    return directory / names[0]


@dataclass(frozen=True, slots=True)
class Output:
    """What is left of what was rehearsed, and where.

    Attributes:
        report: the directory for the reports; None for none.
        junit: the file for JUnit XML; None for none.
        details: whether to print the whole report to stderr.
        print_json: whether to print the documents to stdout.
    """

    report: Path | None = None
    junit: Path | None = None
    details: bool = False
    print_json: bool = False


@dataclass(slots=True)
class HandingOn:
    """What was rehearsed so far, and to whom it is handed on.

    Attributes:
        junit: the file for JUnit XML; None for none.
        strategy: that is under way.
        rehearsed: what was rehearsed, in this order.
    """

    junit: Path | None
    strategy: str
    rehearsed: list[Rehearsed] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def of(cls, junit: Path | None, strategy: str) -> Iterator["HandingOn"]:
        """Hands on what was rehearsed in the block, and what kept the strategy that was under way from its end.

        Args:
            junit: the file for JUnit XML; None for none.
            strategy: the first one.

        Raises:
            ConfigurationError: the file cannot be written, as is seen before the block.
            BrokenError: it could not be written, after it.
        """
        if junit is not None:
            writable(junit, "--junit")
        made = cls(junit, strategy)
        try:
            yield made
        except BaseException as error:
            # Whatever it was, it must not pass; the text of what is no error of ours may hold a secret.
            own = isinstance(error, RehearsalError)
            made.add(Rehearsed(made.strategy, trouble=str(error) if own else f"it ended by {type(error).__name__}"))
            raise
        finally:
            made.leave()

    def add(self, rehearsed: Rehearsed) -> None:
        """One more strategy has ended, or failed to begin."""
        self.rehearsed.append(rehearsed)

    def leave(self) -> None:
        """Write all of it.

        Raises:
            BrokenError: the file for JUnit XML cannot be written.
        """
        if os.environ.get("GITHUB_ACTIONS") == "true":
            _annotate(self.rehearsed)
            _summarise(self.rehearsed)
        if self.junit is not None:
            leave_junit(self.junit, self.rehearsed)


def hand_on_refusal(path: Path, strategy: str, sentence: str, began_unix_seconds: float) -> None:
    """Write JUnit XML of a command that was refused, unless it has been written since that began.

    Raises:
        ConfigurationError, BrokenError: it cannot be written.
    """
    writable(path, "--junit")
    if not path.exists() or path.stat().st_mtime < began_unix_seconds:
        leave_junit(path, [Rehearsed(strategy, trouble=sentence)])


def leave_junit(path: Path, rehearsed: Sequence[Rehearsed]) -> None:
    """Write JUnit XML.

    Raises:
        BrokenError: it cannot be written.
    """
    try:
        files.write_whole(path, render_junit(rehearsed))
    except OSError as error:
        raise BrokenError(f"--junit {path} cannot be written: {error.strerror}. Is the disk full?") from None


def _annotate(rehearsed: Sequence[Rehearsed]) -> None:
    for each in rehearsed:
        verdict = each.document.verdict if each.document else None
        if not each.trouble and verdict_status(verdict) == "pass":
            continue
        line = each.trouble or verdict_line(verdict)
        # https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
        title = _escaped(each.strategy).replace(":", "%3A").replace(",", "%2C")
        STDERR.write(f"::error title=Rehearsal of {title}::{_escaped(line)}\n")
    STDERR.flush()


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)


def _summarise(rehearsed: Sequence[Rehearsed]) -> None:
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    documents = [each.document for each in rehearsed if each.document is not None]
    if not documents:
        return
    text = render_markdown_side_by_side(documents) if len(documents) > 1 else render_markdown(documents[0])
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        _log.warning(f"the job's summary cannot be written: {error.strerror}")
