"""Structured logs, to stderr and to the run's log file."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Final, Literal, TextIO, cast

import structlog

LogFormat = Literal["console", "json"]

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Stderr:
    """What stderr is now: while a live status is shown, what is written to it goes above that."""

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except BrokenPipeError:
            abandon(sys.stderr)
            return len(text)

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except BrokenPipeError:
            abandon(sys.stderr)


def abandon(stream: TextIO) -> None:
    """Let what is written from now on go nowhere: nobody reads it, which is no reason to end what is under way."""
    # What could not be written would be tried again at the interpreter's end, with a traceback.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


STDERR: Final = _Stderr()
"""For what is said to people in lines of its own."""


class _Tee:
    """Prints each line in the person's format, and as JSON to a file once there is one."""

    def __init__(self, stream: TextIO, log_format: LogFormat) -> None:
        self.file: TextIO | None = None
        self.error = ""
        self.quiet = False
        self._stream = stream
        self._json = structlog.processors.JSONRenderer()
        self._shown = self._json if log_format == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())

    def __call__(self, logger: object, method: str, event: structlog.typing.EventDict) -> str:
        if self.file is not None:
            try:
                self.file.write(str(self._json(logger, method, {**event})) + "\n")
                self.file.flush()
            except OSError as error:
                # The run goes on without its log file; whoever watches is told once.
                self.file = None
                self.error = error.strerror or str(error)
                event["log_file_error"] = self.error
        if self.quiet:
            raise structlog.DropEvent
        return str(self._shown(logger, method, event))


class _Forward(logging.Handler):
    """Has what libraries log in the same lines as our own."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max((each for each in _LEVELS.values() if each <= record.levelno), default=logging.DEBUG)
        try:
            sentence = record.getMessage()
        except (TypeError, ValueError):  # its arguments do not fit
            sentence = str(record.msg)
        structlog.get_logger().log(level, sentence, logger=record.name, exc_info=record.exc_info)


_tee: _Tee | None = None


def configure(log_format: LogFormat, log_level: str) -> None:
    """Send structured logs of that level and above to stderr."""
    global _tee
    _tee = _Tee(sys.stderr, log_format)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _tee,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[log_level]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", STDERR)),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


def write_to(path: Path) -> None:
    """Send the same lines, as JSON, to a file too."""
    if _tee is not None:
        _tee.error = ""
        _tee.file = path.open("a", encoding="utf-8")


def file_error() -> str:
    """Why the log file could not be written on; empty if it could."""
    return _tee.error if _tee is not None else ""


def close() -> None:
    """Close the log file."""
    if _tee is not None and _tee.file is not None:
        file, _tee.file = _tee.file, None
        with contextlib.suppress(OSError):  # every line was flushed when it was written
            file.close()
