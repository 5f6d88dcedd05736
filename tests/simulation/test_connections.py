"""The connections of the load, as they are, over a network in memory and in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.clock import monotonic, unix
from tests.simulation.loop import Result, VirtualLoop, simulate
from tests.simulation.network import Network
from tests.simulation.scripted import Scripted, bulk, error, well

PLACE = ("redis", 6379)


def over(network: Network, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    return simulate(lambda _: work(), network.connect)


def answering(command: list[bytes]) -> bytes:
    return bulk(b"42") if command[0] == b"GET" else well(command)


def network_to(answer: Callable[[list[bytes]], bytes] = answering) -> Network:
    network = Network(latency_seconds=0.25)
    network.servers[PLACE] = lambda: Scripted(answer)
    return network


async def connected(closed: list[Connection] | None = None) -> Connection:
    return await Connection.open(Endpoint(*PLACE), "test", 10.0, (closed if closed is not None else []).append)


def test_a_day_passes_in_a_moment_and_all_clocks_with_it() -> None:
    async def work(loop: VirtualLoop) -> tuple[float, float]:
        began, then = monotonic(), unix()
        await asyncio.sleep(86_400)
        assert loop.time() == monotonic()
        return monotonic() - began, unix() - then

    assert simulate(work) == pytest.approx((86_400, 86_400))


def test_who_waits_for_what_cannot_happen_is_told() -> None:
    async def work(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(RuntimeError, match="Nothing is left that could happen"):
        simulate(work)


def test_an_answer_takes_the_way_there_and_back() -> None:
    async def work() -> float:
        connection = await connected()
        began = monotonic()
        assert await connection.ask(5.0, "GET", "key") == b"42"
        return monotonic() - began

    assert over(network_to(), work) == pytest.approx(0.5)


def test_a_connection_that_is_cut_is_lost_for_who_waits_and_for_its_pool() -> None:
    network = network_to()
    closed: list[Connection] = []

    async def work() -> float:
        connection = await connected(closed)
        asyncio.get_running_loop().call_later(0.1, network.links[0].cut)
        began = monotonic()
        with pytest.raises(ConnectionResetError, match="reset by peer"):
            await connection.ask(5.0, "GET", "key")
        assert closed == [connection]
        assert network.links == []
        return monotonic() - began

    assert over(network, work) == pytest.approx(0.1)


def test_half_a_connection_is_found_out_by_time_alone() -> None:
    network = network_to()

    async def work() -> float:
        connection = await connected()
        network.links[0].server.silent = True
        began = monotonic()
        with pytest.raises(TimeoutError):
            await connection.ask(5.0, "GET", "key")
        assert connection.ready
        return monotonic() - began

    assert over(network, work) == pytest.approx(5.0)


@pytest.mark.parametrize(
    "refusal", ["NOAUTH Authentication required.", "LOADING Redis is loading the dataset in memory"]
)
def test_a_server_that_refuses_says_why(refusal: str) -> None:
    async def work() -> None:
        await connected()

    with pytest.raises(ConnectionRefusedError, match=refusal):
        over(network_to(lambda _: error(refusal)), work)


def test_nobody_listens_where_there_is_no_server() -> None:
    with pytest.raises(ConnectionRefusedError, match="nobody listens on redis:6379"):
        over(Network(), connected)
