import gc
import weakref
from collections.abc import Iterator

import pytest

from redis_rehearsal.telemetry.garbage import keep_what_is_there


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_there_is_looked_at_no_more() -> None:
    kept = Cycle()
    keep_what_is_there()
    assert not any(each is kept for each in gc.get_objects())
    later = Cycle()
    assert any(each is later for each in gc.get_objects())


def test_what_was_kept_for_an_earlier_run_and_is_of_no_use_any_more_is_collected() -> None:
    earlier = Cycle()
    seen = weakref.ref(earlier)
    keep_what_is_there()
    del earlier
    gc.collect()
    assert seen() is not None
    keep_what_is_there()
    assert seen() is None
