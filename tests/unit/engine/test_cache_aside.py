import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.cache_aside import _QueryBatch
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.questions import Novel
from redis_rehearsal.workload.queries import REAL_TIME_SLOT
from tests.simulation.scripted import bulk, error
from tests.unit.engine.small import NOTHING, SILENCE, TYPES, Small, live, only, standing

FIRST, SECOND = standing(0), standing(1)
REAL_TIME = standing(0, REAL_TIME_SLOT)
OTHER = (1, 0, 1 << 40)
"""A question that nobody asked before."""


@pytest.mark.parametrize("question", [FIRST, SECOND, OTHER])
def test_what_is_in_the_cache_is_a_hit_and_the_database_is_not_asked(question: int | Novel) -> None:
    async def work(small: Small) -> None:
        small.source.values[small.key(question)] = small.report(question, {"a": 1})
        await small.ask(question, question)

    small = live(work)
    assert small.query_outcomes == only(Outcome.OK, 2)
    assert (small.database.computed, small.application.queries.counts.checks.reports_checked) == ([], 2)
    assert not small.application.queries.counts.checks.wrong


def test_what_is_not_there_is_computed_and_stored_and_is_there_the_next_time() -> None:
    async def work(small: Small) -> None:
        await small.ask(FIRST)
        await small.passing(0.01)
        await small.ask(FIRST)

    small = live(work)
    assert small.query_outcomes == only(Outcome.OK, 2)
    assert len(small.database.computed) == 1
    (tally,) = small.application.queries.loop.recorder.tallies.values()
    assert (tally.hits, tally.misses) == (1, 1)


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ("damaged", "wrong"),
        ("of another question", "wrong"),
        ("too old", "stale"),
        ("no report", "misplaced"),
    ],
)
def test_what_is_wrong_with_an_answer_is_found(found: str, what: str) -> None:
    async def work(small: Small) -> None:
        whole = small.report(FIRST, {"a": 1})
        small.source.values[small.key(FIRST)] = {
            "damaged": whole[:-6] + b"?" + whole[-5:],
            "of another question": small.report(SECOND, {"a": 1}),
            "too old": small.report(FIRST, {"a": 1}, age_seconds=62.0),
            "no report": b"something",
        }[found]
        await small.ask(FIRST)

    small = live(work)
    checks = small.application.queries.counts.checks
    assert {name: getattr(checks, name) for name in ("wrong", "stale", "misplaced", "resurrected")} == {
        name: int(name == what) for name in ("wrong", "stale", "misplaced", "resurrected")
    }
    # Whoever asked has an answer all the same: that it was wrong is another matter.
    assert small.query_outcomes == only(Outcome.OK, 1)


def test_what_was_right_is_stale_once_its_time_is_over() -> None:
    async def work(small: Small) -> None:
        small.source.values[small.key(FIRST)] = small.report(FIRST, {"a": 1}, age_seconds=50.0)
        await small.ask(FIRST, FIRST)
        await small.passing(9.0)
        await small.ask(FIRST)
        assert not small.application.queries.counts.checks.stale
        # Ten seconds were left; what was asked for in time may come as late as a query may.
        await small.passing(10.0)
        await small.ask(FIRST, FIRST)

    checks = live(work).application.queries.counts.checks
    assert (checks.reports_checked, checks.stale) == (5, 2)


@pytest.mark.parametrize("is_late", [False, True])
def test_what_was_right_is_back_from_the_dead_once_its_deletion_was_acknowledged(is_late: bool) -> None:
    async def work(small: Small) -> None:
        application, report = small.application, small.report(FIRST, {"a": 1})
        small.source.values[small.key(FIRST)] = report
        await small.passing(0.5)
        await small.ask(FIRST, FIRST)
        before = monotonic()
        application.writer.invalidate(0)
        await small.passing(0.1)
        assert small.key(FIRST) not in small.source.values
        if is_late:
            # An answer that was under way when it was deleted is none, and says nothing of the next one.
            batch = _QueryBatch(application.queries, small.queries(FIRST), 0, 1)
            batch.written_seconds = before
            application.queries.loop.recorder.offer(batch.block.intended)
            application.queries.loop.sent += 1
            batch.on_replies([report], monotonic())
            assert not application.queries.counts.checks.resurrected
        small.source.values[small.key(FIRST)] = report
        await small.ask(FIRST, FIRST)
        # What is computed from then on is right.
        small.source.values[small.key(FIRST)] = small.report(FIRST, {"a": 2})
        await small.ask(FIRST, FIRST)

    checks = live(work).application.queries.counts.checks
    assert (checks.reports_checked, checks.resurrected) == (6 + is_late, 2)


def test_a_counter_that_is_lower_than_what_was_acknowledged_has_regressed() -> None:
    async def work(small: Small) -> None:
        await small.count(0, 0, 0)
        await small.ask(REAL_TIME)
        assert not small.application.queries.counts.checks.counter_regressions
        (key,) = set(small.source.names("INCR"))
        small.source.values[key] = b"2"
        await small.ask(REAL_TIME)

    checks = live(work).application.queries.counts.checks
    assert (checks.counters_checked, checks.counter_regressions) == (2, 1)


def test_where_there_is_no_connection_a_query_fails_at_once() -> None:
    async def work(small: Small) -> None:
        small.network.servers.clear()
        small.cut()
        await small.passing(0.01)
        await small.ask(FIRST, SECOND)

    small = live(work)
    assert small.query_outcomes == only(Outcome.FAILED, 2)
    assert small.application.queries.counts.failures == {"no connection": 2}


REPLIES = {
    "hit": (b"", Outcome.OK),
    "miss": (NOTHING, Outcome.OK),
    "refused": (error("NOAUTH log in"), Outcome.FAILED),
    "loading": (error("LOADING not yet"), Outcome.FAILED),
    "other type": (error("WRONGTYPE what is it"), Outcome.OK),
    "number": (b":7\r\n", Outcome.OK),
}


@given(st.lists(st.sampled_from([*REPLIES, "silence"]), min_size=1, max_size=12), st.booleans(), st.booleans())
def test_each_query_ends_once_whatever_is_answered_and_lost(said: list[str], alike: bool, database_fails: bool) -> None:
    async def work(small: Small) -> None:
        replies = iter(said)
        quiet = False

        def answer(command: list[bytes]) -> bytes | None:
            nonlocal quiet
            if command[0] != b"GET":
                return None
            name = next(replies)
            quiet |= name == "silence"
            if quiet:
                return SILENCE
            return bulk(small.report(FIRST, {"a": 1})) if name == "hit" else REPLIES[name][0]

        small.source.says = answer
        if database_fails:
            small.database.fails = ConnectionResetError()
        await small.ask(*[FIRST if alike else (0, 0, (1 << 40) + at) for at in range(len(said))])
        small.cut()
        await small.passing(0.1)
        small.application.queries.loop.check()

    small = live(work)
    outcomes, loop = small.query_outcomes, small.application.queries.loop
    assert (loop.sent, sum(outcomes)) == (0, len(said))
    lost = len(said) - said.index("silence") if "silence" in said else 0
    answered = said[: len(said) - lost]
    missed = sum(name not in ("hit", "refused", "loading") for name in answered)
    failed = lost + sum(REPLIES[name][1] is Outcome.FAILED for name in answered) + missed * database_fails
    assert outcomes[Outcome.FAILED] == failed == sum(small.application.queries.counts.failures.values())
    assert outcomes[Outcome.OK] == len(said) - failed


def test_the_types_of_events_are_read_together() -> None:
    async def work(small: Small) -> None:
        await small.ask(REAL_TIME)

    small = live(work)
    ((_, *keys),) = small.source.asked
    assert len(keys) == TYPES
    assert small.query_outcomes == only(Outcome.OK, 1)
