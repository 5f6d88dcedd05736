"""Asking a server, over a network in memory and in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.clock import monotonic
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.errors import LostError, UnreachedError
from tests.simulation.loop import Result, simulate
from tests.simulation.network import Network
from tests.simulation.scripted import Scripted, bulk, well

PLACE = ("redis", 6379)
WHERE = "the target redis://redis:6379/0"
TIMEOUT_SECONDS = 8.0


def over(network: Network, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    return simulate(lambda _: work(), network.connect)


def asker(**options: Any) -> Asker:
    return Asker("target", Endpoint(*PLACE), "test", TIMEOUT_SECONDS, **options)


class Slow(Scripted):
    """Gives the reply to GET byte by byte."""

    def __init__(self, seconds: float) -> None:
        super().__init__(well)
        self._seconds = seconds
        self.writes = 0

    def data_received(self, data: bytes) -> None:
        self.writes += 1
        if b"GET" not in data:
            super().data_received(data)
            return
        for number, byte in enumerate(bulk(b"value" * 4), 1):
            asyncio.get_running_loop().call_later(number * self._seconds, self._transport.write, bytes([byte]))


@pytest.mark.parametrize(("seconds", "answers"), [(TIMEOUT_SECONDS / 2, True), (TIMEOUT_SECONDS * 2, False)])
def test_what_comes_slowly_is_waited_for_and_what_does_not_come_is_not(seconds: float, answers: bool) -> None:
    network = Network(latency_seconds=0.25)
    network.servers[PLACE] = lambda: Slow(seconds)

    async def work() -> float:
        async with asker() as server:
            began = monotonic()
            if answers:
                assert await server.ask("GET", "key") == b"value" * 4
            else:
                with pytest.raises(LostError, match=f"^{WHERE} went away: it did not answer within 8 s$"):
                    await server.ask("GET", "key")
            return monotonic() - began

    took = over(network, work)
    assert took > 10 * TIMEOUT_SECONDS if answers else TIMEOUT_SECONDS <= took <= 1.5 * TIMEOUT_SECONDS


def test_what_is_asked_in_one_turn_leaves_in_one_write() -> None:
    network = Network(latency_seconds=0.25)
    servers: list[Slow] = []

    def serve() -> Slow:
        servers.append(Slow(1.0))
        return servers[-1]

    network.servers[PLACE] = serve

    async def work() -> int:
        async with asker() as server:
            before = servers[0].writes
            assert await asyncio.gather(*(server.ask("PING") for _ in range(100))) == [b"PONG"] * 100
            return servers[0].writes - before

    assert over(network, work) == 1


@pytest.mark.parametrize("reopens", [True, False])
def test_another_connection_is_opened_only_where_that_was_asked_for(reopens: bool) -> None:
    network = Network(latency_seconds=0.25)
    network.servers[PLACE] = lambda: Scripted(well)

    async def work() -> None:
        async with asker(reopens=reopens) as server:
            network.links[0].cut()
            await asyncio.sleep(1.0)
            if reopens:
                assert await server.ask("PING") == b"PONG"
            else:
                with pytest.raises(LostError, match=f"^{WHERE} went away: "):
                    await server.ask("PING")
        with pytest.raises(LostError) if not reopens else pytest.raises(UnreachedError):
            network.servers.clear()
            await server.ask("PING")

    over(network, work)


def test_who_is_not_there_is_named() -> None:
    async def work() -> None:
        async with asker():
            pass

    with pytest.raises(UnreachedError, match=f"^{WHERE} cannot be reached: nobody listens on redis:6379$"):
        over(Network(), work)
