from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.migration.tenantry import Tenantry
from redis_rehearsal.workload.keys import Keys


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 10), st.integers(1, 50))
def test_batches_hold_each_organisation_once_in_order_and_few_keys(
    keys_of: list[int], most: int, most_keys: int
) -> None:
    tenantry = Tenantry(Keys("rehearsal:", "run"))
    for organization, count in enumerate(keys_of):
        tenantry.of[organization] = [b"key"] * count
    batches = list(tenantry.batches(range(len(keys_of)), most, most_keys))
    assert [each for batch in batches for each in batch] == list(range(len(keys_of)))
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or sum(keys_of[each] for each in batch) <= most_keys
