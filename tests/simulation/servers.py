"""Simulated servers on one network, for tests."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from redis_rehearsal.cache.client import info_lines
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.clock import monotonic
from redis_rehearsal.keyspace.asking import Asker
from tests.simulation.loop import simulate
from tests.simulation.network import Network
from tests.simulation.redis import SimulatedRedis

SOURCE, TARGET, THIRD = ("source", 1), ("target", 2), ("third", 3)


class Servers:
    """Three servers on one network."""

    def __init__(self) -> None:
        rng = random.Random(1)  # gives ids
        self.network = Network()
        self.source, self.target, self.third = (
            SimulatedRedis(self.network, place, rng, name=place[0]) for place in (SOURCE, TARGET, THIRD)
        )
        for each in (self.source, self.target, self.third):
            each.listen()

    @contextlib.asynccontextmanager
    async def asking(self, *places: tuple[str, int]) -> AsyncIterator[list[Asker]]:
        async with contextlib.AsyncExitStack() as stack:
            yield [await stack.enter_async_context(Asker("source", Endpoint(*place), "test", 60.0)) for place in places]

    async def follow(self) -> None:
        """Have the target follow the source, and wait until it does."""
        self.target.do("REPLICAOF", *SOURCE)
        await until(lambda: about(self.target)["master_link_status"] == "up")


def about(server: SimulatedRedis, section: str = "replication") -> dict[str, str]:
    return info_lines(server.do("INFO", section))


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    late = monotonic() + seconds
    while not condition():
        assert monotonic() < late, "not in time"
        await asyncio.sleep(0.01)


def lived(work: Callable[[Servers], Awaitable[None]]) -> None:
    async def live(loop: Any) -> None:
        servers = Servers()
        loop.connect = servers.network.connect
        await work(servers)

    simulate(live)
