import os
from collections.abc import Iterator

import numpy as np
import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES
from redis_rehearsal.cache.server import Server
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


def test_what_another_server_lacks_is_counted_when_it_takes_over(ledger: Ledger) -> None:
    recent, row = RecentEvents(), row_of(ledger)
    source, target = (Server(role, Endpoint.parse("redis://localhost"), 2, "test", 1.0) for role in ROLES)

    def push(server: Server, count: int, newest: list[bytes], length: int) -> None:
        for _ in range(count):
            if recent.has_moved(ledger, row, server):
                recent.note_newest(row, newest)
            place, _, _ = recent.enter(ledger, row, "click:1:/")
            ledger.acknowledged[place] += 1
            recent.note_length(ledger, place, length)

    push(source, 250, [], RECENT_KEPT + 1)
    # It has all but the newest five, and so five older ones.
    push(target, 1, [b"245:click:1:/"], RECENT_KEPT + 1)
    assert ledger.baseline[row + DROPPED] == 5
    push(target, 40, [], RECENT_KEPT + 1)
    assert ledger.baseline[row + DROPPED] == 5
    # It was left alone since, and lacks all forty-one.
    push(source, 1, [b"250:click:1:/"], RECENT_KEPT + 1)
    assert ledger.baseline[row + DROPPED] == 5 + 41
    # It has none: what is kept is gone, each counted once.
    push(target, 1, [], 1)
    assert ledger.baseline[row + DROPPED] == 5 + 41 + RECENT_KEPT
