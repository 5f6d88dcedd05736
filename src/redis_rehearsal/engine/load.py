"""The load of a worker: what is due when, and the ticks in which it is sent."""

import gc
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.application import Application
from redis_rehearsal.engine.messages import SetLoad, Start
from redis_rehearsal.engine.open_loop import OpenLoop
from redis_rehearsal.engine.pacer import BlockT, Pacer
from redis_rehearsal.engine.plan import Drawn, WorkerPlan
from redis_rehearsal.engine.recorder import FLUSH_OPERATIONS
from redis_rehearsal.engine.stalls import LEAST_STALL_SECONDS, Stalls
from redis_rehearsal.engine.timer import Timer, make_timer
from redis_rehearsal.telemetry.garbage import keep_what_is_there
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.workload.arrivals import Arrivals

_COLLECTION_THRESHOLDS: Final = (20_000, 20, 100)
"""Few objects of the load are in cycles; the defaults would look for them some hundred times a second."""
_BLOCK_SECONDS: Final = 0.1
_MAX_BLOCK: Final = 1024
_SPARSE_PER_SECOND: Final = 1_000
_LONGEST_SECONDS: Final = 0.1
"""Between two wake-ups where every operation has one of its own."""


def tick_seconds(operations_per_second: float) -> float | None:
    """The time between two ticks; None where every operation has a wake-up of its own.

    A wake-up was measured at some 30 µs of processor time on a virtual machine, and what is sent in it at as
    much again; 0.6 ms keeps the median response time under half a millisecond at the least cost.
    """
    if operations_per_second < _SPARSE_PER_SECOND:
        return None
    return 0.000_6 if operations_per_second <= 30_000 else 0.001


class Load:
    """The queries and events of a worker, on their schedule.

    Args:
        plan: of the worker.
        application: sends them.
        stalls: gets to know when the worker did not wake up on time.
    """

    def __init__(self, plan: WorkerPlan, application: Application, stalls: Stalls) -> None:
        self._plan = plan
        self._queries, self._events = application.queries, application.events
        self._questions, self._increments = application.queries.blocks, application.events.blocks
        self._recorders = application.recorders
        self._query_arrivals_rng = plan.generator(Drawn.QUERY_ARRIVALS)
        self._event_arrivals_rng = plan.generator(Drawn.EVENT_ARRIVALS)
        self._router = application.router
        self._queries_per_second, self._events_per_second = plan.share.queries_per_second, plan.share.events_per_second
        self._tick_seconds = tick_seconds(plan.share.events_per_second + plan.share.queries_per_second)
        self._timer: Timer | None = None
        self._scheduled_seconds = 0.0
        self._ticking = False
        self._delays_seconds: list[float] = []
        self._stalls = stalls

    @property
    def loops(self) -> tuple[OpenLoop[Any], OpenLoop[Any]]:
        """Of queries and of events."""
        return self._queries.loop, self._events.loop

    def prepare(self, command: Start) -> None:
        """Draw what is due first."""
        self._draw(command.at_seconds)
        if command.until_seconds is not None:
            for loop in self.loops:
                loop.until_seconds = command.until_seconds
        keep_what_is_there()
        gc.set_threshold(*_COLLECTION_THRESHOLDS)

    def begin(self, at_seconds: float) -> None:
        """Send what is due, from a time on the monotonic clock."""
        self._timer = make_timer(self._tick)
        self._ticking = True
        self._set_timer(at_seconds)

    def change(self, command: SetLoad) -> None:
        """Go on at other rates and with other mixes."""
        now = monotonic()
        share = float(self._plan.share.tenant_shares.sum())
        self._queries_per_second = command.queries_per_second * share
        self._events_per_second = command.events_per_second * share
        if command.slot_shares is not None:
            self._questions.stream.set_slot_shares(command.slot_shares)
        if command.type_shares is not None:
            self._increments.stream.set_type_shares(command.type_shares)
        self._draw(now)
        self._tick_seconds = tick_seconds(self._queries_per_second + self._events_per_second)
        self._set_timer(now)

    def end_at(self, at_seconds: float) -> None:
        """Nothing is due from then on."""
        for loop in self.loops:
            loop.until_seconds = min(loop.until_seconds, at_seconds)

    def end(self) -> None:
        """Wake up no more by itself."""
        self._ticking = False
        if self._timer is not None:
            self._timer.close()

    def send_due(self, now_seconds: float) -> None:
        """Send what is due."""
        self._queries.loop.tick(now_seconds)
        self._events.tick(now_seconds)
        self._router.flush()

    def note_stall(self, now_seconds: float) -> None:
        """See whether a wake-up is overdue right now; what is asked in the same turn of the loop may come before it."""
        if self._timer is not None and self._ticking:
            self._stalls.note(self._scheduled_seconds, now_seconds)

    def take_delays(self) -> Histogram:
        """By how much ticks were late since this was last asked for."""
        delays = Histogram()
        delays.record(self._delays_seconds)
        self._delays_seconds.clear()
        return delays

    def _draw(self, at_seconds: float) -> None:
        # What was drawn before and is not due yet is drawn anew.
        queries, events = self.loops
        queries.pacer = self._pacer(
            self._queries_per_second, at_seconds, self._query_arrivals_rng, self._questions.build
        )
        events.pacer = self._pacer(
            self._events_per_second, at_seconds, self._event_arrivals_rng, self._increments.build
        )

    def _pacer(
        self,
        rate_per_second: float,
        at_seconds: float,
        rng: np.random.Generator,
        build: Callable[[NDArray[np.float64]], BlockT],
    ) -> Pacer[BlockT] | None:
        if rate_per_second <= 0:
            return None
        arrivals = Arrivals(self._plan.settings.arrivals, rate_per_second, at_seconds, rng)
        block_size = int(min(_MAX_BLOCK, max(1.0, rate_per_second * _BLOCK_SECONDS)))
        return Pacer(arrivals, build, block_size)

    def _set_timer(self, at_seconds: float) -> None:
        self._scheduled_seconds = at_seconds
        if self._timer is None:
            return
        if self._tick_seconds is None:
            self._timer.once(at_seconds)
        else:
            self._timer.every(at_seconds, self._tick_seconds)

    def _tick(self) -> None:
        now = monotonic()
        self._note_delay(now)
        self.send_due(now)
        for recorder in self._recorders:
            if recorder.pending >= FLUSH_OPERATIONS:
                recorder.flush()
        if self._tick_seconds is None and self._timer is not None:
            due = min(self._queries.loop.next_seconds, self._events.loop.next_seconds, now + _LONGEST_SECONDS)
            self._scheduled_seconds = max(due, now)
            self._timer.once(due)

    def _note_delay(self, now: float) -> None:
        delay = now - self._scheduled_seconds
        self._delays_seconds.append(delay)
        if delay > LEAST_STALL_SECONDS:
            self._stalls.note(self._scheduled_seconds, now)
        if self._tick_seconds is not None:
            # Ticks that were missed are not made up for.
            self._scheduled_seconds += self._tick_seconds * (1 + delay // self._tick_seconds)
