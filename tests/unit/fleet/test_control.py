"""Segments follow one another as they were announced, and who did not move is sent back."""

import asyncio
from time import monotonic

import pytest

from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.engine.messages import AddBoundary, Changed, Command, SetRoute
from redis_rehearsal.errors import MigrationError
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


@pytest.mark.parametrize(("truth", "ends_on"), [(None, "source"), ("target", "target")])
def test_a_move_that_not_all_confirm_ends_where_it_is_said_to(truth: Role | None, ends_on: str) -> None:
    async def go() -> list[Route]:
        told: list[Route] = []

        def tell(command: Command) -> None:
            if isinstance(command, SetRoute):
                told.append(command.route)
                control.on_changed(Changed(0, command.change))
                control.on_changed(Changed(1, command.change, "it was sent elsewhere while it moved"))

        control = FleetControl(tell, 2)
        control.truth = truth
        with pytest.raises(MigrationError, match="sent elsewhere"):
            await control.set_route(Route("target", "target"))
        assert control.route == Route("source", "source")
        return told

    # What was promoted is the only one that may take writes, whoever has confirmed what.
    assert asyncio.run(go())[-1].writes == ends_on
