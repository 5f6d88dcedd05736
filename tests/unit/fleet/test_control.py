"""Segments follow one another as they were announced."""

from time import monotonic

from redis_rehearsal.engine.messages import AddBoundary, Command
from redis_rehearsal.fleet.control import BOUNDARY_LEAD_SECONDS, FleetControl


def test_what_begins_while_another_one_was_announced_begins_after_it() -> None:
    told: list[Command] = []
    control = FleetControl(told.append, 1)
    began = monotonic()
    control.begin_phase("sync", began)
    announced = control.begin_phase("sync", began + 10 * BOUNDARY_LEAD_SECONDS)
    assert control.begin_phase("recovery") == announced
    later = control.begin_phase("done", announced + 1.0)
    assert control.phases == [
        ("sync", 0, began),
        ("sync", 1, announced),
        ("recovery", 2, announced),
        ("done", 3, later),
    ]
    assert told == [AddBoundary(announced), AddBoundary(announced), AddBoundary(later)]
