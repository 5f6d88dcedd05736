"""Nothing is switched: the endpoint moves by itself."""

import asyncio
from time import monotonic
from typing import Final

from redis_rehearsal.cache.control import CONTROL_ERRORS, first_contact
from redis_rehearsal.errors import NothingSeenError, ServerRefusedError
from redis_rehearsal.fleet.control import BOUNDARY_LEAD_SECONDS
from redis_rehearsal.fleet.timeline import Row
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.strategies.base import Strategy

_POLL_SECONDS: Final = 0.1
_CONTACT_SECONDS: Final = 1.0


async def _check(context: Context) -> None:
    """Nothing is touched, so there is nothing that could not be done."""


async def _run(context: Context) -> None:
    """Watch until the server behind the source's URL is another one, and the application has got over it."""
    began = monotonic()
    before = context.source.identity.run_id
    first = len(context.rows)
    # A segment a second, so that what was due since the first failure can be told once it is seen.
    marking = asyncio.create_task(_mark_seconds(context))
    try:
        async with context.step("wait for the endpoint to move") as step:
            second, step.detail = await _until_moved(context, before, first, began)
        at = context.began_seconds + second
        context.app.rename_since(at, Phase.CUTOVER)
        context.cutovers.append((at, None))
        async with context.step("wait until nothing fails") as step:
            last = await _until_quiet(context, second)
            step.detail = f"no operation failed in the second {last + 1 - second} s after the first failure"
        context.cutovers[-1] = (at, context.began_seconds + last)
    finally:
        marking.cancel()


async def _mark_seconds(context: Context) -> None:
    while True:
        number = int(monotonic() - context.began_seconds) + 1
        await asyncio.sleep(max(0.0, context.began_seconds + number - 2 * BOUNDARY_LEAD_SECONDS - monotonic()))
        context.app.begin_phase(context.app.phase, context.began_seconds + number)
        await asyncio.sleep(3 * BOUNDARY_LEAD_SECONDS)


def _is_bad(row: Row) -> bool:
    not_ok = row.queries_failed + row.queries_unknown + row.queries_shed
    return bool(not_ok + row.events_failed + row.events_unknown + row.events_shed)


async def _until_moved(context: Context, before: str, first: int, began: float) -> tuple[int, str]:
    """The second of the load in which the endpoint moved, and how that was seen."""
    while True:
        bad = next((row for row in context.rows[first:] if _is_bad(row)), None)
        if bad is not None:
            return bad.second, "operations failed"
        run_id = await _run_id(context)
        if run_id not in ("", before):
            return int(monotonic() - context.began_seconds), "another server answers"
        if monotonic() - began > context.options.observe:
            raise NothingSeenError(
                f"Nothing was seen to move within {context.options.observe:g} s (--observe): {context.source} was the "
                "same server all along, and nothing failed."
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _until_quiet(context: Context, second: int) -> int:
    """The first second since then in which nothing failed."""
    while True:
        for row in context.rows:
            if row.second > second and not _is_bad(row) and (row.queries_ok or row.events_ok):
                return row.second
        await asyncio.sleep(_POLL_SECONDS)


async def _run_id(context: Context) -> str:
    # A new connection each time: the endpoint may lead elsewhere by now.
    try:
        identity = await first_contact("source", "REDIS_URL", context.source.endpoint, _CONTACT_SECONDS)
    except (ServerRefusedError, *CONTROL_ERRORS):
        return ""
    return identity.run_id


OBSERVE = Strategy(
    name="observe",
    summary="watch while the endpoint moves by itself: a proxy, DNS, a managed failover",
    goes_wrong="stale connections; where nothing is seen to move, the verdict is unknown",
    check=_check,
    run=_run,
    switches=False,
)
