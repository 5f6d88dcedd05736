import asyncio

import pytest

from redis_rehearsal.clock import Standstill, monotonic
from redis_rehearsal.engine.outcome import Outcome
from tests.unit.engine.small import Small, live, only, standing

QUESTION, ANOTHER = standing(0), standing(1)


@pytest.mark.parametrize(("single_flight", "computations"), [(True, 2), (False, 4)])
def test_who_misses_together_waits_for_one_computation(single_flight: bool, computations: int) -> None:
    async def work(small: Small) -> None:
        await small.ask(QUESTION, QUESTION, QUESTION, ANOTHER)

    small = live(work, single_flight=single_flight)
    assert len(small.database.computed) == computations
    assert small.query_outcomes == only(Outcome.OK, 4)
    assert small.application.queries.loop.sent == 0


def test_who_misses_once_it_is_computed_has_it_computed_anew() -> None:
    async def work(small: Small) -> None:
        await small.ask(QUESTION)
        await small.ask(QUESTION)  # the store waits for the end of a tick, and none came

    assert len(live(work).database.computed) == 2


@pytest.mark.parametrize("fault", ["database", "database timeout"])
def test_what_the_database_does_not_answer_fails_for_all_who_wait(fault: str) -> None:
    async def work(small: Small) -> None:
        if fault == "database":
            small.database.fails = ConnectionResetError()
        else:
            small.database.seconds = 3600.0
        await small.ask(QUESTION, QUESTION)
        small.application.misses.fail_overdue(monotonic() + small.plan.settings.operation_timeout)
        await asyncio.sleep(0.01)
        assert small.query_outcomes == only(Outcome.FAILED, 2)
        # The next one is not left waiting with those.
        small.database.fails, small.database.seconds = None, 0.01
        await small.ask(QUESTION)

    small = live(work)
    assert small.query_outcomes == [1, 2, 0, 0]
    assert small.application.queries.counts.failures == {fault: 2}


def test_time_in_which_the_worker_stood_still_does_not_count() -> None:
    async def work(small: Small) -> None:
        small.database.seconds = 0.5
        await small.ask(QUESTION)
        now, timeout = monotonic(), small.plan.settings.operation_timeout
        still = Standstill(now, now + timeout)
        small.application.misses.fail_overdue(now + timeout + 0.1, still)
        await asyncio.sleep(1.0)
        assert small.query_outcomes == only(Outcome.OK, 1)
        await small.ask(ANOTHER)
        # What was asked since then has no more time than ever.
        small.application.misses.fail_overdue(now + 2 * timeout + 2.0, still)
        await asyncio.sleep(0.01)

    assert live(work).query_outcomes == [1, 1, 0, 0]


def test_settling_waits_for_what_is_under_way() -> None:
    async def work(small: Small) -> None:
        small.database.seconds = 5.0
        await small.ask(QUESTION)
        assert small.application.queries.loop.sent == 1
        await small.application.misses.settle()
        assert small.application.queries.loop.sent == 0

    assert live(work).query_outcomes == only(Outcome.OK, 1)


def test_what_is_deleted_while_it_is_computed_is_answered_and_not_stored() -> None:
    async def work(small: Small) -> None:
        small.database.seconds = 0.05
        asking = asyncio.create_task(small.ask(QUESTION))
        await asyncio.sleep(0.02)
        small.application.writer.invalidate(0)
        await asking
        await small.passing(0.05)

    small = live(work)
    assert small.query_outcomes == only(Outcome.OK, 1)
    assert (small.source.names("UNLINK") != [], small.source.names("SET")) == (True, [])
    assert small.application.writer.outcomes == {"store_overtaken": 1, "invalidation_ok": 1}
