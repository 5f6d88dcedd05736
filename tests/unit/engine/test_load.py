import pytest

from redis_rehearsal.engine.load import tick_seconds


@pytest.mark.parametrize(
    ("operations_per_second", "expected"),
    [(0, None), (999, None), (1_000, 0.000_6), (30_000, 0.000_6), (30_001, 0.001), (1e7, 0.001)],
)
def test_what_comes_rarely_has_a_wake_up_of_its_own(operations_per_second: float, expected: float | None) -> None:
    assert tick_seconds(operations_per_second) == expected
