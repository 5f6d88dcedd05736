import os
from collections.abc import Iterator

import numpy as np
import pytest

from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.verification.lanes import Lanes

TENANTS, WIDTH, BUCKET = 3, 2, 7
PLACE = 3
"""The second of the second tenant."""


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    descriptor = create_memory(Ledger.size_bytes(TENANTS, WIDTH, 4))
    made = Ledger(descriptor, TENANTS, WIDTH, 4)
    made.open_bucket(BUCKET, np.int64(0))
    yield made
    os.close(descriptor)


def write(ledger: Ledger, lane: str) -> None:
    getattr(ledger, lane)[ledger.place(BUCKET) + PLACE] += 1


def test_what_was_not_written_to_is_quiet(ledger: Ledger) -> None:
    assert Lanes.of(ledger, BUCKET).is_quiet(Lanes.of(ledger, BUCKET)).all()


@pytest.mark.parametrize(
    ("outcome", "quiet_at_once"),
    # What is unknown may be there or not at either moment, and is possible at both.
    [("acknowledged", False), ("failed", False), ("unknown", True)],
)
def test_what_was_on_its_way_is_quiet_once_it_has_ended(ledger: Ledger, outcome: str, quiet_at_once: bool) -> None:
    write(ledger, "sent")
    before = Lanes.of(ledger, BUCKET)
    assert not before.is_quiet(before).ravel()[PLACE]
    write(ledger, outcome)
    after = Lanes.of(ledger, BUCKET)
    assert after.is_quiet(before).ravel()[PLACE] == quiet_at_once
    assert after.is_quiet(after).all()
    assert after.possible.sum() == (outcome != "failed")


@pytest.mark.parametrize("change", [("baseline",), ("sent", "acknowledged"), ("sent", "failed"), ("sent", "unknown")])
def test_what_changed_in_between_is_not_quiet(ledger: Ledger, change: tuple[str, ...]) -> None:
    before = Lanes.of(ledger, BUCKET)
    for lane in change:
        write(ledger, lane)
    assert np.flatnonzero(~Lanes.of(ledger, BUCKET).is_quiet(before)).tolist() == [PLACE]


def test_some_tenants_are_taken_over(ledger: Ledger) -> None:
    lanes = Lanes.of(ledger, BUCKET)
    for lane in ("baseline", "sent", "acknowledged", "stranded"):
        write(ledger, lane)
    later = Lanes.of(ledger, BUCKET)
    lanes.take(np.array([0, 2]), later)
    assert lanes.sent.sum() == 0
    lanes.take(np.array([1]), later)
    assert [lane.sum() for lane in (lanes.baseline, lanes.sent, lanes.acknowledged, lanes.stranded)] == [1, 1, 1, 1]
