"""Random histories of a load, played through the engine's own recorder, and what is true of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Gap, Stalls
from redis_rehearsal.fleet.row import Label, Row, Second, Segment
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON
from redis_rehearsal.verification.reconcile import Reconciliation, reconcile
from tests.oracle.moves import Move, Written, eras_of, moved, moves, until, write
from tests.oracle.world import (
    BASELINE,
    COUNTERS,
    CUTOVER,
    DOUBLED_PLACE,
    DUE_EVERY_SECONDS,
    ENDED,
    KINDS,
    LOST_PLACE,
    SERVICE_SECONDS,
    STRANDED_PLACE,
    Kind,
    Outage,
    Slowness,
    World,
    kinds,
    outages,
    slownesses,
    stalls,
)

_OUTCOMES: Final = tuple(Outcome)


@dataclass
class Happened:
    """What became of the operations of one kind of one worker, in the order in which they are due; arrays of one shape.

    Attributes:
        kind: of them.
        worker: whose they are.
        due: when each was.
        written: when each was sent last.
        answered: when what came of it was known.
        outcome: what came of it.
        held: whether it waited for the end of a freeze.
        too_late: whether a server answered it that had stopped being the truth by then.
        carried: whether it is on the truth in the end, where it was applied.
        stranded: whether the generator takes it for stranded: 1 for surely, 2 for perhaps.
    """

    kind: Kind
    worker: int
    due: NDArray[np.float64]
    written: NDArray[np.float64]
    answered: NDArray[np.float64]
    outcome: NDArray[np.int64]
    held: NDArray[np.bool_]
    too_late: NDArray[np.bool_]
    carried: NDArray[np.bool_]
    stranded: NDArray[np.int64]


@dataclass
class Played:
    """A world that was played."""

    evidence: Evidence


def _awake(at: NDArray[np.float64], stalls: Iterable[tuple[float, float]]) -> NDArray[np.float64]:
    """When the generator does what it would do at some times; stalls in the order in which they begin."""
    for start, seconds in stalls:
        at = np.where((start <= at) & (at < start + seconds), start + seconds, at)
    return at


def _awake_at(at: float, stalls: Iterable[tuple[float, float]]) -> float:
    """The same of one time."""
    for start, seconds in stalls:
        at = start + seconds if start <= at < start + seconds else at
    return at


@lru_cache(maxsize=16)
def happen(world: World, *, with_stalls: bool) -> list[Happened]:
    """What becomes of every operation; kept for a while, since each of the opinions asks for it."""
    stalls = sorted(world.stalls) if with_stalls else []
    # One outage may follow the other.
    outages = sorted(world.outages, key=lambda each: each.start)
    found = []
    for worker in range(world.workers):
        for kind in KINDS:
            due: NDArray[np.float64] = np.arange(round(ENDED / DUE_EVERY_SECONDS)) * np.float64(DUE_EVERY_SECONDS)
            own = [outage for outage in outages if kind in outage.kinds and worker in outage.workers]
            slow = [each for each in world.slownesses if kind in each.kinds]
            # A copy in any case, since a write may be sent again.
            written = _awake(due, stalls).copy()
            answered, outcome = _answers(written, kind, own, slow)
            no: NDArray[np.bool_] = np.zeros(len(due), dtype=np.bool_)
            each = Happened(
                kind,
                worker,
                due,
                written,
                _awake(answered, stalls),
                outcome,
                no,
                no.copy(),
                ~no,
                np.zeros(len(due), int),
            )
            if world.move is not None and kind == "events":
                _move(world.move, each, own, slow, stalls)
            found.append(each)
    return found


def _answers(
    sent: NDArray[np.float64], kind: Kind, outages: list[Outage], slownesses: list[Slowness]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """When what is sent at some times is answered, and how, by servers that take everything."""
    answered: NDArray[np.float64] = sent + SERVICE_SECONDS
    outcome = np.full(len(sent), int(Outcome.OK))
    for slow in slownesses:
        answered = answered + slow.by_seconds * ((slow.start <= sent) & (sent < slow.start + slow.seconds))
    for outage in outages:
        ends = outage.start + outage.seconds
        met = (outcome == Outcome.OK) & (outage.start <= answered) & (answered < ends)
        if outage.how == "hold":
            answered = np.where(met, ends + SERVICE_SECONDS, answered)
        else:
            lost = Outcome.UNKNOWN if outage.how == "lose" and kind == "events" else Outcome.FAILED
            outcome[met] = int(lost)
    return answered, outcome


def _answer(sent: float, outages: list[Outage], slownesses: list[Slowness]) -> tuple[float, Outcome]:
    """The same of one event."""
    slow = [each.by_seconds for each in slownesses if each.start <= sent < each.start + each.seconds]
    answered = sent + SERVICE_SECONDS + sum(slow)
    for outage in outages:
        ends = outage.start + outage.seconds
        if outage.start <= answered < ends:
            if outage.how != "hold":
                return answered, Outcome.UNKNOWN if outage.how == "lose" else Outcome.FAILED
            answered = ends + SERVICE_SECONDS
    return answered, Outcome.OK


def _move(
    move: Move, each: Happened, outages: list[Outage], slownesses: list[Slowness], stalls: list[tuple[float, float]]
) -> None:
    """Have a worker's writes go from one server to the other."""

    def awake(at: float) -> float:
        return _awake_at(at, stalls)

    def answer(at: float) -> tuple[float, Outcome]:
        return _answer(at, outages, slownesses)

    found = moved(move, CUTOVER[0], awake)
    eras = eras_of(found, ENDED, SERVICE_SECONDS)
    # A write of before may be under way for as long as anything holds it.
    for place in np.flatnonzero(each.answered >= CUTOVER[0] - 0.5).tolist():
        sent = float(each.written[place])
        if move.held and not move.by_itself and CUTOVER[0] <= sent < found.follows[0]:
            each.held[place], sent = True, found.follows[0]
        if sent > until(found):
            one = Written(sent, sent, float(each.answered[place]), Outcome(int(each.outcome[place])), "new")
        else:
            one = write(found, each.worker, sent, answer, awake, SERVICE_SECONDS)
        each.written[place], each.answered[place], each.outcome[place] = one.written, one.answered, int(one.outcome)
        # Where the tool moves a worker, this one knows from when on it takes the new server for the truth.
        each.too_late[place] = one.server == "old" and (one.taken if move.by_itself else one.answered) >= found.left
        each.carried[place] = found.is_carried(one.server, one.taken)
        lane = found.lane(eras, each.worker, one)
        each.stranded[place] = 2 if lane is None else int(lane)


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
        due, answered = each.due.tolist(), each.answered.tolist()
        outcomes = [_OUTCOMES[outcome] for outcome in each.outcome.tolist()]
        offered, written = _awake(each.due, stalled).tolist(), each.written.tolist()
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
                recorder.record(outcomes[number], [due[number]], written[number], at)
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
    segments = [
        Segment(Phase.BASELINE, 0, 0.0),
        Segment(Phase.SYNC, 1, BASELINE[1]),
        Segment(Phase.CUTOVER, 2, CUTOVER[0]),
    ]
    segments.append(Segment(Phase.RECOVERY, 3, CUTOVER[1]))
    return Evidence(
        limits=limits_of(world),
        status="done",
        reason="",
        unseen=NO_REASON,
        segments=segments,
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
        held_seconds=held_seconds(world),
    )


LIMITS: Final = Limits()


def held_seconds(world: World) -> list[float]:
    """For how long writes were held."""
    if world.move is None or world.move.by_itself or not world.move.held:
        return []
    stalls = sorted(world.stalls)
    return [moved(world.move, CUTOVER[0], lambda at: _awake_at(at, stalls)).follows[0] - CUTOVER[0]]


def limits_of(world: World) -> Limits:
    """What is allowed in a world."""
    lost, stranded = world.allowed
    return LIMITS.model_copy(update={"max_lost": lost, "max_stranded": stranded, "max_recovery": world.max_recovery})


def ledger(world: World, operations: list[Happened]) -> Reconciliation:
    """The account of a world's increments, held against a truth that lost and doubled some."""
    lanes = {name: np.zeros(COUNTERS, dtype=np.int64) for name in ("acknowledged", "unknown", "stranded", "doubtful")}
    truth = np.zeros(COUNTERS, dtype=np.int64)
    for each in operations:
        if each.kind == "events":
            place, late = np.arange(len(each.due)) % COUNTERS, each.answered > ENDED
            ok, lost = (each.outcome == Outcome.OK) & ~late, (each.outcome == Outcome.UNKNOWN) | late
            for name, which in (
                ("acknowledged", ok),
                ("unknown", lost),
                ("stranded", ok & (each.stranded == 1)),
                ("doubtful", ok & (each.stranded == 2)),
            ):
                lanes[name] += np.bincount(place[which], minlength=COUNTERS)
            applied = (ok | lost if world.applied else ok) & each.carried
            truth += np.bincount(place[applied], minlength=COUNTERS)
    stranded, lost_in_time = taken_away(world, operations)
    lanes["stranded"][STRANDED_PLACE] += stranded
    truth[STRANDED_PLACE] -= stranded
    truth[LOST_PLACE] -= lost_in_time
    truth[DOUBLED_PLACE] += world.doubled
    acknowledged = lanes["acknowledged"]
    return reconcile(
        np.zeros(COUNTERS, dtype=np.int64),
        acknowledged,
        acknowledged + lanes["unknown"],
        truth,
        lanes["stranded"],
        lanes["doubtful"],
    )


def taken_away(world: World, operations: list[Happened]) -> tuple[int, int]:
    """How many of the increments on the truth are taken away as stranded, and as lost: no more than there are."""
    found = []
    for place, wanted in ((STRANDED_PLACE, world.stranded), (LOST_PLACE, world.lost)):
        there = sum(
            int(((each.outcome == Outcome.OK) & (each.answered <= ENDED) & each.carried)[place::COUNTERS].sum())
            for each in operations
            if each.kind == "events"
        )
        found.append(min(wanted, there))
    return found[0], found[1]


_allowed = st.sampled_from([(0, 0), (0, 0), (3, 0), (0, 3), (50, 50)])
_disturbed = st.builds(
    World,
    workers=st.integers(1, 2),
    outages=st.lists(outages, max_size=3).map(tuple),
    slownesses=st.lists(slownesses, max_size=2).map(tuple),
    lost=st.sampled_from([0, 0, 0, 1, 7]),
    doubled=st.sampled_from([0, 0, 0, 2]),
    stranded=st.sampled_from([0, 0, 0, 3]),
    applied=st.booleans(),
    stalls=st.lists(stalls, max_size=2).map(tuple),
    move=st.none() | moves,
    allowed=_allowed,
)
_moved_only = st.builds(
    World,
    workers=st.integers(1, 2),
    applied=st.booleans(),
    stalls=st.lists(stalls, max_size=1).map(tuple),
    move=moves,
    allowed=_allowed,
)
worlds = _disturbed | _disturbed | _moved_only
"""A second of a baseline that is bad is made by `baseline_outages`."""
baseline_outages = st.builds(
    Outage,
    start=st.floats(1.05, 1.3),
    seconds=st.floats(0.005, 0.6),
    kinds=kinds,
    workers=st.sampled_from([(0,), (0, 1)]),
    how=st.sampled_from(["hold", "refuse"]),
)
