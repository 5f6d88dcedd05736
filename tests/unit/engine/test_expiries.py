import pytest

from redis_rehearsal.cache.route import Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.messages import Freeze
from tests.simulation.scripted import error
from tests.unit.engine.small import Small, live, number, silent


def test_a_counter_is_given_its_time_to_expire_once() -> None:
    async def work(small: Small) -> None:
        await small.count(0, 0, 1)
        await small.count(0, 1)

    small = live(work)
    assert len(small.source.names("EXPIREAT")) == len(set(small.source.names("INCR"))) == 2
    settings = small.plan.settings
    kept_until = (small.bucket + 1 + settings.time_buckets) * settings.time_bucket_seconds
    assert set(small.source.lives.values()) == {kept_until}


def test_one_that_a_server_lost_and_made_anew_is_given_it_again() -> None:
    async def work(small: Small) -> None:
        await small.count(0)
        small.source.values.clear()
        await small.count(0)

    assert len(live(work).source.names("EXPIREAT")) == 2


@pytest.mark.parametrize("reply", [error("OOM no"), number(0)])
def test_what_was_not_set_is_asked_for_again(reply: bytes) -> None:
    async def work(small: Small) -> None:
        small.source.says = lambda command: reply if command[0] == b"EXPIREAT" else None
        await small.count(0)
        small.source.says = lambda _: None
        await small.count(0)
        await small.count(0)

    small = live(work)
    assert len(small.source.names("EXPIREAT")) == 2
    assert small.application.events.expiries.failed == reply.startswith(b"-")


def test_what_got_no_answer_is_asked_for_again() -> None:
    async def work(small: Small) -> None:
        small.source.says = lambda command: silent(command) if command[0] == b"EXPIREAT" else None
        await small.count(0)
        small.source.says = lambda _: None
        small.cut()
        await small.passing(1.0)
        await small.count(0)

    assert len(live(work).source.names("EXPIREAT")) == 2


def test_nothing_is_asked_for_in_a_freeze_and_all_of_it_after_that() -> None:
    async def work(small: Small) -> None:
        small.network.latency_seconds = 0.05
        await small.count(0, 1, seconds=0.0)
        assert not await small.steering.freeze(Freeze(1, monotonic() + 1.0))
        assert small.source.names("EXPIREAT") == []
        small.steering.thaw()
        await small.passing(0.2)

    assert len(live(work).source.names("EXPIREAT")) == 2


def test_the_mirror_gets_it_too_and_who_has_no_such_counter_there_is_told() -> None:
    async def work(small: Small) -> None:
        await small.count(0)
        small.application.router.set_route(Route("source", "source", mirror="target"))
        small.application.events.expiries.forget()
        small.target.says = lambda command: number(0) if command[0] == b"EXPIREAT" else None
        await small.count(0)

    small = live(work)
    assert len(small.target.names("EXPIREAT")) == 1
    assert small.application.mirror.take() == {0}
