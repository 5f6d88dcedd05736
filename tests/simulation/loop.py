"""A loop of which the time is its own: where nothing is to be done, it is the time of what comes next at once.

So hours pass in a second, and what happens in them depends on nothing but the program and its seeds.
"""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar

from redis_rehearsal.clock import Clocks, given_by
from tests.simulation.process import Process, ProcessHandle, ProcessTimerHandle, current, process_of

Result = TypeVar("Result")

_EPOCH_SECONDS: Final = 1_700_000_000.0
_TURN_SECONDS: Final = 1e-9


class _Passing(selectors.DefaultSelector):
    """Has time pass instead of waiting."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        super().__init__()
        self._passes = passes

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See selectors."""
        if timeout is None:
            raise RuntimeError("Nothing is left that could happen, and somebody waits for it.")
        # Some time passes in each turn, as on a real machine: who waits for less than a clock tells waits for ever.
        self._passes(max(_TURN_SECONDS, timeout))
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, in seconds from 0.

    Attributes:
        connect: makes connections; none can be made without it.
        broken: what failed and nobody took care of.
    """

    def __init__(self) -> None:
        self._now_seconds = 0.0
        self._handlers: dict[Process | None, Any] = {}
        self.broken: list[str] = []
        self.connect: Callable[[str, int, asyncio.Protocol], asyncio.Transport] | None = None
        super().__init__(_Passing(self._pass))

    def _pass(self, seconds: float) -> None:
        self._now_seconds += seconds

    def time(self) -> float:
        """See asyncio."""
        return self._now_seconds

    def _call_soon(self, callback: Any, arguments: Any, context: Any) -> asyncio.Handle:
        handle = ProcessHandle(callback, arguments, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]  # as asyncio does
        return handle

    def call_at(  # type: ignore[override]  # asyncio's own is more exact about arguments
        self, when: float, callback: Callable[..., object], *arguments: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        timer = ProcessTimerHandle(when, callback, arguments, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # as asyncio does
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def set_exception_handler(self, handler: Any) -> None:
        """See asyncio; each process has its own."""
        self._handlers[current()] = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """See asyncio."""
        handler = self._handlers.get(process_of(getattr(context.get("handle"), "_context", None)))
        if handler is None:
            self.broken.append(f"{context['message']}: {context.get('exception')!r}")
        else:
            handler(self, context)

    async def create_connection(  # type: ignore[override]  # as much of it as connections to Redis need
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: object
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """A connection over the network that was set as `connect`; it may refuse with an OSError."""
        if self.connect is None:
            raise ConnectionRefusedError(f"there is no network to {host}:{port}")
        protocol = protocol_factory()
        return self.connect(host, port, protocol), protocol

    def run_in_executor(  # type: ignore[override]  # no thread, so that what comes of it comes in one order
        self, executor: object, work: Callable[..., Result], *arguments: Any
    ) -> "asyncio.Future[Result]":
        """Done at once, in no time."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 # it is for who awaits it
            future.set_exception(error)
        return future


def simulate(
    work: Callable[[VirtualLoop], Coroutine[Any, Any, Result]],
    connect: Callable[..., asyncio.Transport] | None = None,
    clock_step_seconds: Callable[[], float] = float,
) -> Result:
    """Do something in virtual time, in which all of the program gets its time from.

    Args:
        work: is given the loop.
        connect: makes connections; none can be made without it.
        clock_step_seconds: by how much the system's clock was set since it began.
    """
    loop = VirtualLoop()
    loop.connect = connect
    clocks = Clocks(loop.time, lambda: _EPOCH_SECONDS + loop.time() + clock_step_seconds(), lambda: 0.0)
    with given_by(clocks), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work(loop))
