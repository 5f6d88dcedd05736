import os

import numpy as np
import pytest

from redis_rehearsal.engine.ledger import UNKNOWN_BASELINE, Ledger, create_memory


@pytest.fixture
def ledgers() -> tuple[Ledger, Ledger]:
    """The same memory as worker and coordinator see it."""
    descriptor = create_memory(Ledger.size_bytes(3, 5, 4))
    pair = Ledger(descriptor, 3, 5, 4), Ledger(descriptor, 3, 5, 4)
    os.close(descriptor)
    return pair


def test_what_one_process_writes_the_other_reads(ledgers: tuple[Ledger, Ledger]) -> None:
    worker, coordinator = ledgers
    coordinator.open_bucket(10, np.arange(15))
    place = worker.place(10) + 1 * 5 + 2
    worker.sent[place] += 3
    worker.acknowledged[place] += 2
    worker.failed[place] += 1
    assert worker.has(10)
    assert coordinator.buckets() == [10]
    assert coordinator.lane("sent", 10)[1, 2] == 3
    assert coordinator.lane("acknowledged", 10)[1, 2] == 2
    assert coordinator.lane("failed", 10)[1, 2] == 1
    assert coordinator.lane("baseline", 10)[1, 2] == 7


def test_a_bucket_takes_the_place_of_an_old_one_and_begins_empty(ledgers: tuple[Ledger, Ledger]) -> None:
    worker, coordinator = ledgers
    coordinator.open_bucket(10, np.zeros(15, dtype=np.int64))
    worker.sent[worker.place(10)] += 1
    coordinator.open_bucket(14, None)
    assert not coordinator.has(10)
    assert coordinator.lane("sent", 14).sum() == 0
    assert (coordinator.lane("baseline", 14) == UNKNOWN_BASELINE).all()


def test_buckets_do_not_overlap(ledgers: tuple[Ledger, Ledger]) -> None:
    worker, _ = ledgers
    for bucket in range(10, 14):
        worker.open_bucket(bucket, np.full(15, bucket))
    assert worker.buckets() == [10, 11, 12, 13]
    for bucket in range(10, 14):
        assert (worker.lane("baseline", bucket) == bucket).all()


def test_zero_and_unknown_baselines_need_no_look_at_them(ledgers: tuple[Ledger, Ledger]) -> None:
    worker, _ = ledgers
    worker.open_bucket(10, np.zeros(15, dtype=np.int64))
    worker.open_bucket(11, None)
    worker.open_bucket(12, np.arange(15))
    assert [worker.begins_at_zero(bucket) for bucket in (10, 11, 12)] == [True, True, False]
