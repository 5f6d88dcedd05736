"""The cutover: holding writes, promoting the target, moving the application, letting the writes go.

Until another server is made the truth, all that fails ends with the application writing to the source; from then on
only to the target. What is in between cannot be interrupted.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

from redis.exceptions import ResponseError

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.route import Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.fleet.control import CONFIRM_SECONDS
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.phases import Phase

LEAST_LEFT_SECONDS: Final = 1.0
"""Promotion is not begun with less than this left of the freeze."""
FENCE_REPLICAS: Final = 99
"""More replicas than any source has: with so many wanted, it refuses every write."""

CatchUp = Callable[[float], Awaitable[None]]
"""Waits until the target has all that the source acknowledged, or raises at a time of the monotonic clock."""
Promote = Callable[[], Awaitable[None]]


async def cut_over(
    context: Context,
    catch_up: CatchUp | None = None,
    promote: Promote | None = None,
    before: Promote | None = None,
) -> None:
    """Move the live application from the context's source to its target, which on the way back are exchanged.

    Args:
        context: of the migration.
        catch_up: what must be true of the target before it takes writes; None for nothing.
        promote: makes the target take writes; None where it does so already.
        before: done first of all, while writes still go on; None for nothing.

    Raises:
        MigrationError: it did not come about; says where the application is.
    """
    began = await context.phase(Phase.CUTOVER)
    context.cutovers.append((began, None))
    if before is not None:
        await before()
    kind = context.options.freeze
    freezing: _Freeze
    match kind:
        case "client":
            freezing = _ClientFreeze(context)
        case "server":
            freezing = _ServerFreeze(context)
        case "none":
            freezing = _NoFreeze(context)
    try:
        async with context.step("freeze") as step:
            until = await freezing.begin()
            step.detail = freezing.what
        try:
            if catch_up is not None:
                async with context.step("catch up"):
                    await catch_up(until - LEAST_LEFT_SECONDS)
            if kind != "none":
                _require_time(context, until)
        except BaseException:
            await freezing.let_go()
            raise
        # From here on only all of it.
        moving = asyncio.create_task(_move(context, freezing, promote, until))
        try:
            await asyncio.shield(moving)
        except asyncio.CancelledError:
            await asyncio.wait({moving})
            if (error := moving.exception()) is not None:
                # Who cancels does not hear of it otherwise.
                context.warnings.append(str(error))
            raise
    finally:
        context.end_cutover(monotonic())
        context.freeze_seconds = freezing.lasted_seconds


def _require_time(context: Context, until_seconds: float) -> None:
    needed = LEAST_LEFT_SECONDS + context.options.rollout
    if until_seconds - monotonic() < needed:
        raise MigrationError(
            f"The freeze had less than {needed:g} s left for the promotion; the application went on with the "
            f"{context.source.role}. A longer --freeze-bound, or less load, gives it time."
        )


async def _move(context: Context, freezing: "_Freeze", promote: Promote | None, until_seconds: float) -> None:
    app, to, held = context.app, context.target.role, context.options.freeze != "none"
    # Where writes are held the target becomes the truth also if nothing is to be promoted: a worker whose freeze comes
    # to its bound before it hears of the move would let them go on the source, from where nobody carries them any more.
    commits = held or promote is not None
    if commits:
        try:
            within = CONFIRM_SECONDS
            if held:
                # Before the freeze ends by itself they must be told otherwise where not all of them do it.
                within = min(within, until_seconds - monotonic() - LEAST_LEFT_SECONDS / 2)
            await app.set_truth(to, frozen=freezing.held_by_application, within_seconds=within)
        except MigrationError as error:
            raise await _stayed(context, freezing, str(error)) from None
    if promote is not None:
        async with context.step("promote") as step:
            try:
                await promote()
                step.detail = f"the {to} takes writes"
            except ResponseError as error:
                why = f"{context.target} refused to be promoted ({error})."
                raise await _stayed(context, freezing, why) from None
            except CLIENT_ERRORS as error:
                # It may have been promoted: from here on only it takes writes.
                step.detail = f"no reply ({error}); it may have been promoted"
                context.warnings.append(f"Whether {context.target} was promoted is not known: {error}.")
    async with context.step("move the application") as step:
        try:
            await app.set_route(Route(to, to), context.options.rollout, thaw=freezing.held_by_application)
        except MigrationError as error:
            if not commits:
                raise await _stayed(context, freezing, str(error)) from None
            # Only there may they write: each worker goes there by itself.
            why = f"{error} The {to} was made the truth before, so that it is where the application belongs."
            raise MigrationError(await _each(why, freezing.end)) from None
        await freezing.end()
        step.detail = f"reads and writes go to the {to}"


async def _stayed(context: Context, freezing: "_Freeze", why: str) -> MigrationError:
    """Have the application go on with the source, and let its writes go.

    Args:
        context: of the migration.
        freezing: holds the writes.
        why: it cannot move.

    Returns:
        What to raise: why, and where the application is.
    """
    app, role = context.app, context.source.role

    async def set_route() -> None:
        # A worker whose freeze came to its bound meanwhile moved by itself.
        await app.set_route(Route(role, role))

    said = await _each(why, app.clear_truth, set_route, freezing.give_up)
    if not app.astray:
        said = f"{said} The application went on with the {role}."
    return MigrationError(said)


async def _each(why: str, *works: Callable[[], Awaitable[None]]) -> str:
    """Do one after the other, whatever becomes of those before; returns why, and what failed."""
    for work in works:
        try:
            await work()
        except MigrationError as error:
            why = f"{why} {error}"
    return why


class _Freeze(ABC):
    """Who holds writes back.

    Attributes:
        held_by_application: whether the application does.
        what: what it means, for people.
        lasted_seconds: how long they were held; None where they were not.
    """

    held_by_application = False
    what = "writes go on"

    def __init__(self, context: Context) -> None:
        self.context = context
        self.lasted_seconds: float | None = None
        self._began = 0.0

    def _until(self) -> float:
        self._began = monotonic()
        return self._began + self.context.options.freeze_bound

    def _ended(self) -> None:
        self.lasted_seconds = min(monotonic() - self._began, self.context.options.freeze_bound)

    @abstractmethod
    async def begin(self) -> float:
        """Hold writes; returns the bound on the monotonic clock."""

    @abstractmethod
    async def give_up(self) -> None:
        """Let them go on the source."""

    async def let_go(self) -> None:
        """Give up for a reason that is told elsewhere."""
        try:
            await self.give_up()
        except MigrationError as error:
            self.context.warnings.append(f"{error} What it holds goes on when the freeze comes to its bound.")

    @abstractmethod
    async def end(self) -> None:
        """The application is on the target: let them go there."""


class _NoFreeze(_Freeze):
    async def begin(self) -> float:
        return self._until()

    async def give_up(self) -> None:
        return

    async def end(self) -> None:
        return


class _ClientFreeze(_Freeze):
    held_by_application = True
    what = "the application holds its writes"

    async def begin(self) -> float:
        until = self._until()
        try:
            await self.context.app.freeze(until)
        except BaseException:
            await self.let_go()
            raise
        return until

    async def give_up(self) -> None:
        try:
            await self.context.app.thaw()
        finally:
            self._ended()

    async def end(self) -> None:
        self._ended()  # with the route


class _ServerFreeze(_Freeze):
    what = "the server that is left holds writes"

    async def begin(self) -> float:
        context = self.context
        source = context.source
        context.require_server_wide(source)
        name = "min-replicas-to-write"
        try:
            self._before = str((await source.client.config_get(name))[name])
            # Now, since the source takes no writes from here on; that it is fenced is known only then.
            await context.note(source, name, self._before, str(FENCE_REPLICAS))
            until = self._until()
            bound_ms = int(context.options.freeze_bound * 1000)
            await source.client.client_pause(bound_ms, all=False)
        except (*CLIENT_ERRORS, KeyError) as error:
            await context.forget(source, name)
            raise MigrationError(f"{source} could not be made to hold writes: {error}.") from None
        return until

    async def give_up(self) -> None:
        try:
            await self.context.source.client.client_unpause()
        except CLIENT_ERRORS as error:
            self.context.warnings.append(f"{self.context.source} may hold writes until its pause ends ({error}).")
        await self.context.forget(self.context.source, "min-replicas-to-write")
        self._ended()

    async def end(self) -> None:
        # Refused, not run: what waits behind the pause is sent again, to the target.
        context, source = self.context, self.context.source

        async def restore() -> None:
            await source.client.config_set("min-replicas-to-write", self._before)
            await context.forget(source, "min-replicas-to-write")

        context.put_back(f"min-replicas-to-write of {source}", restore)
        try:
            async with source.client.pipeline(transaction=True) as pipe:
                pipe.execute_command("CONFIG", "SET", "min-replicas-to-write", str(FENCE_REPLICAS))
                pipe.execute_command("CLIENT", "UNPAUSE")
                await pipe.execute()
        except CLIENT_ERRORS as error:
            raise MigrationError(
                f"{source} could not be fenced ({error}): writes that it holds may be applied there when its pause "
                "ends. The application is on the target."
            ) from None
        self._ended()
