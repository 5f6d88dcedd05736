from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.server import Server
from redis_rehearsal.engine.increments import IncrementBlock
from redis_rehearsal.engine.waiting import Waiting
from redis_rehearsal.workload.questions import EventBlock

SERVER, OTHER = (cast("Server", object()) for _ in range(2))


def block(*intended: float) -> IncrementBlock:
    count = len(intended)
    nothing = np.zeros(count, dtype=np.int64)
    drawn = EventBlock(np.arange(count) % 3, nothing, nothing, nothing)
    commands = [b"%f" % due for due in intended]
    return IncrementBlock([*intended], commands, [0] * count, [], cast("Any", drawn), np.array(intended))


def due(blocks: list[tuple[IncrementBlock, bool]]) -> list[float]:
    return [each for taken, _ in blocks for each in taken.intended]


@pytest.mark.parametrize("refused_seconds", [1.0, 8.0])
def test_a_server_that_goes_on_refusing_is_asked_seldom_however_much_waits(refused_seconds: float) -> None:
    waiting = Waiting()
    for place in range(100):
        waiting.refuse(block(*(place + number / 1000 for number in range(100))), "READONLY", SERVER, again=False)
    sends = asked = 0
    now = 0.0
    while now < refused_seconds:
        for taken, again in waiting.take(now, SERVER):
            assert again
            sends += 1
            asked += len(taken.intended)
            waiting.refuse(taken, "READONLY", SERVER, again=True)
        assert waiting.count == 10_000
        now += 0.001
    # Every 50 ms once the pauses have grown; a few more before that.
    assert sends <= refused_seconds / 0.05 + 5
    assert asked <= 64 * sends
    # Once it takes them all follow, in batches and in their order.
    waiting.is_taken_by(SERVER)
    sizes, order = [], []
    while waiting.count:
        now += 0.05
        found = due(waiting.take(now, SERVER))
        sizes.append(len(found))
        order += found
    assert max(sizes) <= 2_000
    assert order == sorted(order)
    assert len(order) == 10_000


def test_where_the_route_leads_elsewhere_all_follow_at_once() -> None:
    waiting = Waiting()
    waiting.refuse(block(*range(500)), "READONLY", SERVER, again=False)
    assert len(due(waiting.take(0.0, SERVER))) == 64
    assert waiting.take(0.001, OTHER) == []  # not twice within the pause
    assert len(due(waiting.take(0.1, OTHER))) == 436
    assert waiting.count == 0


def test_what_is_held_was_not_sent_and_goes_as_it_is() -> None:
    waiting = Waiting()
    waiting.hold(block(1.0, 2.0), again=False)
    assert waiting.tenants == {0, 1}
    ((taken, again),) = waiting.take(0.0, SERVER)
    assert (taken.intended, again) == ([1.0, 2.0], False)
    assert waiting.tenants == set()


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=8).map(sorted), max_size=8), st.floats(0, 100))
def test_what_is_overdue_leaves_and_the_rest_stays(blocks: list[list[float]], before: float) -> None:
    waiting = Waiting()
    for place, intended in enumerate(blocks):
        waiting.refuse(block(*intended), f"CODE{place}", SERVER, again=False)
    overdue = waiting.take_overdue(before)
    everything = [each for intended in blocks for each in intended]
    gone = [each for taken, _ in overdue for each in taken.intended]
    assert sorted(gone) == sorted(each for each in everything if each < before)
    for taken, code in overdue:
        assert set(taken.intended) <= set(blocks[int(code.removeprefix("CODE"))])
    assert waiting.count == len(everything) - len(gone)
    waiting.is_taken_by(SERVER)
    assert sorted(due(waiting.take(0.0, SERVER))) == sorted(each for each in everything if each >= before)
