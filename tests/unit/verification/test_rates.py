"""How often operations are due, while that is changed."""

import pytest

from redis_rehearsal.verification.rates import Rates

CHANGED = Rates(((10.0, 400.0), (20.0, 0.5), (30.0, 100.0)))


@pytest.mark.parametrize(
    ("span", "lowest"),
    [
        ((0.0, 5.0), 400.0),
        ((5.0, 19.0), 400.0),
        ((15.0, 21.0), 0.5),
        ((22.0, 23.0), 0.5),
        ((25.0, 40.0), 0.5),
        ((30.0, 40.0), 100.0),
        ((50.0, 60.0), 100.0),
    ],
)
def test_the_lowest_is_of_what_was_asked_for_in_that_time(span: tuple[float, float], lowest: float) -> None:
    assert CHANGED.lowest(span) == lowest


@pytest.mark.parametrize(
    ("span", "due"),
    [
        ((5.0, 6.0), 400.0),
        ((19.0, 21.0), 400.5),
        ((22.0, 24.0), 1.0),
        ((19.0, 31.0), 400.0 + 5.0 + 100.0),
        ((40.0, 40.0), 0.0),
    ],
)
def test_what_is_due_in_a_time_is_by_the_rates_in_it(span: tuple[float, float], due: float) -> None:
    assert CHANGED.due(span) == pytest.approx(due)


def test_a_rate_that_nobody_changes_is_the_same_always() -> None:
    assert Rates.steady(20.0).lowest((0.0, 1e9)) == 20.0
    assert Rates.steady(20.0).due((5.0, 7.0)) == 40.0


def test_where_no_rate_is_known_nothing_is_due() -> None:
    assert Rates(()).lowest((0.0, 1.0)) == Rates(()).due((0.0, 1.0)) == 0.0


def test_what_nobody_changed_is_steady() -> None:
    rates = Rates(((0.0, 100.0), (10.0, 50.0), (10.5, 100.0), (20.0, 100.0)))
    assert rates.is_steady((0.0, 10.0))
    assert rates.is_steady((10.5, 30.0))
    assert not rates.is_steady((0.0, 30.0))
    assert Rates.steady(7.0).is_steady((-5.0, 5.0))
