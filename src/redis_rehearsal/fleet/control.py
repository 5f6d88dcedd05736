"""Steering all workers at once: what is asked of them, and whether each has done it."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.clock import LATE_SECONDS, monotonic
from redis_rehearsal.engine.messages import (
    AddBoundary,
    Changed,
    Command,
    DropServer,
    Freeze,
    Hold,
    PrepareServer,
    Release,
    SetFallback,
    SetLoad,
    SetRoute,
    SetTruth,
    Steer,
    TakeUnmirrored,
    TakeWanted,
    Thaw,
    UseServer,
)
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.fleet.row import Label, Segment

CONFIRM_SECONDS: Final = 5.0
"""So long a change may take that needs nobody but the workers."""
BOUNDARY_LEAD_SECONDS: Final = 0.02
"""A new segment begins this long after it is ordered, so that every worker hears of it in time."""


class FleetControl:
    """The workers as one application.

    Args:
        tell: sends a command to every worker.
        workers: how many there are.

    Attributes:
        route: of all tenants; while they move, the one that they move to.
        moving: whether tenants are on their way to `route`.
        truth: the server that was made the truth; None: the one that takes the writes.
        astray: whether a move was ordered that not every worker has confirmed, so that some may be elsewhere.
        fallback: the server that is asked for what the one that takes the reads does not have; None for none.
        phase: the current one.
        segments: all so far.
    """

    def __init__(self, tell: Callable[[Command], None], workers: int) -> None:
        self._tell = tell
        self._workers = workers
        self._numbers = 0
        self._waiting: dict[int, tuple[dict[int, str], asyncio.Event, list[int]]] = {}
        self._lost: set[int] = set()
        self._history: list[tuple[float, Label, float]] = []
        self._frozen_until_seconds = 0.0
        self.route = Route()
        self.moving = False
        self.truth: Role | None = None
        self.astray = False
        self.fallback: Role | None = None
        self.segments: list[Segment] = []
        self._note()

    @property
    def phase(self) -> str:
        """The current phase; empty before the load."""
        return self.segments[-1].phase if self.segments else ""

    @property
    def in_use(self) -> set[Role]:
        """The servers to which reads or writes go."""
        return {self.route.reads, self.route.writes}

    @property
    def frozen(self) -> bool:
        """Whether writes are held; a freeze ends by itself at its bound, also where nobody ends it."""
        return monotonic() < self._frozen_until_seconds

    def on_changed(self, report: Changed) -> None:
        """A worker has done what was asked, or says why not."""
        waiting = self._waiting.get(report.change)
        if waiting is not None:
            confirmed, done, organizations = waiting
            confirmed[report.worker] = report.error
            organizations += report.organizations
            self._see_whether_all(confirmed, done)

    def on_lost(self, worker: int) -> None:
        """A worker is gone; nothing more is expected of it."""
        self._lost.add(worker)
        for confirmed, done, _ in self._waiting.values():
            self._see_whether_all(confirmed, done)

    def _see_whether_all(self, confirmed: dict[int, str], done: asyncio.Event) -> None:
        """Wait no more where each worker has said something, or is gone."""
        if len(confirmed.keys() | self._lost) == self._workers:
            done.set()

    async def _change(self, what: str, make: Callable[[int], Steer], timeout_seconds: float) -> list[int]:
        self._numbers += 1
        number = self._numbers
        confirmed: dict[int, str] = {}
        done = asyncio.Event()
        organizations: list[int] = []
        self._waiting[number] = (confirmed, done, organizations)
        self._see_whether_all(confirmed, done)
        self._tell(make(number))
        try:
            await _set_within(done, timeout_seconds)
            missing = sorted(set(range(self._workers)) - confirmed.keys() - self._lost)
            if missing:
                raise MigrationError(
                    f"The application did not {what} within {timeout_seconds:.1f} s: worker "
                    f"{', '.join(map(str, missing))} has not confirmed it."
                )
        finally:
            del self._waiting[number]
        for error in confirmed.values():
            if error:
                raise MigrationError(f"The application did not {what}: {error}.")
        if self._lost:
            raise MigrationError(f"The application could not {what}: a worker of the load has ended.")
        return organizations

    def _order(self, make: Callable[[int], Steer]) -> None:
        """Tell it, and do not wait for it."""
        self._numbers += 1
        self._tell(make(self._numbers))

    def begin_phase(self, name: str, at_seconds: float | None = None) -> float:
        """Begin a phase; operations belong to it by their intended start.

        Args:
            name: of the phase.
            at_seconds: when, on the monotonic clock; None for as soon as every worker can know of it.

        Returns:
            When it begins: not before the one that was announced last, since segments follow one another.
        """
        at = monotonic() + BOUNDARY_LEAD_SECONDS if at_seconds is None else at_seconds
        at = max([at, *(segment.began_seconds for segment in self.segments[-1:])])
        if self.segments:
            self._tell(AddBoundary(at))
        self.segments.append(Segment(name, len(self.segments), at))
        self._note(at)
        return at

    def rename_since(self, at_seconds: float, name: str) -> None:
        """What began at a time or later belonged to another phase than was thought."""
        self.segments = [
            segment._replace(phase=name) if segment.began_seconds >= at_seconds else segment
            for segment in self.segments
        ]
        self._history = [
            (at, replace(label, phase=name) if at >= at_seconds else label, frozen_until)
            for at, label, frozen_until in self._history
        ]

    def _note(self, at_seconds: float | None = None) -> None:
        label = Label(self.phase, self.route.reads, self._writes(), self.frozen)
        at = monotonic() if at_seconds is None else at_seconds
        self._history.append((at, label, self._frozen_until_seconds))

    def _writes(self) -> str:
        return "both" if self.route.mirror else self.route.writes

    def label(self, from_seconds: float, to_seconds: float) -> Label:
        """What went on between two times: what was last, but a cutover or a freeze within wins."""
        before = [noted for noted in self._history if noted[0] <= from_seconds][-1:]
        within = [noted for noted in self._history if from_seconds < noted[0] < to_seconds]
        entries = before + within or self._history[:1]
        labels = [label for _, label, _ in entries]
        phase = "cutover" if any(label.phase == "cutover" for label in labels) else labels[-1].phase
        reads, writes = ({getattr(label, name) for label in labels} for name in ("reads", "writes"))
        return Label(
            phase,
            labels[-1].reads if len(reads) == 1 else "both",
            labels[-1].writes if len(writes) == 1 else "both",
            any(label.frozen and from_seconds < frozen_until for _, label, frozen_until in entries),
        )

    async def freeze(self, until_seconds: float) -> None:
        """Hold all writes; returns once none is on its way.

        Raises:
            MigrationError: that did not come about in time; writes go on at the bound at the latest.
        """
        self._frozen_until_seconds = until_seconds
        self._note()
        try:
            left = until_seconds - monotonic()
            await self._change("hold its writes", lambda change: Freeze(change, until_seconds), left)
        except BaseException:
            self._thawed()
            raise

    async def thaw(self) -> None:
        """Let what was held go, where writes go now."""
        await self._change("let its writes go", Thaw, CONFIRM_SECONDS)
        self._thawed()

    def _thawed(self) -> None:
        self._frozen_until_seconds = 0.0
        self._note()

    async def set_truth(self, role: Role, *, frozen: bool, within_seconds: float) -> None:
        """Make a server the truth of all tenants, whatever their route is.

        Args:
            role: of the server.
            frozen: only where writes are still held.
            within_seconds: so long it may take. Where it fails some may have done it: see `clear_truth`.

        Raises:
            MigrationError: not every worker confirmed it.
        """
        await self._change(
            f"take the {role} for the truth", lambda change: SetTruth(change, role, frozen), within_seconds
        )
        self.truth = role

    async def clear_truth(self) -> None:
        """Make the server that takes the writes the truth again.

        Raises:
            MigrationError: not every worker confirmed it; those will do it before whatever they are told next.
        """
        self.truth = None
        await self._change(
            "take the server that it writes to for the truth", lambda change: SetTruth(change, None), CONFIRM_SECONDS
        )

    async def set_route(self, route: Route, rollout_seconds: float = 0.0, *, thaw: bool = False) -> None:
        """Move all tenants to a route; returns once all have moved.

        Args:
            route: where to.
            rollout_seconds: in which they move one after the other; 0 for at once.
            thaw: whether a freeze ends with it.

        Raises:
            MigrationError: not every worker confirmed it. All were sent back then, unless another server is the
                truth: from there no way leads back.
        """
        before = self.route
        self.route, self.moving, self.astray = route, True, True
        self._note()
        try:
            await self._change(
                f"move to the {route.writes}",
                lambda change: SetRoute(change, route, rollout_seconds, thaw),
                rollout_seconds + CONFIRM_SECONDS,
            )
        except MigrationError as error:
            if self.truth is not None:
                raise
            # Who has moved, or does so later, is sent back: else they are where nobody knows them.
            self.route = before
            try:
                await self._change(
                    f"go back to the {before.writes}", lambda change: SetRoute(change, before), CONFIRM_SECONDS
                )
            except MigrationError as again:
                self._note()
                raise MigrationError(f"{error} {again} It is not known which server it uses.") from None
            self.astray = False
            self._note()
            raise
        finally:
            self.moving = False
        self.astray = False
        if thaw:
            self._frozen_until_seconds = 0.0
        self._note()

    async def hold(self, organizations: list[int], seconds: float) -> list[int]:
        """Hold the writes of some organisations, or go on holding them; returns once none of theirs is on its way.

        Args:
            organizations: their numbers.
            seconds: after which the hold ends by itself.

        Returns:
            Those whose earlier hold had ended by itself, and was not released since.

        Raises:
            MigrationError: that did not come about in time; their writes go on.
        """
        until_seconds = monotonic() + seconds
        try:
            return await self._change(
                "hold the writes of some organisations",
                lambda change: Hold(change, organizations, until_seconds),
                seconds + CONFIRM_SECONDS,
            )
        except MigrationError:
            await self.release(organizations)
            raise

    async def release(self, organizations: list[int] | None) -> list[int]:
        """Let the writes of some organisations go, where they go now; None for all that are held.

        Returns:
            Those whose hold had ended by itself before: what was done meanwhile was not done at rest.
        """
        return await self._change(
            "let the writes of some organisations go", lambda change: Release(change, organizations), CONFIRM_SECONDS
        )

    async def take_unmirrored(self) -> list[int]:
        """The organisations of which a write did not reach the mirror since this was last asked."""
        return await self._change("say what did not reach the mirror", TakeUnmirrored, CONFIRM_SECONDS)

    async def take_wanted(self) -> list[int]:
        """The held organisations whose writes wait now."""
        return await self._change("say what waits", TakeWanted, CONFIRM_SECONDS)

    async def set_fallback(self, role: Role | None) -> None:
        """Have a server answer reads that find nothing where reads go; None ends it."""
        await self._change("change its fallback", lambda change: SetFallback(change, role), CONFIRM_SECONDS)
        self.fallback = role

    async def set_server(self, role: Role, endpoint: Endpoint, timeout_seconds: float) -> None:
        """Use another server in a role that is not in use: all workers do, or none.

        Raises:
            MigrationError: it is in use, or not every worker can use the server.
        """
        prepared = self._numbers + 1
        try:
            await self._change(
                f"connect to {endpoint}", lambda change: PrepareServer(change, role, endpoint), timeout_seconds
            )
        except BaseException:
            self._order(lambda change: DropServer(change, prepared))
            raise
        # Nothing of it can fail, and it stands before whatever the workers are told next.
        self._order(lambda change: UseServer(change, prepared))

    async def set_load(self, make: Callable[[int], SetLoad]) -> None:
        """Change the load.

        Args:
            make: the command, from the number of the change.
        """
        await self._change("change its load", make, CONFIRM_SECONDS)


async def _set_within(done: asyncio.Event, seconds: float) -> None:
    """Wait for an event, so long at most."""
    by = monotonic() + max(0.0, seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await done.wait()
    if monotonic() > by + LATE_SECONDS:
        # Who stood still has not heard yet what was said in time: a loop looks at its timers first.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                await done.wait()
