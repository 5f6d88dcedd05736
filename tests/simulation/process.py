"""Processes of a simulation: all in one loop, yet each can be stopped, go on, or be killed by itself.

What is called belongs to the process that arranged for it, which its context says. What is due for one that is stopped
waits, in order, and what is due for one that was killed never happens.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any

_CURRENT: ContextVar["Process | None"] = ContextVar("process", default=None)


class Process:
    """Something that runs by itself.

    Args:
        name: for people.

    Attributes:
        name: the same.
        context: in which all of it runs.
        alive: whether it was not killed.
        on_killed: called once it is.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.on_killed: list[Callable[[], None]] = []
        self.context: Context = copy_context()
        self.context.run(_CURRENT.set, self)
        self._stopped = False
        self._waiting: list[asyncio.Handle] = []
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return self.name

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Have it do something."""
        return self._loop.create_task(work, context=self.context)

    def stop(self) -> None:
        """As SIGSTOP does."""
        self._stopped = True

    def go_on(self) -> None:
        """As SIGCONT does: what waited comes first."""
        self._stopped = False
        for handle in self._waiting:
            self._loop._ready.append(handle)  # type: ignore[attr-defined]  # a handle is not put there otherwise
        self._waiting.clear()

    def kill(self) -> None:
        """As SIGKILL does."""
        if self.alive:
            self.alive = False
            self._waiting.clear()
            for call in self.on_killed:
                call()

    def release(self) -> None:
        """The simulation is over: what is left of it may end."""
        self.alive, self._stopped = True, False
        self._waiting.clear()

    def may_run(self, handle: asyncio.Handle) -> bool:
        """Whether something that is due is to happen now; what may happen later is kept."""
        if self.alive and not self._stopped:
            return True
        if self.alive:
            self._waiting.append(handle)
        return False


def current() -> Process | None:
    """Whose code runs; None for the simulation's own."""
    return _CURRENT.get()


def process_of(context: Context | None) -> Process | None:
    """To whom a context belongs."""
    return None if context is None else context.get(_CURRENT)


class ProcessHandle(asyncio.Handle):
    """A call that waits while its process is stopped."""

    __slots__ = ()

    def _run(self) -> None:
        process = self._context.get(_CURRENT)  # type: ignore[attr-defined]  # asyncio names it so
        if process is None or process.may_run(self):
            super()._run()


_numbers = count()


class ProcessTimerHandle(asyncio.TimerHandle):
    """The same, at a time; of those at one time the one that was arranged first comes first."""

    __slots__ = ("_number",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._number = next(_numbers)

    def __lt__(self, other: object) -> bool:
        return (self._when, self._number) < (other._when, other._number)  # type: ignore[attr-defined]  # all are such

    def _run(self) -> None:
        process = self._context.get(_CURRENT)  # type: ignore[attr-defined]  # asyncio names it so
        if process is None or process.may_run(self):
            super()._run()
