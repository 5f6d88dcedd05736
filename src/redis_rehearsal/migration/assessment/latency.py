"""How slow queries and events were before, in and right after the cutover."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.fleet.row import Segment
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import rows_within
from redis_rehearsal.migration.assessment.reasons import NO_CUTOVER, STALLED, STALLED_BASELINE, on_time
from redis_rehearsal.migration.assessment.stalled import stood_still
from redis_rehearsal.migration.assessment.times import CLOSE_SECONDS, before_cutovers, cutovers_with_tails, sweeps
from redis_rehearsal.migration.criterion import DeclaredCriterion, Kind
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.verification.downtime import Span
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason
from redis_rehearsal.verification.verdict import BADNESS, Criterion, at_most, unknown

LEAST_P99_LIMIT_SECONDS: Final = 0.05
P99_FACTOR: Final = 5.0
_QUANTILE: Final = 0.99
_NOT_WATCHED: Final = (Phase.DONE, Phase.FAILED)


class _Held(NamedTuple):
    """What a freeze held: how many operations, and for how many seconds at most."""

    operations: float
    seconds: float


_NONE_HELD: Final = _Held(0.0, 0.0)


def cutover_latency(asked: DeclaredCriterion, evidence: Evidence) -> Criterion:
    """The p99 of what was due in a cutover and 5 s after it; of several the worst."""
    kind = asked.kind
    judged: list[Criterion] = []
    for place, span in enumerate(cutovers_with_tails(evidence)):
        due = _due(evidence, kind, span)
        # What was held is judged as downtime, with a limit of its own.
        held = _held(evidence, place, span) if kind == "events" else _NONE_HELD
        missing = Cause.NONE_ANSWERED if due.offered else Cause.NONE_DUE
        unmeasured = missing.because(kind=kind, when=" in the cutover")
        failed = f"{kind} due in the cutover and 5 s after it were slow{_way(place)}"
        judged.append(_latency(asked, evidence, due, held, unmeasured, failed))
    return _worst(judged or [_latency(asked, evidence, Tally(), _NONE_HELD, NO_CUTOVER, "")])


def sync_latency(asked: DeclaredCriterion, evidence: Evidence) -> Criterion:
    """The p99 of what was due while data was carried, before a cutover or after it; of several the worst."""
    kind = asked.kind
    judged: list[Criterion] = []
    before = [
        (span, " before the cutover", f"before the cutover, while the strategy prepared it{_way(place)}")
        for place, span in enumerate(before_cutovers(evidence))
    ]
    after = [(span, " in the sweep", "while the rest was swept after the cutover") for span in sweeps(evidence)]
    for span, when, while_what in before + after:
        due = _due(evidence, kind, span)
        if not due.offered:
            continue
        unmeasured = Cause.NONE_ANSWERED.because(kind=kind, when=when)
        failed = f"{kind} were slow {while_what}"
        judged.append(_latency(asked, evidence, due, _NONE_HELD, unmeasured, failed))
    return _worst(judged)


def was_due_while_carrying(evidence: Evidence, kind: Kind) -> bool:
    """Whether something was due while data was carried, before a cutover or after it."""
    return any(_due(evidence, kind, span).offered for span in (*before_cutovers(evidence), *sweeps(evidence)))


def _way(place: int) -> str:
    return " on the way back" if place else ""


def _worst(judged: Sequence[Criterion]) -> Criterion:
    return max(judged, key=lambda each: (BADNESS.index(each.status), each.measured or 0.0))


def _latency(
    asked: DeclaredCriterion, evidence: Evidence, due: Tally, held: _Held, unmeasured: Reason, failed: str
) -> Criterion:
    least_usual, usual = _usual_p99(evidence, asked.kind)
    limit: float | None = asked.allowed(evidence.limits)
    derived = limit is None
    if limit is None and usual is not None:
        limit = _limit_by(usual)
    measured = _p99(due.response, held, limit or 0.0)
    if limit is None:
        unmeasured = Cause.NO_BASELINE.because()
    elif measured is not None and measured > limit:
        at_least = _p99(due.response_at_least, held, limit) or 0.0
        if at_least <= limit:
            return unknown(asked.name, limit, measured, asked.unit, STALLED.detailed(f"at least {at_least:.3f} s"))
    unless = NO_REASON
    if derived and usual is not None and (measured or 0.0) <= (limit or 0.0):
        if usual > LEAST_P99_LIMIT_SECONDS:
            unless = Cause.BASELINE_SLOW.because(seconds=usual)
        elif (measured or 0.0) > _limit_by(least_usual or 0.0):
            unless = STALLED_BASELINE
    unless = on_time(evidence) or unless
    return at_most(asked.name, limit, measured, asked.unit, unless=unless, unmeasured=unmeasured, failed=failed)


def _p99(response: Histogram, held: _Held, limit: float) -> float | None:
    """In seconds, without as many of the slowest operations as were held; None where none was answered."""
    if not response.count:
        return None
    kept = max(0.0, response.count - held.operations)
    slowest = (1 - _QUANTILE) * kept
    # Which ones were held is not known; what took so long was slow by itself, whether it was or not.
    if response.count - response.count_at_most(held.seconds + limit) > slowest:
        return response.quantile(1 - slowest / response.count)
    return response.quantile(_QUANTILE * kept / response.count)


def _limit_by(usual_p99: float) -> float:
    return max(LEAST_P99_LIMIT_SECONDS, P99_FACTOR * usual_p99)


def _usual_p99(evidence: Evidence, kind: Kind) -> tuple[float | None, float | None]:
    """Of the middle one of the baseline's seconds, which a single bad one cannot spoil; None where there is none.

    Returns:
        The lower and the upper figure: where the generator stood still, a second's is at least its service time, and at
        most what it was late itself.
    """
    response, service = (
        f"{'query' if kind == 'queries' else 'event'}_{clock}_p99" for clock in ("response", "service")
    )
    rows = rows_within(evidence.rows, evidence.began_seconds, *evidence.baseline_seconds)
    measured = [(row, value) for row in rows if (value := getattr(row, response)) is not None]
    if not measured:
        return None, None
    least = [getattr(row, service) or 0.0 if stood_still(row, evidence) else value for row, value in measured]
    return median(least), median(value for _, value in measured)


def _segments(evidence: Evidence, span: Span) -> Iterator[tuple[Segment, float]]:
    """The segments of a time, each with when it ended; what comes after the migration is none of it."""
    for place, segment in enumerate(evidence.segments):
        at = segment.began_seconds
        if span[0] - CLOSE_SECONDS <= at < span[1] - CLOSE_SECONDS and segment.phase not in _NOT_WATCHED:
            following = (each.began_seconds for each in evidence.segments[place + 1 : place + 2])
            yield segment, max(at, min([evidence.ended_seconds, *following]))


def _due(evidence: Evidence, kind: Kind, span: Span) -> Tally:
    tallies = evidence.queries if kind == "queries" else evidence.events
    found = Tally()
    for segment, _ in _segments(evidence, span):
        if segment.number in tallies:
            found.merge(tallies[segment.number])
    return found


def _held(evidence: Evidence, place: int, span: Span) -> _Held:
    """How many events the freeze of a cutover held, by how many were due in the cutover: the rate may change later."""
    own = [(segment, ended) for segment, ended in _segments(evidence, span) if segment.phase == Phase.CUTOVER]
    offered = sum(evidence.events[each.number].offered for each, _ in own if each.number in evidence.events)
    seconds = sum(ended - segment.began_seconds for segment, ended in own)
    held_seconds = sum(evidence.held_seconds[place : place + 1])
    return _Held(held_seconds * offered / seconds, held_seconds) if seconds > 0 else _NONE_HELD
