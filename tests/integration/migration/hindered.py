"""A migration of an application that does not do all that it is told."""

import asyncio
from typing import Any

from redis_rehearsal.migration.assessment.evidence import KeyComparison
from redis_rehearsal.migration.migration import Migration
from redis_rehearsal.verification.recovery import Recovery


def begun(context: Any) -> Migration:
    async def compared(_: Any) -> KeyComparison:
        return KeyComparison()

    return Migration(context, lambda: None, compared, lambda: Recovery(0.0, None, {}))


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # nobody signals it
            await asyncio.sleep(0.01)
