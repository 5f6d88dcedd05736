"""Switch at once; what the target does not have yet is fetched from the source."""

import asyncio
from typing import Final

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.route import Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.carrying import Carrier, carrying
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preparation import refuse_used_target
from redis_rehearsal.migration.tenantry import Tenantry
from redis_rehearsal.workload.keys import WRITTEN_KINDS
from redis_rehearsal.workload.queries import INVALIDATED_KINDS

_HOLD_SECONDS: Final = 2.0
_ORGANIZATIONS: Final = 20
_SOURCE: Final = Route("source", "source")
_TARGET: Final = Route("target", "target")


async def check(context: Context) -> None:
    """See `Running`."""
    await refuse_used_target(context)


async def run(context: Context) -> None:
    """See `Running`."""
    app = context.app
    async with carrying(context) as carrier:
        began = await context.phase(Phase.CUTOVER)
        context.cutovers.append((began, None))
        every = list(range(1, context.organizations + 1))
        async with context.step("switch") as step:
            held_seconds = monotonic()
            await app.hold(every, context.options.freeze_bound)
            await app.set_fallback("source")
            await app.set_route(_TARGET)
            step.detail = "reads and writes go to the target; what it does not have is read from the source"
        waiting = dict.fromkeys(every)
        try:
            # Listed only now that nobody writes to the source any more, since what it got meanwhile could be missed.
            counters = Tenantry(context.keys)
            for kind in WRITTEN_KINDS:
                await counters.add_all(carrier.scan(context.keys.every_of(kind)))
            async with context.step("move counters") as step:
                await _move_counters(context, carrier, counters, waiting, held_seconds)
                step.detail = f"those first whose increments waited; {carrier.sentence}"
        except _NotHeldError:
            raise
        except (MigrationError, *CLIENT_ERRORS) as error:
            if len(waiting) < len(every):
                raise  # some count on the target already
            raise MigrationError(await _go_back(context, every, error)) from None
        finally:
            context.end_cutover(monotonic())
        await context.phase(Phase.SYNC)
        async with context.step("sweep") as step:
            left = Tenantry(context.keys)
            await left.add_all(carrier.scan(context.keys.every))
            lapsed = await _sweep(context, carrier, left)
            step.detail = carrier.sentence
        await _delete_again(context, lapsed)
        await app.set_fallback(None)
    if carrier.failed:
        raise MigrationError(f"{carrier.what_failed}; the application is on the target, and the source has them still.")


class _NotHeldError(MigrationError):
    """Writes went to the target before their counters were there."""


async def _go_back(context: Context, organizations: list[int], error: BaseException) -> str:
    """Have the application go on with the source, to which nothing is lost as long as all writes were held.

    Returns:
        What to say: why, and where the application is.
    """
    app, bound = context.app, context.options.freeze_bound
    why = str(error) if isinstance(error, MigrationError) else f"A server failed: {error or type(error).__name__}."
    try:
        _require_held(await app.hold(organizations, bound), bound)
        await app.set_route(_SOURCE)
        await app.set_fallback(None)
        lapsed = await app.release(None)
    except MigrationError as another:
        return f"{why} {another}"
    if lapsed:
        return (
            f"{why} The application went back to the source; the writes of {len(lapsed):,} organisations could not be "
            f"held until then: what they counted since the hold ended at its bound of {bound:g} s is on the target."
        )
    return f"{why} The application went back to the source before anything was counted on the target."


async def _move_counters(
    context: Context, carrier: Carrier, tenantry: Tenantry, left: dict[int, None], held_seconds: float
) -> None:
    """Move the counters of organisations, and let their writes go; takes those that were let go out of `left`.

    Raises:
        MigrationError: the first ones could not be moved, or some were not held for long enough.
    """
    bound, every = context.options.freeze_bound, len(left)
    while left:
        if monotonic() - held_seconds > bound / 2:
            # As long as it goes on they are held on; a hold ends by itself only where nobody is there to end it.
            held_seconds = monotonic()
            _require_held(await context.app.hold(list(left), bound), bound)
        wanted = [organization for organization in await context.app.take_wanted() if organization in left]
        some = (wanted or list(left))[:_ORGANIZATIONS]
        keys = [key for organization in some for key in tenantry.written_of(organization)]
        await carrier.carry(keys, replace=False, held=True)
        if carrier.failed and len(left) == every:
            raise MigrationError(f"{carrier.what_failed}.")
        for organization in some:
            del left[organization]  # also where not every worker confirms it: from here on some may count on the target
        _require_held(await context.app.release(some), bound)


def _require_held(lapsed: list[int], bound_seconds: float) -> None:
    if lapsed:
        raise _NotHeldError(
            f"The writes of {len(lapsed):,} organisations could not be held until their counters were moved: the hold "
            f"ended at its bound of {bound_seconds:g} s, and what they counted since began anew on the target, where "
            "the application is. A longer --freeze-bound gives it time."
        )


async def _sweep(context: Context, carrier: Carrier, tenantry: Tenantry) -> set[int]:
    """Move the rest; the deletions of an organisation are held meanwhile, so that none is undone by its copy.

    Returns:
        The organisations that were not held for long enough, of which one may have been.
    """
    lapsed: set[int] = set()
    for organization, found in tenantry.of.items():
        # What the application writes to was moved before; of others' counters nobody else takes care.
        moved = set(tenantry.written_of(organization)) if organization <= context.organizations else set()
        keys = [key for key in found if key not in moved]
        await carrier.pace(len(keys))
        await context.app.hold([organization], _HOLD_SECONDS)
        try:
            await carrier.carry(keys, replace=False, held=True)
        finally:
            lapsed.update(await context.app.release([organization]))
        await asyncio.sleep(0)
    await carrier.carry(tenantry.others, replace=False)
    return lapsed


async def _delete_again(context: Context, lapsed: set[int]) -> None:
    """Delete what the source did not delete while reports were fetched from it: they may be back on the target."""
    organizations = sorted(lapsed.union(await context.app.take_unmirrored()))
    if not organizations:
        return
    async with context.step("delete again") as step:
        found = [
            key
            for organization in organizations
            for kind in INVALIDATED_KINDS
            for key in (context.keys.report(context.keys.report_identity(organization, kind, 0)),)
        ]
        for server in (context.source, context.target):
            try:
                await server.client.unlink(*found)
            except CLIENT_ERRORS as error:
                context.warnings.append(f"{server} did not delete reports that are obsolete: {error}.")
        step.detail = f"{len(found):,} reports of organisations whose deletions the source did not take"
