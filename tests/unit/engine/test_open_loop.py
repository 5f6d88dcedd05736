import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from redis_rehearsal.engine.open_loop import OpenLoop
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.pacer import Pacer
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.errors import AccountingError
from redis_rehearsal.workload.arrivals import Arrivals


class Block:
    def __init__(self, intended: NDArray[np.float64]) -> None:
        self.intended: list[float] = intended.tolist()


class Sender:
    """Takes operations in flight, and ends them when it is told to."""

    def __init__(self, rate: float, limit: int, queue_limit: int) -> None:
        self.recorder = Recorder(Stalls())
        self.in_flight: list[float] = []
        self.sent: list[float] = []
        arrivals = Arrivals("poisson", rate, 0.0, np.random.default_rng(1))
        self.loop: OpenLoop[Block] = OpenLoop(
            "queries", Pacer(arrivals, Block, 16), self.send, self.recorder, limit, queue_limit
        )

    def send(self, block: Block, start: int, stop: int) -> None:
        self.in_flight += block.intended[start:stop]
        self.sent += block.intended[start:stop]
        self.loop.sent += stop - start

    def end(self, count: int, outcome: Outcome, now: float) -> None:
        ended, self.in_flight = self.in_flight[:count], self.in_flight[count:]
        self.recorder.record(outcome, ended, now, now)
        self.loop.release(len(ended))


steps = st.lists(st.tuples(st.floats(0, 0.5), st.integers(0, 40), st.sampled_from(Outcome)), max_size=40)


@given(steps, st.integers(1, 30), st.integers(0, 50))
def test_the_books_add_up_whatever_happens(
    happenings: list[tuple[float, int, Outcome]], limit: int, queue_limit: int
) -> None:
    sender = Sender(100.0, limit, queue_limit)
    loop, now = sender.loop, 0.0
    total = Tally()
    for passed, count, outcome in happenings:
        now += passed
        loop.tick(now)
        sender.end(count, outcome, now)
        loop.check()
        assert loop.sent == len(sender.in_flight) <= limit
        assert loop.waiting <= queue_limit
        assert not (loop.waiting and loop.sent < limit)
        for tally in sender.recorder.take().values():
            total.merge(tally)
        assert total.offered == sum(total.outcomes) + loop.sent + loop.waiting
    assert sender.sent == sorted(sender.sent)


def test_what_is_due_waits_in_turn_and_then_is_shed() -> None:
    sender = Sender(1000.0, limit=5, queue_limit=10)
    sender.loop.tick(1.0)
    assert (sender.loop.sent, sender.loop.waiting) == (5, 10)
    (tally,) = sender.recorder.take().values()
    assert tally.outcomes[Outcome.SHED] == tally.offered - 15 > 900


def test_nothing_is_handed_out_that_is_due_after_the_end() -> None:
    sender = Sender(1000.0, limit=10_000, queue_limit=0)
    sender.loop.until_seconds = 0.5
    sender.loop.tick(2.0)
    assert max(sender.sent) <= 0.5
    assert sender.loop.next_seconds == float("inf")


def test_what_waits_at_the_end_is_shed() -> None:
    sender = Sender(100.0, limit=1, queue_limit=1000)
    sender.loop.tick(1.0)
    waiting = sender.loop.waiting
    sender.loop.give_up(1.0)
    (tally,) = sender.recorder.take().values()
    assert tally.outcomes[Outcome.SHED] == waiting > 0
    sender.loop.check()


def test_an_operation_that_is_lost_track_of_is_noticed() -> None:
    sender = Sender(100.0, limit=10, queue_limit=10)
    sender.loop.tick(1.0)
    sender.loop.sent -= 1
    with pytest.raises(AccountingError):
        sender.loop.check()
