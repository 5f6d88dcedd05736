import pytest

from redis_rehearsal.coordinator.judging import held_seconds
from redis_rehearsal.migration.options import MigrationOptions


@pytest.mark.parametrize(
    ("freeze", "rollout", "lasted", "held"),
    [
        ("client", 0.0, 0.5, 0.5),
        ("client", 2.0, 2.5, 2.5),
        ("server", 0.0, 0.5, 0.5),
        ("server", 2.0, 2.5, 1.5),
        ("server", 2.0, 1.0, 0.5),
        ("none", 2.0, None, 0.0),
    ],
)
def test_who_has_moved_is_held_by_the_source_no_more(
    freeze: str, rollout: float, lasted: float | None, held: float
) -> None:
    options = MigrationOptions.model_validate({"strategy": "copy", "freeze": freeze, "rollout": rollout})
    assert held_seconds(lasted, options) == pytest.approx(held)
