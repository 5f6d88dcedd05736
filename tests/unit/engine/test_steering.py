import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.messages import Freeze, PrepareServer, SetRoute, SetTruth
from redis_rehearsal.engine.outcome import Outcome
from tests.simulation.scripted import Scripted
from tests.unit.engine.small import Small, StandIn, live, only, silent, standing

SLOW_SECONDS = 0.1
"""One way to a server and back."""
MOVED = Route("target", "target")


def slow(small: Small) -> None:
    small.network.latency_seconds = SLOW_SECONDS / 2


@pytest.mark.parametrize("what", ["increment", "store", "deletion", "expiry", "copy", "mirror"])
def test_a_freeze_is_confirmed_once_whatever_was_on_its_way_has_its_answer(what: str) -> None:
    async def work(small: Small) -> None:
        application = small.application
        router, writer = application.router, application.writer
        if what == "mirror":
            router.set_route(Route("source", "source", mirror="target"))
        if what == "expiry":
            small.source.says = lambda command: None
            await small.count(0, seconds=0.0)
            await asyncio.sleep(0.001)
        slow(small)
        match what:
            case "increment" | "mirror":
                await small.count(0, seconds=0.0)
            case "store":
                writer.store(standing(0), 0, writer.ticket(0), {"a": 1}, 1)
            case "deletion":
                writer.invalidate(0)
            case "copy":
                router.set_route(MOVED)
                application.queries.set_fallback(router.servers["source"])
                small.source.values[small.key(standing(0))] = small.report(standing(0), {"a": 1})
                small.source.lives[small.key(standing(0))] = 30_000
                await small.ask(standing(0), seconds=2.1 * SLOW_SECONDS)
        assert router.unanswered_writes()
        began = monotonic()
        assert not await small.steering.freeze(Freeze(1, monotonic() + 10.0))
        assert not router.unanswered_writes()
        # Nothing else was waited for.
        assert 0 < monotonic() - began < 1.1 * SLOW_SECONDS
        assert router.frozen

    live(work)


def test_a_freeze_with_nothing_on_its_way_is_confirmed_at_once_and_holds_what_comes() -> None:
    async def work(small: Small) -> None:
        began = monotonic()
        assert not await small.steering.freeze(Freeze(1, monotonic() + 1.0))
        assert monotonic() == began
        small.application.writer.invalidate(0)
        await small.ask(standing(0))
        await small.passing(0.1)
        assert small.source.names("UNLINK") == small.source.names("SET") == []
        small.steering.thaw()
        await small.passing(0.1)
        assert len(small.source.names("UNLINK")) == 1

    assert live(work).application.writer.outcomes["store_frozen"] == 1


def test_a_freeze_that_ends_before_all_is_answered_says_how_much_is_not() -> None:
    async def work(small: Small) -> None:
        small.source.says = silent
        await small.count(0, 1, 0, seconds=0.0)
        said = await small.steering.freeze(Freeze(1, monotonic() + 0.2))
        assert said == "3 writes were still without a reply when the freeze had to end"
        assert not small.application.router.frozen

    live(work)


def test_what_is_lost_is_not_waited_for() -> None:
    async def work(small: Small) -> None:
        small.source.says = silent
        await small.count(0, seconds=0.0)
        freezing = asyncio.create_task(small.steering.freeze(Freeze(1, monotonic() + 10.0)))
        await asyncio.sleep(0.1)
        assert not freezing.done()
        small.cut()
        assert not await freezing

    assert live(work).event_outcomes == only(Outcome.UNKNOWN, 1)


def test_a_bound_that_is_past_freezes_nothing() -> None:
    async def work(small: Small) -> None:
        assert "had passed" in await small.steering.freeze(Freeze(1, monotonic()))
        assert not small.application.router.frozen

    live(work)


@pytest.mark.parametrize("promoted", [False, True])
def test_a_freeze_that_ends_by_itself_ends_on_what_is_the_truth(promoted: bool) -> None:
    async def work(small: Small) -> None:
        assert not await small.steering.freeze(Freeze(1, monotonic() + 0.5))
        if promoted:
            assert not small.steering.set_truth(SetTruth(2, "target", frozen=True))
        await asyncio.sleep(0.6)
        assert not small.application.router.frozen
        assert small.application.router.route == (MOVED if promoted else Route())
        assert bool(small.steering.set_truth(SetTruth(3, "target", frozen=True)))

    live(work)


def test_held_writes_wait_while_those_of_others_go_on() -> None:
    async def work(small: Small) -> None:
        slow(small)
        await small.count(0, 1, seconds=0.0)
        began = monotonic()
        assert not await small.steering.hold({0}, monotonic() + 1.0)
        assert SLOW_SECONDS - 0.01 < monotonic() - began < SLOW_SECONDS + 0.01
        await small.count(0, 1, seconds=0.3)
        assert small.application.events.waiting_tenants == {0}
        assert small.lane("acknowledged") == 3
        assert small.steering.release({0}) == set()
        await small.passing(0.3)

    assert live(work).event_outcomes == only(Outcome.OK, 4)


def test_a_hold_ends_at_its_bound_and_whoever_releases_it_is_told() -> None:
    async def work(small: Small) -> None:
        assert not await small.steering.hold({0}, monotonic() + 0.2)
        await small.count(0, seconds=0.1)
        assert small.application.events.waiting_tenants == {0}
        await small.passing(0.2)
        assert small.steering.holds.lapsed == {0}
        assert small.steering.release({0, 1}) == {0}

    assert live(work).event_outcomes == only(Outcome.OK, 1)


def test_a_hold_that_is_not_confirmed_in_time_is_none() -> None:
    async def work(small: Small) -> None:
        small.source.says = silent
        await small.count(1, seconds=0.0)
        assert "without a reply" in await small.steering.hold({0}, monotonic() + 0.2)
        assert small.application.router.held == set()
        assert not await small.steering.hold(set(), monotonic() - 1.0)

    live(work)


def test_a_mirror_is_confirmed_once_all_that_went_to_the_first_server_alone_is_there() -> None:
    async def work(small: Small) -> None:
        slow(small)
        await small.count(0, seconds=0.0)
        began = monotonic()
        assert not await small.steering.set_route(SetRoute(1, Route("source", "source", mirror="target")))
        assert SLOW_SECONDS - 0.01 < monotonic() - began < SLOW_SECONDS + 0.01

    assert live(work).event_outcomes == only(Outcome.OK, 1)


@given(st.sets(st.integers(0, 19), min_size=1))
def test_in_a_rollout_all_tenants_move_each_once(writing: set[int]) -> None:
    moving: list[Role] = []

    async def work(small: Small) -> None:
        rollout = asyncio.create_task(small.steering.set_route(SetRoute(1, MOVED, rollout_seconds=2.0)))
        while not rollout.done():
            await small.count(*writing, seconds=0.1)
        assert not await rollout
        moving.append(small.application.router.route.writes)

    organizations = list(range(1, 21))
    small = live(work, organizations=organizations, tenant_shares=[0.05] * 20)
    assert moving == ["target"]
    assert small.event_outcomes[Outcome.OK] == sum(small.event_outcomes)
    assert small.lane("stranded") == 0


def test_whoever_is_sent_elsewhere_while_it_moves_has_not_moved() -> None:
    async def work(small: Small) -> None:
        moving = asyncio.create_task(small.steering.set_route(SetRoute(1, MOVED, rollout_seconds=2.0)))
        await asyncio.sleep(0.5)
        assert not await small.steering.set_route(SetRoute(2, Route()))
        assert "sent elsewhere" in await moving
        assert small.application.router.route == Route()

    live(work)


def test_another_server_is_used_once_it_is_prepared_and_by_nobody_else() -> None:
    async def work(small: Small) -> None:
        steering, other = small.steering, StandIn("c" * 40)
        assert "in use" in await steering.prepare_server(PrepareServer(1, "source", Endpoint("other", 3)))
        assert "connections" in await steering.prepare_server(PrepareServer(2, "target", Endpoint("other", 3)))
        small.network.servers["other", 3] = lambda: Scripted(other.answer)
        assert not await steering.prepare_server(PrepareServer(3, "target", Endpoint("other", 3)))
        with pytest.raises(RuntimeError, match="another server"):
            steering.use_server(2)
        assert not await steering.prepare_server(PrepareServer(4, "target", Endpoint("other", 3)))
        await steering.drop_server(3)  # not what is prepared now
        await steering.use_server(4).close()
        assert not await steering.set_route(SetRoute(5, MOVED))
        await small.count(0)
        assert [*other.values.values()] == [b"1"]

    live(work)


def test_a_server_that_is_dropped_while_it_is_prepared_is_left() -> None:
    async def work(small: Small) -> None:
        small.network.servers["other", 3] = lambda: Scripted(StandIn("c" * 40).answer)
        slow(small)
        preparing = asyncio.create_task(small.steering.prepare_server(PrepareServer(1, "target", Endpoint("other", 3))))
        await asyncio.sleep(SLOW_SECONDS / 2)
        await small.steering.drop_server(1)
        assert "told to leave it" in await preparing
        assert not small.network.links_to("other", 3)

    live(work)
