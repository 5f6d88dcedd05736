"""`paused`: switch to an empty target, after a pause in which nobody writes."""

import asyncio
from typing import TYPE_CHECKING

from redis_rehearsal.migration.declaring import Option
from redis_rehearsal.migration.strategy import Carries, Strategy
from redis_rehearsal.quantities import Seconds

if TYPE_CHECKING:
    from redis_rehearsal.migration.context import Context

PAUSE = Option("pause", Seconds, 0.1, "how long nobody writes before the switch.")


class _Paused:
    async def check(self, context: "Context") -> None:
        from redis_rehearsal.migration.preparation import refuse_used_target

        await refuse_used_target(context)

    async def run(self, context: "Context") -> None:
        from redis_rehearsal.migration.cutover import cut_over

        async def pause(until_seconds: float) -> None:
            async with context.step("pause"):
                await asyncio.sleep(PAUSE.of(context.options))

        await cut_over(context, catch_up=pause)


PAUSED = Strategy(
    name="paused",
    summary="hold all writes for a while, then switch to an empty target",
    goes_wrong="every counter starts at zero, and nobody could write meanwhile",
    carries=Carries.NOTHING,
    running=_Paused,
    whole_by_freeze=False,
    defaults={"observe": 2.0},
    options=(PAUSE,),
    advice={"lost": "paused copies nothing: use replicate or copy."},
)
