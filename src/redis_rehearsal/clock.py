"""Time. No other module asks the system for it, so that a simulation can give all of them a time of its own."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

Seconds = Callable[[], float]


class Standstill(NamedTuple):
    """A time in which a process did not run: what came in it was read only afterwards.

    Attributes:
        start_seconds: on the monotonic clock.
        end_seconds: the same.
    """

    start_seconds: float
    end_seconds: float

    def since(self, at_seconds: float) -> float:
        """How much of it came after a time."""
        return max(0.0, self.end_seconds - max(self.start_seconds, at_seconds))


NO_STANDSTILL: Final = Standstill(0.0, 0.0)
LATE_SECONDS: Final = 0.1
"""A timer that fires so late tells of this process, not of those that it waited for."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time comes from.

    Attributes:
        monotonic: see `monotonic`.
        unix: see `unix`.
        processor: see `processor`.
    """

    monotonic: Seconds = time.monotonic
    unix: Seconds = time.time
    processor: Seconds = time.process_time


_clocks = Clocks()
_monotonic = _clocks.monotonic  # asked some ten thousand times a second


def monotonic() -> float:
    """Seconds on a clock that never goes back, and that all processes of a machine share."""
    return _monotonic()


def unix() -> float:
    """Unix time in seconds, as the system has it now: it may jump."""
    return _clocks.unix()


def utc() -> datetime:
    """The same as a date."""
    return datetime.fromtimestamp(_clocks.unix(), UTC)


def processor() -> float:
    """Seconds for which a processor has worked for this process."""
    return _clocks.processor()


@contextlib.contextmanager
def given_by(clocks: Clocks) -> Iterator[None]:
    """Have this process take its time from elsewhere meanwhile."""
    global _clocks, _monotonic  # a process has one time
    before = _clocks
    _clocks, _monotonic = clocks, clocks.monotonic
    try:
        yield
    finally:
        _clocks, _monotonic = before, before.monotonic


@dataclass(frozen=True, slots=True)
class WallClock:
    """Unix time as it was at the start of the run plus what has passed on the monotonic clock.

    All processes of a run share one, so that a step of the system's clock makes no report stale.

    Attributes:
        offset_seconds: Unix time less monotonic time.
    """

    offset_seconds: float

    @classmethod
    def start(cls) -> "WallClock":
        """The clock of a run that starts now."""
        return cls(unix() - monotonic())

    def now(self) -> float:
        """Unix time in seconds."""
        return monotonic() + self.offset_seconds

    def at(self, monotonic_seconds: float) -> float:
        """Unix time in seconds at a time of the monotonic clock."""
        return monotonic_seconds + self.offset_seconds
