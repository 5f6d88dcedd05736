"""Copy all keys, then freeze, and copy again what may have changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.keyspace.changes import ChangeFeed
from redis_rehearsal.migration.carrying import Carrier, carrying
from redis_rehearsal.migration.changes import listening, tells_all
from redis_rehearsal.migration.context import Context, Step
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preparation import refuse_used_target

_SHORT_PASS_SECONDS: Final = 0.2
_MOST_PASSES: Final = 3


async def check(context: Context) -> None:
    """See `Running`."""
    await refuse_used_target(context)
    if context.options.freeze == "server":
        context.require_server_wide(context.source)


async def run(context: Context) -> None:
    """See `Running`."""
    await context.phase(Phase.SYNC)
    async with carrying(context) as carrier, _listening(context) as feed:
        async with context.step("copy") as step:
            await _copy_all(context, carrier, step)
            await carrier.see_to_all()
        if not context.options.final_pass:
            await cut_over(context)
            return
        await _approach(context, carrier, feed)
        await cut_over(context, catch_up=partial(_final_pass, context, carrier, feed))


async def return_with_data(context: Context) -> None:
    """Move the application back, and what was written on the target with it.

    Args:
        context: of the way back, with source and target exchanged.

    Raises:
        MigrationError: it did not come about; says where the application is.
    """
    await context.phase(Phase.SYNC)
    async with carrying(context, whole=False) as carrier, listening(context) as feed:
        async with context.step("copy back") as step:
            await _copy_differing(context, carrier, step)
            await carrier.see_to_all()
        await _approach(context, carrier, feed)
        await cut_over(context, catch_up=partial(_final_pass, context, carrier, feed))


@contextlib.asynccontextmanager
async def _listening(context: Context) -> AsyncIterator[ChangeFeed | None]:
    if not context.options.final_pass:
        yield None
        return
    async with listening(context) as feed:
        yield feed


async def _approach(context: Context, carrier: Carrier, feed: ChangeFeed | None) -> None:
    """Copy what changed while it was copied, again and again: writes must not be held for all of it."""
    for number in range(1, _MOST_PASSES + 1):
        began = monotonic()
        async with context.step(f"copy what changed ({number})") as step:
            await _copy_changed(context, carrier, feed, step)
            # What the target has no room for now it will not have in the freeze either.
            await carrier.see_to_all()
        # As long as a pass takes long, the next one has less to do.
        if monotonic() - began < _SHORT_PASS_SECONDS:
            return


async def _copy_changed(
    context: Context, carrier: Carrier, feed: ChangeFeed | None, step: Step, *, held: bool = False
) -> None:
    if feed is None or not await tells_all(context, feed):
        await _copy_differing(context, carrier, step, held=held)
        return
    changed = feed.take()
    # No notification tells of what is read from a group, acknowledged or claimed.
    grouped = await carrier.grouped_streams()
    await carrier.carry(changed.union(grouped), held=held)
    step.detail = f"{len(changed):,} keys, as the {context.source.role} told"
    if grouped:
        step.detail += f", and {len(grouped):,} streams with groups"


async def _copy_all(context: Context, carrier: Carrier, step: Step) -> None:
    async for keys in carrier.scan(context.keys.every):
        await carrier.carry(keys)
    step.detail = carrier.sentence


async def _copy_differing(context: Context, carrier: Carrier, step: Step, *, held: bool = False) -> None:
    """Copy what is not on the target as it is on the source, and delete what the source has not any more."""
    ours, theirs = await asyncio.gather(*(_names(context, carrier, role) for role in ROLES))
    # Dead weight that is there cannot have changed.
    there = [key for key in ours & theirs if not context.keys.is_dead_weight(key)]
    changed = [*(ours - theirs), *await carrier.differing(there)]
    gone = theirs - ours
    await carrier.carry(changed, held=held)
    await carrier.carry(gone, held=held)
    step.detail = f"{len(changed):,} of {len(ours):,} keys had changed, {len(gone):,} were gone"


async def _names(context: Context, carrier: Carrier, of: Role) -> set[bytes]:
    found: set[bytes] = set()
    async for keys in carrier.scan(context.keys.every, of):
        found.update(keys)
    return found - context.keys.own


async def _final_pass(context: Context, carrier: Carrier, feed: ChangeFeed | None, until_seconds: float) -> None:
    async with context.step("final pass") as step:
        await _copy_changed(context, carrier, feed, step, held=True)
    if monotonic() > until_seconds:
        raise MigrationError(
            "The final pass took longer than the freeze may last; the application went on with the "
            f"{context.source.role}. A longer --freeze-bound gives it time."
        )
    carrier.require_all()
