from typing import get_args

from redis_rehearsal.migration.options import StrategyName
from redis_rehearsal.migration.strategies import STRATEGIES


def test_what_can_be_asked_for_is_what_there_is() -> None:
    assert set(STRATEGIES) == set(get_args(StrategyName))
    for name, strategy in STRATEGIES.items():
        assert strategy.name == name
        assert strategy.summary
        assert strategy.goes_wrong
