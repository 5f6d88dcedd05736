import asyncio

from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.route import Route
from redis_rehearsal.engine.outcome import Outcome
from tests.simulation.scripted import error
from tests.unit.engine.small import SILENCE, TARGET, Small, live, only, refusing


def test_what_is_acknowledged_is_in_the_ledger_and_there() -> None:
    async def work(small: Small) -> None:
        await small.count(0, 1, 0)

    small = live(work)
    assert small.event_outcomes == only(Outcome.OK, 3)
    assert (small.lane("sent"), small.lane("acknowledged"), small.lane("unknown")) == (3, 3, 0)
    assert sorted(small.source.values.values()) == [b"1", b"2"]


def test_what_is_refused_goes_where_the_route_leads_by_then() -> None:
    async def work(small: Small) -> None:
        small.source.says = refusing("READONLY it is a replica", "INCR")
        await small.count(0, 1)
        assert small.event_outcomes == [0] * 4
        small.application.router.set_route(Route("target", "target"))
        await small.passing(0.2)

    small = live(work)
    assert small.event_outcomes == only(Outcome.OK, 2)
    assert (small.source.values, len(small.target.values)) == ({}, 2)
    assert small.application.events.counts.redirected == 2


def test_what_is_refused_for_longer_than_it_may_take_has_failed() -> None:
    async def work(small: Small) -> None:
        small.source.says = refusing("OOM no memory", "INCR")
        await small.count(0, 1, seconds=2.0)

    small = live(work)
    assert small.event_outcomes == only(Outcome.FAILED, 2)
    assert (small.lane("failed"), small.lane("sent")) == (2, 2)
    assert small.application.events.counts.failures == {"OOM": 2}
    assert small.application.events.loop.sent == 0


def test_without_a_connection_an_event_fails_and_the_mirror_alone_may_have_it() -> None:
    async def work(small: Small) -> None:
        small.application.router.set_route(Route("source", "source", mirror="target"))
        del small.network.servers["source", 1]
        small.cut()
        await asyncio.sleep(0)
        await small.count(1)

    small = live(work)
    assert small.event_outcomes == only(Outcome.FAILED, 1)
    assert small.application.events.counts.failures == {"no connection": 1}
    assert small.application.mirror.take() == {1}
    assert len(small.target.values) == 1


def test_what_the_mirror_does_not_get_is_no_failure_and_is_told() -> None:
    async def work(small: Small) -> None:
        small.application.router.set_route(Route("source", "source", mirror="target"))
        small.target.says = refusing("OOM no memory", "INCR")
        await small.count(0)
        assert small.application.mirror.take() == {0}
        small.target.says = lambda _: None
        await small.count(1)
        assert small.application.mirror.take() == set()
        del small.network.servers[TARGET]
        small.cut(TARGET)
        await asyncio.sleep(0)
        await small.count(1)
        assert small.application.mirror.take() == {1}

    small = live(work)
    assert small.event_outcomes == only(Outcome.OK, 3)
    assert small.application.events.counts.mirrored == {"ok": 1, "failed": 2}


def test_what_another_server_than_the_truth_acknowledges_is_stranded() -> None:
    async def work(small: Small) -> None:
        await small.count(0)
        small.application.router.promote("target")
        await small.count(0, 1)

    small = live(work)
    assert (small.lane("acknowledged"), small.lane("stranded")) == (3, 2)


def test_in_a_rollout_each_tenant_writes_where_its_own_route_leads() -> None:
    async def work(small: Small) -> None:
        small.application.router.begin_rollout(Route("target", "target"))
        small.application.router.move([1])
        await small.count(0, 1, 1)

    small = live(work)
    assert small.event_outcomes == only(Outcome.OK, 3)
    assert ([*small.source.values.values()], [*small.target.values.values()]) == ([b"1"], [b"2"])
    assert small.lane("stranded") == 0


SAID = ["taken", "OOM no memory", "READONLY not here", "ERR who knows", "silence"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.lists(st.integers(0, 1), min_size=1, max_size=4)),
        st.tuples(st.just("says"), st.sampled_from(SAID)),
        st.tuples(st.sampled_from(["cut", "hold", "release", "move", "mirror", "pass"]), st.just(0)),
    ),
    max_size=12,
)


@given(STEPS)
def test_in_any_order_of_faults_each_event_ends_once_and_the_ledger_knows_what_is_there(
    steps: list[tuple[str, object]],
) -> None:
    applied = 0

    async def work(small: Small) -> None:
        said = "taken"

        def answer(command: list[bytes]) -> bytes | None:
            nonlocal applied
            if command[0] != b"INCR":
                return None
            if said.startswith(("OOM", "READONLY")):
                return error(said)
            applied += 1
            if said == "taken":
                return None
            small.source.carry_out(command)
            return SILENCE if said == "silence" else error(said)

        small.source.says = answer
        router = small.application.router
        for what, how in steps:
            match what, how:
                case "count", list():
                    await small.count(*how, seconds=0.02)
                case "says", str():
                    # A connection on which a reply is missing is of no use for what comes after it.
                    small.cut()
                    await small.passing(0.5)
                    said = how
                case "cut", _:
                    small.cut()
                case "hold", _:
                    router.held |= {1}
                case "release", _:
                    router.held.clear()
                case "move", _:
                    router.set_route(Route("target", "target"))
                case "mirror", _:
                    router.set_route(Route("source", "source", mirror="target"))
                case _:
                    await small.passing(0.3)
        router.held.clear()
        said = "taken"
        small.cut()
        await small.passing(2.0)
        small.application.events.loop.check()
        assert small.application.events.waiting_tenants == set()

    small = live(work)
    counted = sum(len(how) for what, how in steps if what == "count" and isinstance(how, list))
    outcomes = small.event_outcomes
    assert (sum(outcomes), small.application.events.loop.sent) == (counted, 0)
    sent, acknowledged, unknown, failed = map(small.lane, ("sent", "acknowledged", "unknown", "failed"))
    assert (sent, acknowledged, failed, unknown) == (counted, outcomes[0], outcomes[1], outcomes[2])
    moved = not any(what == "mirror" for what, _ in steps)
    there = applied + moved * sum(map(int, small.target.values.values()))
    assert acknowledged <= there <= acknowledged + unknown or not moved
