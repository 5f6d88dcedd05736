"""What is known of the load while it is changed."""

import asyncio
from typing import Any, cast

import pytest

from redis_rehearsal.coordinator.run_controls import LocalRunControls
from redis_rehearsal.engine.messages import Changed, Command, SetLoad
from redis_rehearsal.errors import ConflictError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.migration.options import LoadChange
from redis_rehearsal.view.run_view import RunView, Stage

ASKED = (0.0, 400.0, 200.0)


class Load:
    """A run whose one worker drives what it is told, or says that it cannot."""

    def __init__(self, error: str = "") -> None:
        nothing = cast("Any", None)
        self.view = RunView(nothing, nothing, nothing, Stage.RUNNING, rates=ASKED[1:], least_rates=[ASKED])
        self.meanwhile: list[tuple[float, float]] = []
        self._error = error
        self._control = FleetControl(self._hear, 1)
        self._controls = LocalRunControls(self.view, self._control, nothing, nothing)

    def _hear(self, command: Command) -> None:
        assert isinstance(command, SetLoad)
        self.meanwhile.append(self.view.least_rates[-1][1:])
        asyncio.get_running_loop().call_soon(self._control.on_changed, Changed(0, command.change, self._error, ()))

    def change(self, **changes: Any) -> None:
        asyncio.run(self._controls.change(LoadChange(**changes)))

    @property
    def least(self) -> list[tuple[float, float]]:
        return [rates for _, *rates in self.view.least_rates]  # type: ignore[misc]


def test_while_the_load_changes_it_may_be_the_lower_one() -> None:
    load = Load()
    load.change(queries_per_second=0.5, events_per_second=900.0)
    load.change(queries_per_second=300.0)
    assert load.meanwhile == [(0.5, 200.0), (0.5, 900.0)]
    assert [tuple(each) for each in load.least] == [
        (400.0, 200.0),
        (0.5, 200.0),
        (0.5, 900.0),
        (0.5, 900.0),
        (300.0, 900.0),
    ]
    times = [at for at, *_ in load.view.least_rates]
    assert times == sorted(times)


def test_a_change_that_not_all_confirmed_may_hold_where_it_is_lower() -> None:
    load = Load("it is busy")
    with pytest.raises(ConflictError):
        load.change(queries_per_second=0.5, events_per_second=900.0)
    assert load.view.rates == ASKED[1:]
    assert tuple(load.least[-1]) == (0.5, 200.0)


def test_when_what_is_asked_changes_is_known_also_where_the_rates_stay() -> None:
    load = Load()
    load.change(queries_per_second=300.0)
    assert load.view.mixes_changed == []
    load.change(query_mix="0/100/0")
    load.change(event_mix="60/28/10/1.5/0.5")
    times = load.view.mixes_changed
    assert len(times) == 2
    assert times == sorted(times)
