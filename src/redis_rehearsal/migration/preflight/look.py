"""Looking at both servers of a migration, and judging what was seen."""

import asyncio
from typing import cast

from redis_rehearsal.cache.client import VARIABLES, identify
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.migration.preflight.checks import judge
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import (
    STRATEGY_NAMES,
    Finding,
    remaining_strategies,
    stands_in_the_way,
)
from redis_rehearsal.migration.preflight.read import read_facts

__all__ = ["STRATEGY_NAMES", "Finding", "Plan", "preflight", "remaining_strategies", "stands_in_the_way"]


async def preflight(source: Endpoint, target: Endpoint, options: Plan) -> list[Finding]:
    """Look at both servers, change nothing, and judge.

    Args:
        source: the server that is to be left.
        target: the server that is to be moved to.
        options: what is planned.

    Returns:
        What each check came to, in a fixed order.

    Raises:
        ServerRefusedError: a server cannot be reached, refuses the login or INFO, or goes away meanwhile.
    """
    endpoints: dict[Role, Endpoint] = {"source": source, "target": target}
    identities = [
        await identify(role, VARIABLES[role], endpoint, options.timeout_seconds) for role, endpoint in endpoints.items()
    ]
    reading = [
        asyncio.ensure_future(read_facts(role, endpoint, identity, options))
        for (role, endpoint), identity in zip(endpoints.items(), identities, strict=True)
    ]
    try:
        facts = await asyncio.gather(*reading)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)
    return judge(*cast("tuple[Facts, Facts]", tuple(facts)), options)
