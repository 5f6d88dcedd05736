import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.increments import IncrementBlocks
from redis_rehearsal.engine.ledger import UNKNOWN_BASELINE, Ledger, create_memory
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.questions import EventStream

ORGANIZATIONS = [7, 8, 9]
KEYS = Keys("rehearsal:")
BUCKET_SECONDS = 100
TYPES = len(EVENT_TYPES)
LEDGER = Ledger(create_memory(Ledger.size_bytes(3, TYPES, 4)), 3, TYPES, 4)


@given(st.lists(st.floats(0.0, 150.0), min_size=1, max_size=8))
def test_each_event_counts_in_the_bucket_in_which_it_is_due(pauses: list[float]) -> None:
    stream = EventStream(np.full(3, 1 / 3), 10, np.random.default_rng(1))
    made, now = IncrementBlocks(stream, ORGANIZATIONS, KEYS, WallClock(1000.0), BUCKET_SECONDS, LEDGER), 0.0
    for pause in pauses:
        intended = now + np.linspace(0.0, pause, 15)
        now = float(intended[-1])
        block = made.build(intended)
        for at, due in enumerate(intended.tolist()):
            bucket = int((due + 1000.0) // BUCKET_SECONDS)
            tenant, kind = int(block.drawn.tenants[at]), int(block.drawn.types[at])
            key = KEYS.counter(ORGANIZATIONS[tenant], kind, bucket * BUCKET_SECONDS)
            assert block.commands[at] == pack("INCR", key)
            assert block.places[at] == LEDGER.place(bucket) + tenant * TYPES + kind
        assert block.invalidating == [at for at in range(15) if EVENT_TYPES[int(block.drawn.types[at])].invalidates]
        assert block.occurred_seconds.tolist() == (intended + 1000.0).tolist()


def test_of_a_bucket_that_nobody_opened_it_is_not_known_where_its_counters_began() -> None:
    stream = EventStream(np.full(3, 1 / 3), 10, np.random.default_rng(1))
    made = IncrementBlocks(stream, ORGANIZATIONS, KEYS, WallClock(0.0), BUCKET_SECONDS, LEDGER)
    made.build(np.array([1e6]))
    assert LEDGER.has(10_000)
    assert (LEDGER.lane("baseline", 10_000) == UNKNOWN_BASELINE).all()
