"""What a worker reports is reported once."""

import pytest

from redis_rehearsal.clock import monotonic
from redis_rehearsal.database.ports import WorkerDatabase
from redis_rehearsal.engine.load import Load
from redis_rehearsal.engine.messages import Snapshot
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.engine.snapshots import Snapshots
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.errors import AccountingError
from tests.unit.engine.small import Small, live, refusing, silent, standing


def snapshots_of(small: Small, stalls: Stalls) -> Snapshots:
    database = WorkerDatabase(small.database, small.database)  # type: ignore[arg-type]  # as much of one as is used
    load = Load(small.plan, small.application, stalls)
    return Snapshots(3, small.application, database, load, stalls)


def test_what_was_counted_is_reported_once_and_how_things_are_each_time() -> None:
    taken: list[Snapshot] = []

    async def work(small: Small) -> None:
        snapshots = snapshots_of(small, Stalls())
        await small.count(0, 1)
        await small.ask(standing(0))
        small.source.says = refusing("OOM no memory", "EXPIREAT", "SET")
        await small.passing(0.1)
        taken.append(snapshots.take(0, finishing=False))
        small.source.says = silent
        await small.count(0)
        taken.append(snapshots.take(1, finishing=True))

    live(work)
    first, second = taken
    assert (first.worker, first.second, second.second, second.finishing) == (3, 0, 1, True)
    assert first.counts.recorded_events.whole().outcomes[Outcome.OK] == 2
    assert first.counts.recorded_queries.whole().misses == 1
    assert first.counts.cache_writes == {"store_failed": 1}
    counted = {what: histogram.count for what, histogram in first.counts.operations.items()}
    assert counted == {
        ("source", "increment"): 2,
        ("source", "expiry"): 2,
        ("source", "read"): 1,
        ("source", "cache_write"): 1,
    }
    assert second.counts.recorded_events.whole().offered == 1
    assert (second.counts.operations, second.counts.cache_writes) == ({}, {})
    assert second.counts.recorded_queries.whole().offered == 0
    assert (first.events_in_flight, second.events_in_flight, second.queries_in_flight) == (0, 1, 0)
    assert second.open_event_gap is not None
    assert first.open_event_gap is None
    for snapshot in taken:
        assert snapshot.connections == snapshot.connections_wanted == 4
        assert [answering.silent for answering in snapshot.nodes.values()] == [0, 0]
        (node,) = snapshot.nodes["source"].connections
        assert node.run_id == "a" * 40


def test_books_that_do_not_add_up_are_noticed() -> None:
    async def work(small: Small) -> None:
        snapshots = snapshots_of(small, Stalls())
        small.application.events.loop.recorder.offer([monotonic()])
        with pytest.raises(AccountingError, match="events"):
            snapshots.take(0, finishing=False)

    live(work)
