"""Write to both servers, fill the target up, move reads, then writes."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from redis_rehearsal.cache.route import Route
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.carrying import Carrier, carrying
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preparation import refuse_used_target
from redis_rehearsal.migration.tenantry import Tenantry

_HOLD_SECONDS: Final = 2.0
_ORGANIZATIONS: Final = 10
"""So many have their writes held at once while their keys are copied."""
_HELD_KEYS: Final = 200
"""No more keys are copied in a hold, unless one organisation has more: the largest have most of the events."""
_REPAIRS: Final = 5
_SHADOWED_ORGANIZATIONS: Final = 50
_BOTH: Final = Route("source", "source", mirror="target")
_READS_MOVED: Final = Route("target", "source", mirror="target")


async def check(context: Context) -> None:
    """See `Running`."""
    if context.options.freeze == "server":
        # What waits at the source while it is paused is on the target already, and would be sent there once more.
        raise MigrationError(
            f"{context.source} cannot hold back writes (--freeze server) that go to {context.target} too: those that "
            "wait would be counted twice. Use --freeze client."
        )
    await refuse_used_target(context)


async def run(context: Context) -> None:
    """See `Running`."""
    await context.phase(Phase.SYNC)
    async with carrying(context) as carrier:
        async with context.step("write to both") as step:
            await context.app.set_route(_BOTH)
            step.detail = "every write goes to the target too; the source's answer counts"
        tenantry = Tenantry(context.keys)
        async with context.step("backfill") as step:
            # Only now: what is made from here on is made on both.
            await tenantry.add_all(carrier.scan(context.keys.every))
            await (_backfill_naively if context.options.naive else _backfill)(context, carrier, tenantry)
            step.detail = f"{len(tenantry.of):,} organisations; {carrier.sentence}"
            carrier.require_all()
        if not context.options.naive:
            await _repair(context, carrier, tenantry)
            await _shadow_reads(context, tenantry)
        await cut_over(
            context,
            catch_up=None if context.options.naive else partial(_repair_held, context, carrier, tenantry),
            before=partial(_move_reads, context),
        )


async def _move_reads(context: Context) -> None:
    async with context.step("move reads") as step:
        await context.app.set_route(_READS_MOVED, context.options.rollout)
        step.detail = "reads go to the target, writes to both"


async def _backfill(context: Context, carrier: Carrier, tenantry: Tenantry) -> None:
    for organizations in tenantry.batches(sorted(tenantry.of), _ORGANIZATIONS, _HELD_KEYS):
        await _copy_held(context, carrier, tenantry, organizations)
    await carrier.carry(tenantry.others)


async def _copy_held(context: Context, carrier: Carrier, tenantry: Tenantry, organizations: Sequence[int]) -> None:
    """Hold the writes of some organisations, make the target's keys as the source's, and let the writes go."""
    keys = [key for organization in organizations for key in tenantry.of[organization]]
    await carrier.pace(len(keys))
    lapsed: list[int] = []
    await context.app.hold(list(organizations), _HOLD_SECONDS)
    try:
        await carrier.carry(keys, held=True)
    finally:
        lapsed = await context.app.release(list(organizations))
    if lapsed and len(organizations) == 1:
        raise MigrationError(
            f"The keys of organisation {lapsed[0]} could not be copied within the {_HOLD_SECONDS:g} s for which its "
            f"writes may be held; the application went on with the {context.source.role}. Use `copy`."
        )
    # They were written to while they were copied; alone, each takes less time.
    for organization in lapsed:
        await _copy_held(context, carrier, tenantry, [organization])


async def _keys_of_both(context: Context, carrier: Carrier) -> Tenantry:
    """The keys by now, also those that only the mirror has: what the source did not take must go there too."""
    current = Tenantry(context.keys)
    await current.add_all(carrier.scan(context.keys.every))
    await current.add_all(carrier.scan(context.keys.every, of="target"))
    return current


async def _repair(context: Context, carrier: Carrier, tenantry: Tenantry) -> None:
    """Copy again what a failed mirror write concerns, until there is none."""
    for _ in range(_REPAIRS):
        organizations = await context.app.take_unmirrored()
        if not organizations:
            return
        async with context.step("copy again what the mirror missed") as step:
            current = await _keys_of_both(context, carrier)
            for organization in organizations:
                known = set(tenantry.of[organization]) | set(current.of[organization])
                tenantry.of[organization] = list(known)
            for some in tenantry.batches(organizations, _ORGANIZATIONS, _HELD_KEYS):
                await _copy_held(context, carrier, tenantry, some)
                carrier.require_all()
            step.detail = f"{len(organizations):,} organisations"
    raise MigrationError(
        f"Writes go on failing on {context.target}, so that it cannot be filled up; the application went on with the "
        "source. See what is wrong with the target."
    )


async def _repair_held(context: Context, carrier: Carrier, tenantry: Tenantry, until_seconds: float) -> None:
    """The last of it, while all writes are held."""
    organizations = await context.app.take_unmirrored()
    if organizations:
        current = await _keys_of_both(context, carrier)
        keys = [key for number in organizations for key in {*tenantry.of[number], *current.of[number]}]
        await carrier.carry(keys, held=True)
    # Others than the application read from them, and nobody tells of that.
    await carrier.carry(await carrier.grouped_streams(), held=True)
    carrier.require_all()


async def _shadow_reads(context: Context, tenantry: Tenantry) -> None:
    """Read a share of the counters from both servers, held for the moment, and compare."""
    async with context.step("shadow reads") as step:
        organizations = sorted(tenantry.of)[:: max(1, len(tenantry.of) // _SHADOWED_ORGANIZATIONS)]
        compared = differing = 0
        for start in range(0, len(organizations), _ORGANIZATIONS):
            some = organizations[start : start + _ORGANIZATIONS]
            keys = [key for organization in some for key in tenantry.counters_of(organization)]
            if not keys:
                continue
            await context.app.hold(some, _HOLD_SECONDS)
            try:
                answers = [await server.client.mget(keys) for server in (context.source, context.target)]
            finally:
                lapsed = await context.app.release(some)
            if lapsed:
                continue  # what was read was not at rest
            compared += len(keys)
            differing += sum(one != other for one, other in zip(*answers, strict=True))
        step.detail = f"{compared:,} answers of both servers compared, {differing:,} differ"
    if differing:
        raise MigrationError(
            f"{differing:,} of {compared:,} answers of {context.target} differ from those of the source; the "
            "application went on with the source."
        )


async def _backfill_naively(context: Context, carrier: Carrier, tenantry: Tenantry) -> None:
    """Add the source's counters to the target's, which hold what was mirrored since: that is counted twice."""
    source, target = context.source.client, context.target.client
    for organization in sorted(tenantry.of):
        counters = set(tenantry.counters_of(organization))
        keys = sorted(counters)
        values: list[Any] = await source.mget(keys) if keys else []
        pipe = target.pipeline(transaction=False)
        for key, value in zip(keys, values, strict=True):
            if value is not None:
                pipe.incrby(key, int(value))
        await pipe.execute()
        await carrier.carry([key for key in tenantry.of[organization] if key not in counters], replace=False)
    await carrier.carry(tenantry.others, replace=False)
