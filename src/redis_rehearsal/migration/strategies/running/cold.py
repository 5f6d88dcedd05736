"""Switch to an empty target."""

from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.preparation import refuse_used_target


async def check(context: Context) -> None:
    """See `Running`."""
    await refuse_used_target(context)


async def run(context: Context) -> None:
    """See `Running`."""
    await cut_over(context)
