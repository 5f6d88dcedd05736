"""Switch to an empty target."""

from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.preparation import refuse_used_target
from redis_rehearsal.migration.strategies.base import Strategy


async def _run(context: Context) -> None:
    await cut_over(context)


COLD = Strategy(
    name="cold",
    summary="switch to an empty target",
    goes_wrong="every counter starts at zero, and the database takes every query",
    check=refuse_used_target,
    run=_run,
)
