"""What all workers confirm is so; what one does not is undone, and said to be so only where that was confirmed."""

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.engine.messages import (
    AddBoundary,
    Changed,
    Command,
    DropServer,
    Freeze,
    PrepareServer,
    SetRoute,
    SetTruth,
    UseServer,
)
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.fleet import control as controls
from redis_rehearsal.fleet.control import BOUNDARY_LEAD_SECONDS, FleetControl
from redis_rehearsal.fleet.row import Segment

SOURCE, TARGET = Route("source", "source"), Route("target", "target")
REFUSED = "it will not"


class Fleet:
    """Two workers, the second of which may refuse, or say nothing.

    Args:
        answer: what the second says to a command, by how often it was told one of its kind: None for nothing.
    """

    def __init__(self, answer: Callable[[Command, int], str | None]) -> None:
        self.told: list[Command] = []
        self.control = FleetControl(self._tell, 2)
        self._answer = answer

    def _tell(self, command: Command) -> None:
        self.told.append(command)
        change = getattr(command, "change", None)
        if change is None:
            return
        self.control.on_changed(Changed(0, change))
        answer = self._answer(command, sum(type(each) is type(command) for each in self.told))
        if answer is not None:
            self.control.on_changed(Changed(1, change, answer))


def test_what_begins_while_another_one_was_announced_begins_after_it() -> None:
    told: list[Command] = []
    control = FleetControl(told.append, 1)
    began = monotonic()
    control.begin_phase("sync", began)
    announced = control.begin_phase("sync", began + 10 * BOUNDARY_LEAD_SECONDS)
    assert control.begin_phase("recovery") == announced
    later = control.begin_phase("done", announced + 1.0)
    assert control.segments == [
        Segment("sync", 0, began),
        Segment("sync", 1, announced),
        Segment("recovery", 2, announced),
        Segment("done", 3, later),
    ]
    assert told == [AddBoundary(announced), AddBoundary(announced), AddBoundary(later)]


@pytest.mark.parametrize(
    ("truth", "refusals", "routes", "astray"),
    [
        (None, 1, [TARGET, SOURCE], False),
        # Whoever cannot be sent back either is where nobody knows.
        (None, 2, [TARGET, SOURCE], True),
        # What was promoted is the only one that may take writes, whoever has confirmed what.
        ("target", 1, [TARGET], True),
    ],
)
def test_a_move_that_not_all_confirm_ends_where_it_is_said_to(
    truth: Role | None, refusals: int, routes: list[Route], astray: bool
) -> None:
    async def go() -> None:
        fleet = Fleet(lambda command, count: REFUSED if isinstance(command, SetRoute) and count <= refusals else "")
        control = fleet.control
        control.truth = truth
        with pytest.raises(MigrationError, match=REFUSED) as raised:
            await control.set_route(TARGET)
        assert [command.route for command in fleet.told if isinstance(command, SetRoute)] == routes
        assert (control.route, control.astray, control.moving) == (routes[-1], astray, False)
        later = monotonic() + 1
        assert control.label(later, later + 1).writes == routes[-1].writes
        assert ("not known" in str(raised.value)) == (refusals == 2)
        await control.set_route(SOURCE)
        assert (control.route, control.astray) == (SOURCE, False)

    asyncio.run(go())


@pytest.mark.parametrize(("answer", "ends_with"), [("", UseServer), ("no connection", DropServer), (None, DropServer)])
def test_a_server_that_one_worker_cannot_use_is_used_by_none(answer: str | None, ends_with: type[Command]) -> None:
    async def go() -> None:
        fleet = Fleet(lambda *_: answer)
        refused = contextlib.nullcontext() if answer == "" else pytest.raises(MigrationError, match="not connect to")
        with refused:
            await fleet.control.set_server("target", Endpoint("other", 1), 0.01)
        assert [type(command) for command in fleet.told] == [PrepareServer, ends_with]

    asyncio.run(go())


def test_a_freeze_that_nobody_ends_is_over_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(controls, "monotonic", lambda: now)
    monkeypatch.setattr(controls, "CONFIRM_SECONDS", 0.01)

    async def go() -> None:
        nonlocal now
        fleet = Fleet(lambda command, _: "" if isinstance(command, Freeze) else None)
        control = fleet.control
        await control.freeze(now + 5)
        held = []
        for passed, after in ((2, 1002), (5, 1005), (5.001, 1006)):
            now = 1000 + passed
            held.append((control.frozen, control.label(now - 0.5, after).frozen))
        assert held == [(True, True), (False, True), (False, True)]
        assert not control.label(1005.5, 1006).frozen
        with pytest.raises(MigrationError, match="did not move to the target"):
            await control.set_route(TARGET, thaw=True)

    asyncio.run(go())


def test_the_truth_is_taken_back_whoever_confirms_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "CONFIRM_SECONDS", 0.01)

    async def go() -> None:
        fleet = Fleet(lambda *_: None)
        control = fleet.control
        began = monotonic()
        with pytest.raises(MigrationError, match=r"within 0\.0 s"):
            await control.set_truth("target", frozen=True, within_seconds=0.02)
        assert monotonic() - began < 3
        truths = [control.truth]
        control.truth = "target"
        with pytest.raises(MigrationError):
            await control.clear_truth()
        assert [*truths, control.truth] == [None, None]
        assert [command.role for command in fleet.told if isinstance(command, SetTruth)] == ["target", None]

    asyncio.run(go())


def test_nobody_is_waited_for_once_all_are_gone() -> None:
    async def go() -> None:
        control = FleetControl(lambda _: None, 2)
        for worker in (0, 1):
            control.on_lost(worker)
        with pytest.raises(MigrationError, match=r"^The application could not let its writes go: a worker of the load"):
            await control.thaw()

    asyncio.run(go())
