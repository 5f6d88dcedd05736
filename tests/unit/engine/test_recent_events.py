import os
from collections.abc import Iterator

import numpy as np
import pytest

from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.engine.recent_events import RecentEvents
from redis_rehearsal.workload.live import (
    DROPPED,
    LENGTH,
    RECENT_ACCOUNTED,
    RECENT_KEPT,
    RECENT_WIDTH,
    number_of,
    recent_code,
)

BUCKET, TENANTS = 7, 2


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    descriptor = create_memory(Ledger.size_bytes(TENANTS, RECENT_WIDTH, 4))
    made = Ledger(descriptor, TENANTS, RECENT_WIDTH, 4)
    made.open_bucket(BUCKET, np.int64(0))
    yield made
    os.close(descriptor)


def row_of(ledger: Ledger) -> int:
    """The first place of the second tenant's list."""
    return ledger.place(BUCKET) + RECENT_WIDTH


def remembered(ledger: Ledger) -> list[int]:
    codes = ledger.lane("baseline", BUCKET)[1, :RECENT_ACCOUNTED]
    return sorted(number_of(code) for code in codes.tolist() if code)


def test_the_newest_are_remembered_and_nothing_of_another_list_is_touched(ledger: Ledger) -> None:
    recent, row = RecentEvents(), row_of(ledger)
    for number in range(1, RECENT_ACCOUNTED + 51):
        place, code, element = recent.enter(ledger, row, "click:1:/")
        assert element == b"%d:click:1:/" % number
        assert ledger.baseline[place] == code == recent_code(number, element)
        ledger.sent[place] += 1
    assert remembered(ledger) == list(range(51, RECENT_ACCOUNTED + 51))
    assert ledger.lane("sent", BUCKET)[1].sum() == RECENT_ACCOUNTED
    assert not ledger.lane("baseline", BUCKET)[0].any()


def test_one_that_was_refused_takes_no_place_of_those_that_were_not(ledger: Ledger) -> None:
    recent, row = RecentEvents(), row_of(ledger)
    for _ in range(RECENT_ACCOUNTED - 1):
        recent.enter(ledger, row, "click:1:/")
    for _ in range(1000):
        place, _, _ = recent.enter(ledger, row, "click:1:/")
        ledger.failed[place] += 1
        recent.forget(place)
    assert remembered(ledger)[:-1] == list(range(1, RECENT_ACCOUNTED))
    place, _, _ = recent.enter(ledger, row, "click:1:/")
    assert ledger.failed[place] == 0
    assert remembered(ledger)[-1] == RECENT_ACCOUNTED + 1000


def test_a_list_that_is_shorter_than_it_was_has_lost_something(ledger: Ledger) -> None:
    recent, row = RecentEvents(), row_of(ledger)
    for length in [*range(1, RECENT_KEPT + 2), RECENT_KEPT + 1, 121, 122, 150, 151, 51]:
        recent.note_length(ledger, row, length)
    assert ledger.baseline[row + LENGTH] == 51
    assert ledger.baseline[row + DROPPED] == 80 + 101
