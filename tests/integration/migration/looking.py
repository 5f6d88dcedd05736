"""What tests of the preflight on real servers need."""

import asyncio
from typing import Any

import redis

from redis_rehearsal.cache.client import identify
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.preflight.facts import Facts
from redis_rehearsal.migration.preflight.look import Finding, Plan, preflight
from redis_rehearsal.migration.preflight.read import read_facts

PLAN = Plan(allow_server_wide=True)


def outside(server: RedisServer, **options: Any) -> Any:
    return redis.Redis(port=server.port, protocol=2, **options)


def url(server: RedisServer, login: str = "") -> str:
    return f"redis://{login}127.0.0.1:{server.port}/0"


def looked_at(source: str, target: str, plan: Plan = PLAN) -> list[Finding]:
    return asyncio.run(preflight(Endpoint.parse(source), Endpoint.parse(target), plan))


def looked_at_all(pairs: list[tuple[str, str]], plan: Plan = PLAN) -> list[list[Finding]]:
    """All at once, since each look takes a second."""

    async def work() -> list[list[Finding]]:
        return await asyncio.gather(*(preflight(Endpoint.parse(old), Endpoint.parse(new), plan) for old, new in pairs))

    return asyncio.run(work())


def named(findings: list[Finding], name: str) -> list[Finding]:
    return [each for each in findings if each.name == name and each.level != "ok"]


def facts_of(server: str, plan: Plan = PLAN) -> Facts:
    async def work() -> Facts:
        endpoint = Endpoint.parse(server)
        identity = await identify("source", "REDIS_URL", endpoint, 5)
        return await read_facts("source", endpoint, identity, plan)

    return asyncio.run(work())
