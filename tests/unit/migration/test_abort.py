import pytest

from redis_rehearsal.migration.abort import parse_condition


@pytest.mark.parametrize(
    ("text", "measure", "bound"), [("p99=500ms", "p99", 0.5), ("p99=2s", "p99", 2.0), ("failed=1%", "failed", 0.01)]
)
def test_conditions_are_read(text: str, measure: str, bound: float) -> None:
    condition = parse_condition(text)
    assert condition.measure == measure
    assert condition.bound == pytest.approx(bound)


@pytest.mark.parametrize("text", ["", "p50=1ms", "p99=500", "failed=1", "p99=-1ms", "p99=1ms,failed=1%"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no condition"):
        parse_condition(text)


def test_they_hold_beyond_their_bound_only() -> None:
    p99, failed = parse_condition("p99=500ms"), parse_condition("failed=1%")
    assert [p99.holds(value, 0.0) for value in (None, 0.5, 0.51)] == [False, False, True]
    assert [failed.holds(None, value) for value in (0.0, 0.01, 0.011)] == [False, False, True]
