"""What really became of the increments: what the servers did, and what reached the application of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from redis_rehearsal.engine.messages import SetRoute, SetTruth
from tests.simulation.redis import Increment
from tests.simulation.world import Told, World

NEVER: Final = float("inf")
_OURS: Final = "redis-rehearsal:"
_IN_FLIGHT_SECONDS: Final = 5.0
"""What a worker sent may be carried out so much later at most."""

Range = tuple[int, int]
"""At least and at most."""


class Acknowledgement(NamedTuple):
    """An increment that was acknowledged.

    Attributes:
        at_seconds: when the application had it, on the monotonic clock.
        worker: its index.
        is_sure: whether it was the application's own for sure; else it may be one of a mirror.
    """

    at_seconds: float
    worker: int
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Account:
    """What became of increments, by counter.

    Attributes:
        acknowledged: to the application.
        unacknowledged: applied by a server, of which the application does not know it.
        late: acknowledged by a server that was not the truth any more.
        there: what the truth has.
        acknowledgements: all of them, in the order of time.
    """

    acknowledged: dict[bytes, Range]
    unacknowledged: dict[bytes, Range]
    late: dict[bytes, Range]
    there: dict[bytes, int]
    acknowledgements: list[Acknowledgement]

    @property
    def keys(self) -> list[bytes]:
        """All counters."""
        return sorted({*self.acknowledged, *self.there, *self.unacknowledged})

    def sum_acknowledged(self) -> Range:
        """Of all counters."""
        return _sum(self.acknowledged.values())

    def sum_unacknowledged(self) -> Range:
        """Of all counters."""
        return _sum(self.unacknowledged.values())

    def missing(self) -> Range:
        """Acknowledged and not there, net by counter."""
        return _sum(self._missing(key) for key in self.keys)

    def _missing(self, key: bytes) -> Range:
        least, most = self.acknowledged.get(key, (0, 0))
        there = self.there.get(key, 0)
        return max(0, least - there), max(0, most + self.unacknowledged.get(key, (0, 0))[1] - there)

    def missing_for_sure(self) -> Range:
        """What of it does not depend on writes of which the application knows nothing."""
        return _sum(
            (max(0, least - self.there.get(key, 0)), max(0, most - self.there.get(key, 0)))
            for key in self.keys
            for least, most in (self.acknowledged.get(key, (0, 0)),)
        )

    def duplicated(self) -> Range:
        """There and never sent, net by counter."""
        return _sum(
            (max(0, there - most - self.unacknowledged.get(key, (0, 0))[1]), max(0, there - least))
            for key in self.keys
            for least, most in (self.acknowledged.get(key, (0, 0)),)
            for there in (self.there.get(key, 0),)
        )

    def stranded(self) -> Range:
        """Of what is missing."""
        return _sum(
            (min(least, late[0]), min(most, late[1]))
            for key in self.keys
            for least, most in (self._missing(key),)
            for late in (self.late.get(key, (0, 0)),)
        )


def _sum(ranges: Iterable[Range]) -> Range:
    found = list(ranges)
    return sum(least for least, _ in found), sum(most for _, most in found)


class Routed(NamedTuple):
    """A route that workers were told: when, by when all had it, and where writes go.

    Attributes:
        at_seconds: when they were told, on the monotonic clock.
        by_seconds: when the last had done it.
        writes: name of the server.
        mirror: that of the second one; None for none.
    """

    at_seconds: float
    by_seconds: float
    writes: str
    mirror: str | None


def _done_by(told: Told, workers: int) -> float:
    """When the last worker had done it; never where one did not say so."""
    times = [at for at, error in told.confirmed.values() if not error]
    return max(times) if len(times) == workers else NEVER


def routes_of(world: World) -> list[Routed]:
    """Where workers were told to send what, in the order of time."""
    found = [Routed(0.0, 0.0, "source", None)]
    for told in world.told:
        if isinstance(told.command, SetRoute):
            route = told.command.route
            found.append(Routed(told.at_seconds, _done_by(told, len(world.workers)), route.writes, route.mirror))
    return found


def possible(routes: list[Routed], at_seconds: float) -> list[Routed]:
    """Which of them a worker may have followed when it sent what a server carries out at a time."""
    before = [route for route in routes if route.at_seconds <= at_seconds]
    found = [before[-1]]
    for earlier, later in zip(reversed(before[:-1]), reversed(before[1:]), strict=True):
        if later.by_seconds + _IN_FLIGHT_SECONDS < at_seconds:
            break
        found.append(earlier)
    return found


def truth_of(world: World) -> str:
    """The name of the server whose answer counts in the end."""
    control = world.run._control
    last = control.truth or control.route.writes
    return "moved" if last == "source" and world.moved_seconds is not None else last


def _left_seconds(world: World) -> tuple[float, float]:
    """When the server that is left stopped being the truth: not before, and surely by then."""
    if world.moved_seconds is not None:
        return world.moved_seconds, world.moved_seconds
    # Whatever workers were told: a primary of its own takes nothing any more of what the other one acknowledges.
    promoted = world.servers["target"].promoted_seconds if world.scenario.strategy == "replicate" else None
    began, by, current = 0.0, NEVER, "source"
    for told in world.told:
        command = told.command
        if isinstance(command, SetTruth):
            role = command.role
        elif isinstance(command, SetRoute):
            role = command.route.writes
        else:
            continue
        if role is not None and role != current:
            current, began, by = role, told.at_seconds, _done_by(told, len(world.workers))
    if current != truth_of(world):
        return 0.0, NEVER
    return (began, by) if promoted is None or current == "source" else (min(began, promoted), min(by, promoted))


def _ours(world: World) -> Iterator[tuple[str, Increment]]:
    for name, server in world.servers.items():
        for increment in server.accounts.increments:
            if increment.client.startswith(_OURS):
                yield name, increment


def account(world: World) -> Account:
    """Hold what the servers did against what the application was told, as it was when the tool did so at the end."""
    routes, left, truth = routes_of(world), _left_seconds(world), truth_of(world)
    acknowledged: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
    late: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
    unacknowledged: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
    acknowledgements = []
    for name, increment in _ours(world):
        role, key = "source" if name == "moved" else name, increment.key
        is_ours = [route.writes == role or route.mirror is None for route in possible(routes, increment.at_seconds)]
        at = increment.acknowledged_seconds
        if at is None:
            unacknowledged[key][0] += all(is_ours)
            unacknowledged[key][1] += any(is_ours)
            continue
        if any(is_ours):
            worker = int(increment.client.split(":")[1])
            acknowledgements.append(Acknowledgement(at, worker, all(is_ours)))
        acknowledged[key][0] += all(is_ours)
        acknowledged[key][1] += any(is_ours)
        if name != truth:
            late[key][0] += increment.at_seconds > left[1]
            late[key][1] += at >= left[0]
    there = {key: int(value) for key, value in world.at_audit[-1][truth].items() if value.isdigit()}
    return Account(
        {key: (low, high) for key, (low, high) in acknowledged.items()},
        {key: (low, high) for key, (low, high) in unacknowledged.items()},
        {key: (low, high) for key, (low, high) in late.items()},
        there,
        sorted(acknowledgements),
    )
