"""Nothing is switched: the endpoint moves by itself."""

import asyncio
from typing import Final

from redis_rehearsal.cache.node import Node
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import NamelessServerError, NothingSeenError
from redis_rehearsal.fleet.control import BOUNDARY_LEAD_SECONDS
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.fleet.rows import since
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.phases import Phase

_POLL_SECONDS: Final = 0.1
_ROWS_SECONDS: Final = 4.0
"""By then a second was reported."""


async def check(context: Context) -> None:
    """Nothing is touched, so there is nothing that could not be done."""


async def run(context: Context) -> None:
    """Watch until the server behind the source's URL is another one, and the application has got over it."""
    began, watch = monotonic(), context.watch
    first = len(context.rows)
    # A segment a second, so that what was due since the first failure can be told once it is seen.
    marking = asyncio.create_task(_mark_seconds(context))
    try:
        async with watch.closely("source"):
            async with context.step("wait for the endpoint to move") as step:
                await watch.look("source")
                before = watch.reached.nodes.get("source")
                if before is None or not before.run_id:
                    raise NamelessServerError(
                        f"Which server answers behind {context.source.endpoint} cannot be told, since it does not say: "
                        "give the user of REDIS_URL the permission +info."
                    )
                step.detail = await _until_moved(context, before, began)
            second = await _first_second(context, int(monotonic() - context.began_seconds), first)
            at = context.began_seconds + second
            context.app.rename_since(at, Phase.CUTOVER)
            context.cutovers.append((at, None))
            async with context.step("wait until nothing fails") as step:
                last = await _until_quiet(context, second)
                if last is None:
                    last = context.rows[-1].second
                    step.detail = "something still failed, or was not answered, when the observation ended"
                    if watch.reached.is_replica("source"):
                        step.detail = "new connections still reached a replica when the observation ended"
                    context.warnings.append(f"After the move {step.detail}.")
                else:
                    step.detail = f"all was answered again in the second {last + 1 - second} s after the first failure"
            context.end_cutover(context.began_seconds + last)
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
    return bool(not_ok + row.events_failed + row.events_unknown + row.events_shed) or not _is_answered(row)


def _is_answered(row: Row) -> bool:
    """Whether something of each kind that was due was ok."""
    return bool((row.queries_ok or not row.queries_offered) and (row.events_ok or not row.events_offered))


async def _until_moved(context: Context, before: Node, began: float) -> str:
    """How it was seen that the endpoint moved.

    What fails may have any reason: only another server, or another role of this one, says that something moved.
    """
    watch = context.watch
    while True:
        now = watch.reached.nodes.get("source", before)
        if now.run_id != before.run_id:
            return f"new connections reach another server (run id {now.run_id[:8]}, {now.role or 'role unknown'})"
        if now.role and before.role and now.role != before.role:
            return f"the server is a {now.role} now, no {before.role}"
        elsewhere = {node: count for node, count in watch.answering("source").items() if node.run_id != before.run_id}
        if elsewhere:
            return f"another server answers {sum(elsewhere.values()):,} of the application's connections"
        if monotonic() - began > context.options.observe:
            raise NothingSeenError(
                f"Nothing was seen to move within {context.options.observe:g} s (--observe): {context.source} was the "
                "same server all along."
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _first_second(context: Context, moved: int, first: int) -> int:
    """The second of the load in which the move began to show: what failed right before belongs to it."""
    until = monotonic() + _ROWS_SECONDS
    while monotonic() < until and not (context.rows and context.rows[-1].second >= moved):  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)
    rows = context.rows

    def was_bad(second: int) -> bool:
        place = since(rows, second)
        return first <= place < len(rows) and rows[place].second == second and _is_bad(rows[place])

    second = moved
    while was_bad(second - 1) or was_bad(second - 2):
        second -= 1 if was_bad(second - 1) else 2
    return second


async def _until_quiet(context: Context, second: int) -> int | None:
    """The first second since then in which all was answered and nothing failed; None where that was not seen.

    While new connections reach a replica the move is not over, whatever those do that were open before.
    """
    until = monotonic() + context.options.observe
    while True:
        if context.watch.reached.is_replica("source"):
            second = max(second, context.rows[-1].second if context.rows else second)
        for row in context.rows[since(context.rows, second + 1) :]:
            if not _is_bad(row):
                return row.second
        if monotonic() > until:
            return None
        await asyncio.sleep(_POLL_SECONDS)
