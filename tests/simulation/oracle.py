"""What the simulator knows, held against what the tool says."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from redis_rehearsal.engine.messages import Freeze, SetRoute, SetTruth, Thaw
from redis_rehearsal.engine.outcome import Outcome
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.verdict import Status, VerdictStatus
from redis_rehearsal.workload.keys import Keys
from tests.simulation.world import NEVER_ENDED, OTHERS_KEY, Told, World

_KEYS: Final = Keys("rehearsal:")
_TOLERANCE_SECONDS: Final = 0.02
_LEAST_SECONDS: Final = 0.01
_FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Account:
    """What became of increments, by counter; each as the least and the most that it can be.

    Attributes:
        acknowledged: to the application.
        unacknowledged: applied by a server, of which the application does not know it.
        late: acknowledged by a server that was not the truth any more.
        there: what the truth has.
    """

    acknowledged: dict[bytes, tuple[int, int]]
    unacknowledged: dict[bytes, int]
    late: dict[bytes, tuple[int, int]]
    there: dict[bytes, int]

    @property
    def keys(self) -> list[bytes]:
        """All counters."""
        return sorted({*self.acknowledged, *self.there, *self.unacknowledged})

    def sum_acknowledged(self) -> tuple[int, int]:
        """Of all counters."""
        return sum(least for least, _ in self.acknowledged.values()), sum(
            most for _, most in self.acknowledged.values()
        )

    def missing(self) -> tuple[int, int]:
        """Acknowledged and not there, net by counter."""
        pairs = [self._missing(key) for key in self.keys]
        return sum(least for least, _ in pairs), sum(most for _, most in pairs)

    def _missing(self, key: bytes) -> tuple[int, int]:
        least, most = self.acknowledged.get(key, (0, 0))
        there = self.there.get(key, 0)
        return max(0, least - there), max(0, most + self.unacknowledged.get(key, 0) - there)

    def missing_for_sure(self) -> tuple[int, int]:
        """What of it does not depend on writes of which the application knows nothing."""
        pairs = [self.acknowledged.get(key, (0, 0)) for key in self.keys]
        there = [self.there.get(key, 0) for key in self.keys]
        return (
            sum(max(0, least - held) for (least, _), held in zip(pairs, there, strict=True)),
            sum(max(0, most - held) for (_, most), held in zip(pairs, there, strict=True)),
        )

    def duplicated(self) -> tuple[int, int]:
        """There and never sent, net by counter."""
        least = most = 0
        for key in self.keys:
            low, high = self.acknowledged.get(key, (0, 0))
            there = self.there.get(key, 0)
            least += max(0, there - high - self.unacknowledged.get(key, 0))
            most += max(0, there - low)
        return least, most

    def stranded(self) -> tuple[int, int]:
        """Of what is missing, at least and at most."""
        least = most = 0
        for key in self.keys:
            low, high = self._missing(key)
            late = self.late.get(key, (0, 0))
            least += min(low, late[0])
            most += min(high, late[1])
        return least, most


@dataclass(frozen=True, slots=True)
class _Routed:
    at_seconds: float
    by_seconds: float
    writes: str
    mirror: str | None


def _done_by(told: Told, workers: int) -> float:
    """When the last worker had done it; never where one did not say so."""
    times = [at for at, error in told.confirmed.values() if not error]
    return max(times) if len(times) == workers else _FOREVER


def _routes(world: World) -> list[_Routed]:
    found = [_Routed(0.0, 0.0, "source", None)]
    for told in world.told:
        if isinstance(told.command, SetRoute):
            route = told.command.route
            by = _done_by(told, len(world.workers))
            found.append(_Routed(told.at_seconds, by, route.writes, route.mirror))
    return found


def _possible(routes: list[_Routed], at_seconds: float) -> list[_Routed]:
    """Which of them a worker may have followed at a time, or a moment before, when it sent something."""
    before = [route for route in routes if route.at_seconds <= at_seconds]
    found = [before[-1]]
    for earlier, later in zip(reversed(before[:-1]), reversed(before[1:]), strict=True):
        if later.by_seconds + 5.0 < at_seconds:
            break
        found.append(earlier)
    return found


def truth_of(world: World) -> str:
    """The name of the server whose answer counts in the end."""
    last = world.run._control.route.writes
    for told in world.told:
        if isinstance(told.command, SetTruth) and told.command.role is not None:
            last = told.command.role
        elif isinstance(told.command, SetTruth | SetRoute):
            last = world.run._control.route.writes
    if last == "source" and world.moved_seconds is not None:
        return "moved"
    return last


def account(world: World) -> Account:
    """Hold what the servers did against what the application was told."""
    routes = _routes(world)
    acknowledged: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
    late: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
    unacknowledged: Counter[bytes] = Counter()
    truth = truth_of(world)
    left = _left_seconds(world)
    for name, server in world.servers.items():
        role = "source" if name == "moved" else name
        for increment in server.increments:
            if not increment.client.startswith("redis-rehearsal:"):
                continue
            key = increment.key
            possible = _possible(routes, increment.at_seconds)
            is_ours = [route.writes == role or route.mirror is None for route in possible]
            if increment.acknowledged_seconds is None or increment.acknowledged_seconds > _ended(world):
                unacknowledged[key] += any(is_ours)
                continue
            acknowledged[key][0] += all(is_ours)
            acknowledged[key][1] += any(is_ours)
            if name != truth:
                late[key][0] += increment.at_seconds > left[1]
                late[key][1] += increment.acknowledged_seconds >= left[0]
    server = world.servers[truth]
    there = {key: int(server.value_of(key) or 0) for key in server.keys() if _is_counter(key)}
    return Account(
        {key: (low, high) for key, (low, high) in acknowledged.items()},
        dict(unacknowledged),
        {key: (low, high) for key, (low, high) in late.items()},
        there,
    )


def _is_counter(key: bytes) -> bool:
    parsed = _KEYS.parse(key)
    return parsed is not None and parsed.kind == "count"


def _left_seconds(world: World) -> tuple[float, float]:
    """When the server that is left stopped being the truth: not before, and surely by then."""
    if world.moved_seconds is not None:
        return world.moved_seconds, world.moved_seconds
    moves = [told for told in world.told if isinstance(told.command, SetTruth | SetRoute)]
    to = truth_of(world)
    began, by = 0.0, 0.0
    current = "source"
    for told in moves:
        command = told.command
        role = command.role if isinstance(command, SetTruth) else command.route.writes  # type: ignore[union-attr]
        if role is not None and role != current:
            current = role
            began, by = told.at_seconds, _done_by(told, len(world.workers))
    return (began, by) if current == to else (0.0, _FOREVER)


def _ended(world: World) -> float:
    return world.run.view.ended_seconds + 4 * world.run.settings.operation_timeout + 20


# Downtime


def _answers(world: World, worker: int) -> list[float]:
    """When a worker's events were acknowledged."""
    found = []
    for name, server in world.servers.items():
        del name
        found += [
            each.acknowledged_seconds
            for each in server.increments
            if each.client.startswith(f"redis-rehearsal:{worker}:") and each.acknowledged_seconds is not None
        ]
    return sorted(found)


def _due(world: World, worker: int) -> list[float]:
    organizations = set(world.run._keeper.ledgers[worker].organizations)  # type: ignore[union-attr]
    offset = world.run.view.clock.offset_seconds
    return sorted(at - offset for organization, _, at in world.database.rows if organization in organizations)


def gaps(due: list[float], answers: list[float], ended: float) -> Iterator[tuple[float, float, float]]:
    """Stretches without an answer while one was wanted: when each began at the latest and at the earliest, and its end.

    Where an operation was due before the last answer and had none then, that is when it begins. How many were is known
    as long as all are answered; else some of them may wait, or have come to another end.
    """
    last = 0.0
    for answered, answer in enumerate([*[each for each in answers if each < ended], ended]):
        following = bisect_left(due, last)
        first_due = due[following] if following < len(due) else answer
        waits = bisect_right(due, last) > answered
        yield min(first_due, answer), last if waits else min(first_due, answer), answer
        last = answer


def event_downtime(world: World, since_seconds: float, ended: float) -> tuple[float, float]:
    """The longest one of any worker that reaches beyond a time: at least, and at most."""
    least = most = 0.0
    for worker in world.workers:
        for latest, earliest, end in gaps(_due(world, worker), _answers(world, worker), ended):
            if end > since_seconds:
                least, most = max(least, end - latest), max(most, end - earliest)
    return least, most


# What must hold


class Complaints(list[str]):
    """What does not hold."""

    def demand(self, holds: bool, what: str) -> None:
        """Complain where something does not hold."""
        if not holds:
            self.append(what)


def complaints(world: World) -> list[str]:
    """What the tool says that is not so; nothing where all of it is."""
    found = Complaints()
    if world.error == NEVER_ENDED:
        return [NEVER_ENDED]
    _books(world, found)
    _endings(world, found)
    record = world.record
    audit = world.run.view.audit
    if audit is not None and not audit.error and not world.run.view.workers_lost:
        _counters(world, audit, found)
    if record is not None and record.assessment is not None and audit is not None:
        _verdict(world, record.assessment, audit, found)
    return list(found)


def _books(world: World, found: Complaints) -> None:
    counts = world.run.view.totals.counts
    for name, recorded in (("queries", counts.recorded_queries), ("events", counts.recorded_events)):
        tally = recorded.whole()
        if not world.run.view.workers_lost and not world.error:
            found.demand(tally.in_flight == 0, f"{tally.in_flight} {name} neither ended nor are they given up")
        found.demand(tally.in_flight >= 0, f"more {name} ended than were due: {tally.offered}, {tally.outcomes}")


def _endings(world: World, found: Complaints) -> None:
    for name in world.kept_by_others:
        theirs = world.servers[name].value_of(OTHERS_KEY)
        found.demand(theirs == b"theirs" or _may_be_empty(world), f"a key of somebody else's is gone from {name}")
    freezes = [told for told in world.told if isinstance(told.command, Freeze | Thaw | SetRoute)]
    for told in freezes:
        if isinstance(told.command, Freeze):
            held = told.command.until_seconds - told.at_seconds
            bound = world.run._rehearsal.freeze_bound  # type: ignore[union-attr]
            found.demand(held <= bound + 1e-6, f"writes were to be held for {held} s, beyond their bound")
    if _all_answered(world):
        _settings(world, found)


def _may_be_empty(world: World) -> bool:
    """Whether what others have on a server may be gone without our doing."""
    return any(fault.kind in ("emptied", "killed", "demoted") for fault, *_ in world.happened)


def _all_answered(world: World) -> bool:
    """Whether nothing happened for which a server could not be told to put something back."""
    return not world.happened and not world.error


def _settings(world: World, found: Complaints) -> None:
    fenced = {"min-replicas-to-write"} if world.scenario.options.get("freeze") == "server" else set()
    if world.scenario.strategy == "observe":
        fenced = {"min-replicas-to-write"}
    for name, server in world.servers.items():
        for setting, before in world.began_with[name].items():
            now = server.config[setting]
            allowed = setting in fenced and name == "source"
            found.demand(allowed or now == before, f"{setting} of {name} is {now}, and was {before}")


def _counters(world: World, audit: Audit, found: Complaints) -> None:
    result = audit.result
    if result.unverified_counters:
        return
    known = account(world)
    least, most = known.sum_acknowledged()
    found.demand(
        least <= result.acknowledged <= most, f"acknowledged {result.acknowledged}, and were {least} to {most}"
    )
    low, high = known.missing_for_sure()
    found.demand(low <= result.missing <= high, f"missing {result.missing}, and are {low} to {high}")
    true_low, true_high = known.missing()
    found.demand(
        result.missing_at_most >= true_low,
        f"missing at most {result.missing_at_most}, and are {true_low} to {true_high}",
    )
    low, high = known.duplicated()
    found.demand(result.duplicated <= high, f"duplicated {result.duplicated}, and are {low} to {high}")
    found.demand(
        result.duplicated_at_most >= low, f"duplicated at most {result.duplicated_at_most}, and are {low} to {high}"
    )
    if not result.unknown:
        found.demand(result.duplicated >= low, f"duplicated {result.duplicated}, and are {low} to {high}")
    low, high = known.stranded()
    found.demand(result.stranded <= high, f"stranded {result.stranded}, and are {low} to {high}")
    found.demand(result.stranded_at_most >= low, f"stranded at most {result.stranded_at_most}, and are {low} to {high}")
    found.demand(
        sum(known.unacknowledged.values()) <= result.unknown,
        f"unknown {result.unknown}, but {sum(known.unacknowledged.values())} were applied and not acknowledged",
    )


def _verdict(world: World, assessment: Assessment, audit: Audit, found: Complaints) -> None:
    verdict = assessment.verdict
    status = {criterion.name: criterion for criterion in verdict.criteria}
    limits = world.run._rehearsal
    assert limits is not None
    known = account(world)
    missing, duplicated = known.missing_for_sure(), known.duplicated()
    if verdict.status is VerdictStatus.PASS:
        found.demand(missing[0] == 0, f"pass, but {missing[0]} increments are missing")
        found.demand(duplicated[0] == 0, f"pass, but {duplicated[0]} increments are duplicated")
        found.demand(not world.error, f"pass, but the run ended with {world.error}")
    if not world.happened and verdict.status is VerdictStatus.FAIL:
        right = world.scenario.options.get("freeze", "client") != "none"
        right &= world.scenario.options.get("final_pass", True) and not world.scenario.options.get("naive", False)
        failed = [name for name, each in status.items() if each.status is Status.FAILED]
        lossy = world.scenario.strategy in ("cold", "external")
        found.demand(lossy or not right, f"fail ({', '.join(failed)}), but nothing went wrong")
    for name, least in (("lost", missing[0]), ("duplicated", duplicated[0])):
        criterion = status.get(name)
        if criterion is not None and criterion.status is Status.FAILED:
            true = missing if name == "lost" else duplicated
            found.demand(true[1] > 0, f"{name} failed, but there are none")
        del least
    _down(world, assessment, found)


def _down(world: World, assessment: Assessment, found: Complaints) -> None:
    record = world.record
    assert record is not None
    kinds = {fault.kind for fault, *_ in world.happened}
    if kinds & {"database-away", "worker-killed", "worker-stopped", "clock-steps", "errs"} or len(world.workers) > 1:
        return
    if world.scenario.strategy == "dual-write" or not record.migration.baseline_seconds[1]:
        return
    ended = record.ended_seconds
    true_least, true_most = event_downtime(world, record.migration.baseline_seconds[1], ended)
    parts: tuple[Downtime, ...] = (assessment.sync_event_downtime, assessment.event_downtime)
    least = max(part.longest_at_least_seconds for part in parts)
    most = [part.longest_seconds for part in parts]
    true = f"were for {true_least:.3f} to {true_most:.3f} s"
    found.demand(least <= true_most + _TOLERANCE_SECONDS, f"events were down for at least {least:.3f} s, and {true}")
    if None not in most and true_least > max(_LEAST_SECONDS, *(part.baseline_seconds for part in parts)):
        longest = max(each for each in most if each is not None)
        found.demand(
            longest >= true_least - _TOLERANCE_SECONDS, f"events were down for at most {longest:.3f} s, and {true}"
        )


def outcomes(world: World) -> np.ndarray:
    """How many events ended in which `Outcome`, in its order."""
    return np.array(world.run.view.totals.counts.recorded_events.whole().outcomes)


__all__ = ["Outcome", "account", "complaints", "event_downtime", "outcomes", "truth_of"]
