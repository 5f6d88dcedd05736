import asyncio

import pytest

from redis_rehearsal.telemetry.health import Health, ServerHealth
from tests.simulation.loop import VirtualLoop, simulate
from tests.simulation.network import Network
from tests.simulation.process import Process

TIMEOUT = 1.0


def watched(probe_seconds: list[float], stops_at: float, stops_for: float, until: float) -> ServerHealth:
    """What is known of a server whose answers take so long, one after the other, by who stands still for a while."""
    server = ServerHealth(needed=True, probe=lambda: asyncio.sleep(probe_seconds.pop(0) if probe_seconds else 0.01))
    health = Health((OSError, TimeoutError), {"source": server})

    async def live(loop: VirtualLoop) -> None:
        process = Process("watcher")
        task = process.start(health.watch(TIMEOUT))
        await asyncio.sleep(stops_at)
        process.stop()
        await asyncio.sleep(stops_for)
        process.go_on()
        await asyncio.sleep(until)
        task.cancel()
        await asyncio.wait({task})
        assert not health.given_up(2.0)

    simulate(live, Network().connect)
    return server


@pytest.mark.parametrize("stops_for", [1.5, 30.0])
def test_who_stood_still_while_a_server_answered_does_not_say_that_it_is_away(stops_for: float) -> None:
    server = watched([0.5], stops_at=0.2, stops_for=stops_for, until=0.5)
    assert (server.error, server.away_since) == ("", None)


def test_who_stood_still_after_a_server_did_not_answer_does_not_say_that_it_was_away_for_as_long() -> None:
    server = watched([5.0], stops_at=1.2, stops_for=30.0, until=0.005)
    assert server.error
    assert server.away_seconds == 0.0
