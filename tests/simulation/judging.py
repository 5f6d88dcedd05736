"""One seed after the other: what came of each, and what is wrong about it."""

import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from redis_rehearsal.verification.verdict import Status
from tests.simulation.oracle import complaints
from tests.simulation.scenario import Scenario
from tests.simulation.world import World, lived

_LONGEST_REAL_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a scenario.

    Attributes:
        scenario: it.
        verdict: pass, fail or unknown; none where there was none.
        wrong: what is wrong about it; nothing where nothing is.
        causes: why criteria were unknown, each as its name and the cause.
        world: all of it.
    """

    scenario: Scenario
    verdict: str
    wrong: tuple[str, ...]
    causes: tuple[str, ...] = ()
    world: World | None = field(default=None, compare=False)


def judged(scenario: Scenario, *, must_pass: bool = False) -> Judged:
    """Live a scenario and judge it.

    Args:
        scenario: what happens.
        must_pass: whether nothing goes wrong in it, so that it is to pass.
    """
    try:
        with _within(_LONGEST_REAL_SECONDS):
            world = lived(scenario)
    except Exception as error:  # noqa: BLE001 # whatever it is, it is what came of it
        return Judged(scenario, "none", (f"{type(error).__name__}: {error}",))
    record = world.record
    if record is None or record.assessment is None:
        wrong = complaints(world)
        if must_pass:
            wrong.append(f"there is no verdict: {world.error}")
        return Judged(scenario, "none", tuple(wrong), world=world)
    verdict = record.assessment.verdict
    wrong = complaints(world)
    if must_pass and verdict.status != "pass":
        wrong += [
            f"nothing went wrong, and {each.name} {each.status}: {each.reason}"
            for each in verdict.criteria
            if each.status is not Status.PASSED
        ]
    causes = tuple(
        f"{each.name}: {cause.name}"
        for each in verdict.criteria
        if each.status is Status.UNKNOWN
        for cause in each.causes
    )
    return Judged(scenario, str(verdict.status), tuple(wrong), causes, world)


@contextlib.contextmanager
def _within(seconds: int) -> Iterator[None]:
    def late(*_: Any) -> None:
        raise TimeoutError(f"it took more than {seconds} s of real time")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def smaller(found: Judged, *, must_pass: bool = False) -> Judged:
    """The same wrong with less in it: faults, settings and options are left out as long as it stays wrong."""
    while True:
        for scenario in _simpler(found.scenario):
            again = judged(scenario, must_pass=must_pass)
            if again.wrong:
                found = again
                break
        else:
            return found


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    for place in range(len(scenario.faults)):
        yield replace(scenario, faults=scenario.faults[:place] + scenario.faults[place + 1 :])
    if scenario.servers:
        yield replace(scenario, servers={})
    if scenario.settings.get("workers", 1) > 1:
        yield replace(scenario, settings={**scenario.settings, "workers": 1})
    for name in ("rollout", "then", "naive", "final_pass"):
        if name in scenario.options:
            yield replace(scenario, options={key: value for key, value in scenario.options.items() if key != name})
    for place, fault in enumerate(scenario.faults):
        if fault.amount > 1:
            less = replace(fault, amount=1)
            yield replace(scenario, faults=(*scenario.faults[:place], less, *scenario.faults[place + 1 :]))


@dataclass(slots=True)
class Tally:
    """What came of many.

    Attributes:
        verdicts: how many of each.
        causes: how many criteria were unknown for each cause.
        wrong: those of which something is wrong.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    wrong: list[Judged] = field(default_factory=list)

    def add(self, found: Judged) -> None:
        """Count one."""
        self.verdicts[found.verdict] += 1
        if found.verdict == "unknown":
            self.causes.update(set(found.causes))
        if found.wrong:
            self.wrong.append(replace(found, world=None))

    def merge(self, other: "Tally") -> None:
        """Count what another one has."""
        self.verdicts += other.verdicts
        self.causes += other.causes
        self.wrong += other.wrong


def tallied(make: Callable[[int], Scenario], seeds: range, *, must_pass: bool = False) -> Tally:
    """Live and judge the scenarios of many seeds."""
    found = Tally()
    for seed in seeds:
        found.add(judged(make(seed), must_pass=must_pass))
    return found
