"""Wake-ups that are exact to microseconds, where the system has them."""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Protocol

from redis_rehearsal.clock import monotonic


class Timer(Protocol):
    """Calls back at times of the monotonic clock."""

    def once(self, at_seconds: float) -> None:
        """Call back once, or at once where the time has passed."""

    def every(self, from_seconds: float, interval_seconds: float) -> None:
        """Call back on a grid of times; what is missed is skipped, and setting it once is enough."""

    def close(self) -> None:
        """Never call back again."""


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1


class DescriptorTimer:
    """A timerfd that the loop watches: uvloop's own timers have a resolution of 1 ms.

    By ctypes, since the os module has timerfd only from Python 3.13 on.

    Raises:
        OSError: the system has no timerfd.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        if sys.platform != "linux":
            raise OSError("timerfd is only on Linux")
        library = ctypes.CDLL(None, use_errno=True)
        self._settime = library.timerfd_settime
        self._descriptor: int = library.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._spec = _TimerSpec()
        self._reference = ctypes.byref(self._spec)
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._on_readable)

    def _on_readable(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # it was set anew after it had fired
        self._callback()

    def once(self, at_seconds: float) -> None:
        """See `Timer`."""
        self._set(at_seconds, 0.0)

    def every(self, from_seconds: float, interval_seconds: float) -> None:
        """See `Timer`."""
        self._set(from_seconds, interval_seconds)

    def _set(self, at_seconds: float, interval_seconds: float) -> None:
        for part, duration in ((self._spec.value, at_seconds), (self._spec.interval, interval_seconds)):
            part.seconds = int(duration)
            part.nanoseconds = int((duration - part.seconds) * 1e9)
        self._spec.value.nanoseconds |= 1  # all zero would disarm it
        self._settime(self._descriptor, _ABSOLUTE, self._reference, None)

    def close(self) -> None:
        """See `Timer`."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)


class LoopTimer:
    """The loop's own timer, where there is no timerfd."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def once(self, at_seconds: float) -> None:
        """See `Timer`."""
        self._set(at_seconds, self._callback)

    def every(self, from_seconds: float, interval_seconds: float) -> None:
        """See `Timer`."""

        def again() -> None:
            self._set(monotonic() + interval_seconds, again)
            self._callback()

        self._set(from_seconds, again)

    def _set(self, at_seconds: float, callback: Callable[[], None]) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_later(max(0.0, at_seconds - monotonic()), callback)

    def close(self) -> None:
        """See `Timer`."""
        if self._handle is not None:
            self._handle.cancel()


def make_timer(callback: Callable[[], None]) -> Timer:
    """The most exact timer that the system has."""
    try:
        return DescriptorTimer(callback)
    except OSError:
        return LoopTimer(callback)
