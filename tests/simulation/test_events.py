"""The ledger of a whole worker against what its servers hold, whatever happens to its connections."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redis_rehearsal.cache.route import Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.messages import Freeze, SetRoute, SetTruth, TakeUnmirrored
from tests.simulation.loop import simulate
from tests.simulation.worker import SOURCE, World, in_memory

__all__ = ["in_memory"]
pytestmark = pytest.mark.usefixtures("in_memory")


def lived(work: Callable[[World], Coroutine[Any, Any, None]]) -> World:
    """A world in which something was done."""
    world = World()
    simulate(lambda _: work(world), world.network.connect)
    return world


def test_what_nothing_happens_to_is_all_acknowledged_and_all_there() -> None:
    async def work(world: World) -> None:
        async with world.working(events_per_second=200.0) as task:
            await world.load(5.0, task)

    world = lived(work)
    assert 800 < world.lane("sent") == world.lane("acknowledged") == world.kept(world.source) < 1200
    assert world.kept(world.target) == world.lane("unknown") == world.lane("failed") == 0
    assert set(world.source.keyspace.expiry) == set(world.source.keys())
    recorded = [snapshot.counts.recorded_events for snapshot in world.snapshots]
    assert sum(tally.offered for each in recorded for tally in each.tallies.values()) == world.lane("sent")


FAULTS = st.lists(
    st.tuples(
        st.floats(0.1, 4.0),
        st.sampled_from(["cut", "deaf", "dumb", "OOM no memory", "LOADING not yet", "ERR who knows"]),
        st.floats(0.01, 1.5),
    ),
    max_size=5,
)


async def suffer(world: World, at_seconds: float, fault: str, lasts_seconds: float) -> None:
    """Something happens to the source, for a time."""
    await asyncio.sleep(at_seconds)
    links = world.network.links_to(*SOURCE)
    if fault == "cut":
        for link in links:
            link.cut()
        return
    if fault in ("deaf", "dumb"):
        # What does not reach the server is not applied; what it does not get to say was.
        ends = [link.client if fault == "deaf" else link.server for link in links]
        for end in ends:
            end.silent = True
        await asyncio.sleep(lasts_seconds)
        # A connection of which something got lost is of no use any more.
        for link in links:
            link.cut()
        return
    world.source.refusal = fault
    await asyncio.sleep(lasts_seconds)
    world.source.refusal = ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FAULTS)
def test_what_is_there_lies_between_what_was_acknowledged_and_what_may_have_been_applied(
    faults: list[tuple[float, str, float]],
) -> None:
    async def work(world: World) -> None:
        async with world.working(events_per_second=100.0) as task:
            suffering = [asyncio.create_task(suffer(world, *fault)) for fault in faults]
            await world.load(5.0, task)
            for each in suffering:
                each.cancel()

    world = lived(work)
    sent, acknowledged, unknown, failed = map(world.lane, ("sent", "acknowledged", "unknown", "failed"))
    assert sent == acknowledged + unknown + failed
    assert acknowledged <= world.kept(world.source) <= acknowledged + unknown
    assert len(world.source.accounts.increments) == world.kept(world.source)
    if not faults:
        assert (unknown, failed) == (0, 0)


@pytest.mark.parametrize("late", [False, True])
def test_what_the_old_server_acknowledges_after_the_truth_moved_is_stranded(late: bool) -> None:
    async def work(world: World) -> None:
        async with world.working(events_per_second=200.0) as task:
            loading = asyncio.create_task(world.load(4.0, task))
            await asyncio.sleep(1.0)
            if late:
                # Without a freeze: whoever moves the truth first leaves what is written until the route follows.
                assert not (await world.steer(SetTruth(1, "target"))).error
                await asyncio.sleep(0.5)
            else:
                assert not (await world.steer(Freeze(1, monotonic() + 1.0))).error
                assert not (await world.steer(SetTruth(2, "target", frozen=True))).error
            assert not (await world.steer(SetRoute(3, Route("target", "target"), thaw=True))).error
            await loading

    world = lived(work)
    left, moved = world.kept(world.source), world.kept(world.target)
    assert min(left, moved) > 0
    assert world.lane("acknowledged") == left + moved == world.lane("sent")
    stranded = world.lane("stranded")
    assert (70 < stranded < 140) if late else stranded == 0


def test_who_was_refused_by_the_first_server_may_differ_on_the_mirror(in_memory: None) -> None:
    told: list[tuple[int, ...]] = []

    async def work(world: World) -> None:
        async with world.working(events_per_second=200.0) as task:
            loading = asyncio.create_task(world.load(3.0, task))
            assert not (await world.steer(SetRoute(1, Route("source", "source", mirror="target")))).error
            await asyncio.sleep(0.5)
            told.append((await world.steer(TakeUnmirrored(2))).organizations)
            world.source.refusal = "OOM no memory"
            await asyncio.sleep(0.2)
            world.source.refusal = ""
            # What the mirror has already, and the source gets later.
            told.append((await world.steer(TakeUnmirrored(3))).organizations)
            await asyncio.sleep(0.5)
            told.append((await world.steer(TakeUnmirrored(4))).organizations)
            await asyncio.sleep(0.5)
            told.append((await world.steer(TakeUnmirrored(5))).organizations)
            await loading

    world = lived(work)
    assert told == [(), (1, 2), (1, 2), ()]
    assert world.lane("acknowledged") == world.kept(world.source) == world.lane("sent")
