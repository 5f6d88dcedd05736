from collections.abc import Iterator

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.verification.compare.classify import Difference, Kind, Summary
from redis_rehearsal.verification.compare.store import DifferenceStore

SUMMARIES = st.none() | st.builds(
    Summary,
    st.just("string"),
    st.none() | st.integers(0, 2**40),
    st.none() | st.integers(0, 2**40),
    st.none() | st.just("digest"),
)
DIFFERENCES = st.builds(
    Difference,
    st.binary(max_size=3),
    st.sampled_from(Kind),
    SUMMARIES,
    SUMMARIES,
    st.floats(0, 1e9),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@pytest.fixture
def store() -> Iterator[DifferenceStore]:
    made = DifferenceStore(memory_bytes=1024 * 1024)
    yield made
    made.close()


@given(st.lists(DIFFERENCES), st.lists(st.binary(max_size=3)), st.integers(1, 5))
def test_it_is_a_dictionary_by_key_in_order(kept: list[Difference], removed: list[bytes], size: int) -> None:
    store = DifferenceStore()
    store.put(kept)
    store.remove(removed)
    expected = {found.key: found for found in kept if found.key not in removed}
    assert [found for batch in store.batches(size) for found in batch] == [expected[key] for key in sorted(expected)]
    assert len(store) == len(expected) == sum(count for _, count in store.counts())
    store.close()


def test_a_batch_may_be_removed_while_all_are_gone_through(store: DifferenceStore) -> None:
    store.put(Difference(b"%03d" % number, Kind.MISSING, None, None) for number in range(100))
    for batch in store.batches(7):
        store.remove(found.key for found in batch)
    assert len(store) == 0


def test_memory_is_bounded_however_many_keys_differ(store: DifferenceStore) -> None:
    process = psutil.Process()
    held = Summary("string", 10, None, "0123456789abcdef0123456789abcdef")
    before = process.memory_info().rss
    for start in range(0, 200_000, 1000):
        store.put(
            Difference(b"a key of a common length:%d" % number, Kind.VALUE, held, held)
            for number in range(start, start + 1000)
        )
    # As objects in a dictionary they would need some 150 MB.
    assert process.memory_info().rss - before < 16 * 1024 * 1024
    assert len(store) == 200_000
