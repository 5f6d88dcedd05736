import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.migration.copying.pace import Progress, TokenBucket


@given(
    st.floats(0.1, 1e5),
    st.lists(st.tuples(st.integers(1, 500), st.floats(0, 10)), min_size=1, max_size=40),
)
def test_no_more_keys_pass_than_the_rate_allows(rate: float, asked: list[tuple[int, float]]) -> None:
    bucket = TokenBucket(rate)
    now = begins = 0.0
    before = 0
    for keys, pause in asked:
        begins = now + bucket.delay_seconds(keys, now)
        assert before <= rate * begins * (1 + 1e-9) + 1e-6
        before += keys
        now = begins + pause


def test_without_a_rate_nothing_waits() -> None:
    assert TokenBucket(None).delay_seconds(10**6, 1.0) == 0


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        TokenBucket(0)


def test_what_was_not_used_is_not_made_up_for() -> None:
    bucket = TokenBucket(10)
    assert bucket.delay_seconds(10, 1000.0) == 0
    assert bucket.delay_seconds(10, 1000.0) == pytest.approx(1)


def test_the_time_that_is_left_follows_from_the_mean_rate() -> None:
    progress = Progress(total_keys=400, began_seconds=10.0)
    assert progress.eta_seconds(11.0) is None
    progress.add(100, 5)
    assert progress.eta_seconds(12.0) == pytest.approx(6)
    progress.add(400, 5)
    assert progress.eta_seconds(13.0) == 0
