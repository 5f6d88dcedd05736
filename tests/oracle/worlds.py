"""Random histories of a load, played through the engine's own recorder, and what is true of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Gap, Stalls
from redis_rehearsal.fleet.row import Label, Row, Second
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.options import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON
from redis_rehearsal.verification.reconcile import Reconciliation, reconcile

Kind = Literal["queries", "events"]
KINDS: Final[tuple[Kind, Kind]] = ("queries", "events")
DUE_EVERY_SECONDS: Final = 0.005
SERVICE_SECONDS: Final = 0.0005
BASELINE: Final = (0.0, 3.1)
CUTOVER: Final = (3.8, 3.9)
ENDED: Final = 7.0
_COUNTERS: Final = 4


@dataclass(frozen=True)
class Outage:
    """A server does not answer for a while: it holds what it gets, refuses it, or loses the connection."""

    start: float
    seconds: float
    kinds: tuple[Kind, ...]
    workers: tuple[int, ...]
    how: Literal["hold", "refuse", "lose"]


@dataclass(frozen=True)
class Slowness:
    """Every answer comes later, from a time until another."""

    start: float
    seconds: float
    kinds: tuple[Kind, ...]
    by_seconds: float


@dataclass(frozen=True)
class World:
    """What servers and the generator do.

    Attributes:
        workers: how many there are; each has its own operations.
        outages: of servers.
        slownesses: of servers.
        lost: increments that vanish from the truth after they were acknowledged.
        doubled: increments that somebody else applies.
        stranded: increments that another server acknowledges and the truth never gets.
        applied: whether what lost its connection was applied.
        stalls: start and length of times in which the generator stands still.
    """

    workers: int = 1
    outages: tuple[Outage, ...] = ()
    slownesses: tuple[Slowness, ...] = ()
    lost: int = 0
    doubled: int = 0
    stranded: int = 0
    applied: bool = False
    stalls: tuple[tuple[float, float], ...] = ()


@dataclass
class Happened:
    """What became of the operations of one kind of one worker, in the order in which they are due; arrays of one shape.

    Attributes:
        kind: of them.
        worker: whose they are.
        due: when each was.
        answered: when what came of it was known.
        outcome: what came of it.
    """

    kind: Kind
    worker: int
    due: NDArray[np.float64]
    answered: NDArray[np.float64]
    outcome: NDArray[np.int64]


@dataclass
class Played:
    """A world that was played."""

    evidence: Evidence


def _awake(at: NDArray[np.float64], stalls: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
    """When the generator does what it would do at some times; stalls in the order in which they begin."""
    for start, seconds in stalls:
        at = np.where((start <= at) & (at < start + seconds), start + seconds, at)
    return at


def happen(world: World, *, with_stalls: bool) -> list[Happened]:
    """What becomes of every operation."""
    stalls = sorted(world.stalls) if with_stalls else []
    # One outage may follow the other.
    outages = sorted(world.outages, key=lambda each: each.start)
    found = []
    for worker in range(world.workers):
        for kind in KINDS:
            due: NDArray[np.float64] = np.arange(round(ENDED / DUE_EVERY_SECONDS)) * np.float64(DUE_EVERY_SECONDS)
            sent = _awake(due, stalls)
            answered: NDArray[np.float64] = sent + SERVICE_SECONDS
            outcome = np.full(len(due), int(Outcome.OK))
            for slow in world.slownesses:
                if kind in slow.kinds:
                    answered = answered + slow.by_seconds * ((slow.start <= sent) & (sent < slow.start + slow.seconds))
            for outage in outages:
                if kind not in outage.kinds or worker not in outage.workers:
                    continue
                ends = outage.start + outage.seconds
                met = (outcome == Outcome.OK) & (outage.start <= answered) & (answered < ends)
                if outage.how == "hold":
                    answered = np.where(met, ends + SERVICE_SECONDS, answered)
                else:
                    lost = Outcome.UNKNOWN if outage.how == "lose" and kind == "events" else Outcome.FAILED
                    outcome[met] = int(lost)
            found.append(Happened(kind, worker, due, _awake(answered, stalls), outcome))
    return found


def play(world: World) -> Played:
    """Play a world through recorders, and gather the evidence as a run does."""
    operations = happen(world, with_stalls=True)
    rows: defaultdict[int, dict[Kind, Tally]] = defaultdict(lambda: {kind: Tally() for kind in KINDS})
    totals: dict[Kind, defaultdict[int, Tally]] = {kind: defaultdict(Tally) for kind in KINDS}
    gaps: dict[Kind, list[Gap]] = {kind: [] for kind in KINDS}
    stalled, stalls = sorted(world.stalls), Stalls()
    for start, seconds in stalled:
        stalls.note(start, start + seconds)
    for each in operations:
        recorder, kind = Recorder(stalls), each.kind
        for boundary in (BASELINE[1], *CUTOVER):
            recorder.add_boundary(boundary)
        due, answered, outcomes = each.due.tolist(), each.answered.tolist(), each.outcome.tolist()
        offered = _awake(each.due, stalled).tolist()
        happenings = [(at, False, number) for number, at in enumerate(offered)]
        happenings += [(at, True, number) for number, at in enumerate(answered) if at <= ENDED]
        happenings.sort()
        second = 0
        for at, ended, number in [*happenings, (ENDED, False, -1)]:
            while at >= second + 1:
                for segment, tally in recorder.take().items():
                    totals[kind][segment].merge(tally)
                    rows[second][kind].merge(tally)
                second += 1
            if ended:
                recorder.record(Outcome(outcomes[number]), [due[number]], offered[number], at)
            elif number >= 0:
                recorder.offer([due[number]])
        gaps[kind] += recorder.take_gaps()
        open_gap = recorder.open_gap(ENDED)
        if open_gap is not None:
            gaps[kind].append(open_gap)
    return Played(_evidence(world, operations, rows, totals, gaps))


def _evidence(
    world: World,
    operations: list[Happened],
    rows: dict[int, dict[Kind, Tally]],
    totals: dict[Kind, defaultdict[int, Tally]],
    gaps: dict[Kind, list[Gap]],
) -> Evidence:
    phases = [(Phase.BASELINE, 0, 0.0), (Phase.SYNC, 1, BASELINE[1]), (Phase.CUTOVER, 2, CUTOVER[0])]
    phases.append((Phase.RECOVERY, 3, CUTOVER[1]))
    return Evidence(
        limits=LIMITS,
        status="done",
        reason="",
        unseen=NO_REASON,
        phases=phases,
        ended_seconds=ENDED,
        queries=totals["queries"],
        events=totals["events"],
        rows=[
            Row.of(Second(number, both["queries"], both["events"]), float(number), Label())
            for number, both in sorted(rows.items())
        ],
        began_seconds=0.0,
        query_gaps=gaps["queries"],
        event_gaps=gaps["events"],
        baseline_seconds=BASELINE,
        cutovers=[CUTOVER],
        audit=Audit(ledger(world, operations)),
        checks=Checks(reports_checked=1, counters_checked=1),
        saturated=False,
        workers_lost=0,
        query_rates=Rates.steady(1 / DUE_EVERY_SECONDS),
        event_rates=Rates.steady(1 / DUE_EVERY_SECONDS),
        source_cpu_ratio=None,
        stalls=[(start, start + seconds) for start, seconds in world.stalls],
    )


LIMITS: Final = Limits(max_recovery=60)


def ledger(world: World, operations: list[Happened]) -> Reconciliation:
    """The account of a world's increments, held against a truth that lost and doubled some."""
    acknowledged, unknown = (np.zeros(_COUNTERS, dtype=np.int64) for _ in range(2))
    for each in operations:
        if each.kind == "events":
            place, late = np.arange(len(each.due)) % _COUNTERS, each.answered > ENDED
            ok, lost = (each.outcome == Outcome.OK) & ~late, (each.outcome == Outcome.UNKNOWN) | late
            acknowledged += np.bincount(place[ok], minlength=_COUNTERS)
            unknown += np.bincount(place[lost], minlength=_COUNTERS)
    truth = acknowledged + (unknown if world.applied else 0)
    stranded = np.zeros(_COUNTERS, dtype=np.int64)
    stranded[0] = min(world.stranded, int(acknowledged[0]))
    truth[0] -= stranded[0]
    truth[1] -= min(world.lost, int(acknowledged[1]))
    truth[2] += world.doubled
    return reconcile(np.zeros(_COUNTERS, dtype=np.int64), acknowledged, acknowledged + unknown, truth, stranded)


kinds = st.sampled_from([("queries",), ("events",), KINDS])
outages = st.builds(
    Outage,
    start=st.floats(BASELINE[1] + 0.01, ENDED - 0.05),
    seconds=st.floats(0.005, 1.5),
    kinds=kinds,
    workers=st.sampled_from([(0,), (1,), (0, 1)]),
    how=st.sampled_from(["hold", "refuse", "lose"]),
)
slownesses = st.builds(
    Slowness,
    start=st.floats(BASELINE[1] + 0.01, ENDED - 0.05),
    seconds=st.floats(0.05, 5.0),
    kinds=kinds,
    by_seconds=st.floats(0.001, 0.3),
)
stalls = st.tuples(st.floats(0.5, ENDED - 1.0), st.floats(0.006, 0.8))
worlds = st.builds(
    World,
    workers=st.integers(1, 2),
    outages=st.lists(outages, max_size=3).map(tuple),
    slownesses=st.lists(slownesses, max_size=2).map(tuple),
    lost=st.sampled_from([0, 0, 0, 1, 7]),
    doubled=st.sampled_from([0, 0, 0, 2]),
    stranded=st.sampled_from([0, 0, 0, 3]),
    applied=st.booleans(),
    stalls=st.lists(stalls, max_size=2).map(tuple),
)
"""A second of a baseline that is bad is made by `baseline_outages`."""
baseline_outages = st.builds(
    Outage,
    start=st.floats(1.05, 1.3),
    seconds=st.floats(0.005, 0.6),
    kinds=kinds,
    workers=st.sampled_from([(0,), (0, 1)]),
    how=st.sampled_from(["hold", "refuse"]),
)
