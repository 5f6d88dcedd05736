import asyncio

import pytest

from redis_rehearsal.cache.route import Route
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.workload.queries import REAL_TIME_SLOT
from tests.simulation.scripted import error
from tests.unit.engine.small import TYPES, Small, live, only, silent, standing

QUESTION = standing(0)
INVALIDATED = next(slot for slot in range(REAL_TIME_SLOT))
REAL_TIME = standing(0, REAL_TIME_SLOT)


def moved(small: Small) -> bytes:
    """The application is on the target, and the source has a report; returns it."""
    small.application.router.set_route(Route("target", "target"))
    small.application.queries.set_fallback(small.application.router.servers["source"])
    value = small.source.values[small.key(QUESTION)] = small.report(QUESTION, {"a": 1})
    small.source.lives[small.key(QUESTION)] = 30_000
    return value


def test_what_is_missing_is_answered_by_the_source_and_the_target_gets_a_copy() -> None:
    async def work(small: Small) -> None:
        value = moved(small)
        await small.ask(QUESTION)
        await small.passing(0.01)
        assert small.target.values == {small.key(QUESTION): value}
        await small.ask(QUESTION)

    small = live(work)
    assert small.query_outcomes == only(Outcome.OK, 2)
    assert (small.database.computed, len(small.source.names("GET"))) == ([], 1)
    assert [*small.target.lives.values()] == [30_000]
    assert small.application.queries.counts.checks.reports_checked == 2


def test_a_copy_never_replaces_what_is_newer() -> None:
    async def work(small: Small) -> None:
        moved(small)
        newer = small.report(QUESTION, {"a": 2})

        def answer(command: list[bytes]) -> bytes | None:
            if command[0] == b"GET" and not small.target.values:
                small.target.values[small.key(QUESTION)] = newer
                return b"$-1\r\n"
            return None

        small.target.says = answer
        await small.ask(QUESTION)
        await small.passing(0.01)
        assert small.target.names("SET") == [small.key(QUESTION)]
        assert small.target.values == {small.key(QUESTION): newer}

    assert live(work).query_outcomes == only(Outcome.OK, 1)


@pytest.mark.parametrize("why", ["deleted", "held", "frozen", "without a time to live", "no report"])
def test_what_may_not_be_copied_is_answered_all_the_same(why: str) -> None:
    async def work(small: Small) -> None:
        moved(small)
        router, writer = small.application.router, small.application.writer

        def answer(command: list[bytes]) -> bytes | None:
            if command[0] == b"PTTL" and why == "without a time to live":
                return b":-1\r\n"
            if command[0] == b"GET":
                if why == "no report":
                    return b"$9\r\nsomething\r\n"
                # While the source is asked.
                if why == "deleted":
                    writer.invalidate(0)
                router.held |= {0} if why == "held" else set()
                router.frozen = why == "frozen"
            return None

        small.source.says = answer
        await small.ask(QUESTION)
        await small.passing(0.01)

    small = live(work)
    assert small.query_outcomes == only(Outcome.OK, 1)
    # What is no report there either is computed.
    assert len(small.target.names("SET")) == len(small.database.computed) == (why == "no report")


@pytest.mark.parametrize("fault", ["missing", "cut", "away", "refused"])
def test_what_the_source_does_not_have_either_is_computed(fault: str) -> None:
    async def work(small: Small) -> None:
        moved(small)
        match fault:
            case "missing":
                small.source.values.clear()
            case "cut":
                small.source.says = silent
            case "away":
                del small.network.servers["source", 1]
                small.cut()
                await small.passing(0.01)
            case _:
                small.source.says = lambda _: error("NOPERM no")
        await small.ask(QUESTION)
        small.cut()
        await small.passing(0.1)

    small = live(work)
    assert small.query_outcomes == only(Outcome.OK, 1)
    assert len(small.database.computed) == 1


@pytest.mark.parametrize("fault", ["", "refused", "cut", "away"])
def test_counters_that_are_missing_are_filled_from_the_source_or_there_is_no_answer(fault: str) -> None:
    async def work(small: Small) -> None:
        await small.count(0, 0)
        (key,) = set(small.source.names("INCR"))
        moved(small)
        if fault == "refused":
            small.source.says = lambda _: error("NOPERM no")
        elif fault == "cut":
            small.source.says = silent
        elif fault == "away":
            del small.network.servers["source", 1]
            small.cut()
            await small.passing(0.01)
        await small.ask(REAL_TIME)
        small.cut()
        await small.passing(0.01)
        assert key not in small.target.values

    small = live(work)
    queries = small.application.queries
    assert small.query_outcomes == only(Outcome.FAILED if fault else Outcome.OK, 1)
    assert queries.counts.failures == ({"refused": {"NOPERM": 1}}.get(fault, {"connection lost": 1}) if fault else {})
    # They are held against the ledger as every answer is.
    assert (queries.counts.checks.counters_checked, queries.counts.checks.counter_regressions) == (not fault, 0)
    assert len(small.target.asked[-1]) == 1 + TYPES


def test_a_deletion_is_made_on_the_source_too() -> None:
    async def work(small: Small) -> None:
        moved(small)
        small.application.writer.invalidate(0)
        await small.passing(0.01)

    small = live(work)
    assert small.source.names("UNLINK") == small.target.names("UNLINK") != []


def test_what_an_event_made_obsolete_just_before_the_source_was_asked_is_not_copied() -> None:
    async def work(small: Small) -> None:
        application = small.application
        moved(small)
        await small.passing(0.5)
        block = small.queries(QUESTION)
        application.queries.loop.recorder.offer(block.intended)
        application.queries.send(block, 0, 1)
        # The event comes before the target says that it has none, and its deletions leave after the source was asked.
        await asyncio.sleep(0.0009)
        application.writer.invalidate(0)
        await asyncio.sleep(0.00015)
        application.router.flush()
        await small.passing(0.1)
        assert small.source.asked[0][0] == b"GET"
        assert len(small.source.names("UNLINK")) == 1
        assert not small.target.values
        await small.ask(QUESTION)

    assert not live(work).application.queries.counts.checks.resurrected
