import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.cache.encodings.choice import encodings_of_slots
from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.questions import QueryBlock, QueryBlocks
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.queries import REAL_TIME_SLOT, SLOTS
from redis_rehearsal.workload.questions import Novelty, QuestionStream

ORGANIZATIONS = [7, 8, 9]
KEYS = Keys("rehearsal:", "run")
BUCKET_SECONDS = 100


def blocks(novelty: float = 0.0, worker: int = 0, types: tuple[str, ...] = ("string",)) -> QueryBlocks:
    stream = QuestionStream(np.full(3, 1 / 3), np.random.default_rng(1), Novelty(novelty, novelty))
    encodings = encodings_of_slots(types)
    return QueryBlocks(stream, ORGANIZATIONS, KEYS, WallClock(1000.0), BUCKET_SECONDS, encodings, worker, 5)


def keys_read(block: QueryBlock, at: int, made: QueryBlocks) -> bytes:
    """The command that must be there for a question."""
    tenant, slot, _ = made.split(block.questions[at])
    if slot != REAL_TIME_SLOT:
        return pack("GET", made.key(block.questions[at]))
    start = int((block.intended[at] + 1000.0) // BUCKET_SECONDS) * BUCKET_SECONDS
    return pack("MGET", *(KEYS.counter(ORGANIZATIONS[tenant], kind, start) for kind in range(len(EVENT_TYPES))))


@given(st.lists(st.floats(0.0, 150.0), min_size=1, max_size=6), st.sampled_from([0.0, 0.3]))
def test_each_query_reads_what_its_question_is_about_in_its_own_bucket(pauses: list[float], novelty: float) -> None:
    made, now = blocks(novelty), 0.0
    for pause in pauses:
        # Blocks that begin in one bucket, and may end in the next.
        intended = now + np.linspace(0.0, pause, 20)
        now = float(intended[-1])
        block = made.build(intended)
        assert block.intended == intended.tolist()
        assert block.commands == [keys_read(block, at, made) for at in range(20)]
        for question in block.questions:
            assert made.is_stored(question) is (made.split(question)[1] != REAL_TIME_SLOT)
            assert not made.is_stored(question) or made.expected(question) == expected_identity(made.identity(question))
        assert block.real_time == [at for at, question in enumerate(block.questions) if not made.is_stored(question)]
        assert block.buckets == [int((block.intended[at] + 1000.0) // BUCKET_SECONDS) for at in block.real_time]


def test_nobody_asks_a_new_question_twice() -> None:
    asked = []
    for worker in (0, 1):
        made = blocks(1.0, worker)
        for _ in range(5):
            block = made.build(np.zeros(50))
            asked += [made.key(each) for each in block.questions if isinstance(each, tuple)]
    assert len(asked) == len(set(asked)) > 400
    assert not set(asked) & {made.key(number) for number in range(3 * len(SLOTS))}


@given(st.sets(st.integers(0, 39)))
def test_the_queries_that_are_chosen_are_what_they_were(chosen: set[int]) -> None:
    made = blocks(types=("string", "hash"))
    block, positions = made.build(np.linspace(0.0, 150.0, 40)), sorted(chosen)
    some = block.chosen(positions)
    for name in ("intended", "questions", "commands"):
        assert getattr(some, name) == [getattr(block, name)[at] for at in positions]
    assert [positions[at] for at in some.real_time] == [at for at in block.real_time if at in chosen]
    assert dict(zip([positions[at] for at in some.real_time], some.buckets, strict=True)) == {
        at: bucket for at, bucket in zip(block.real_time, block.buckets, strict=True) if at in chosen
    }
    assert block.encodings is not None
    assert some.encodings == [block.encodings[at] for at in positions]
