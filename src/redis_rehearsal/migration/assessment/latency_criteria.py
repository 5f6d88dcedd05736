"""Criteria about latency: how slow queries and events were before, in and right after the cutover."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.migration.assessment.evidence import Evidence
from redis_rehearsal.migration.assessment.figures import rows_within
from redis_rehearsal.migration.assessment.reasons import (
    NO_CUTOVER,
    STALLED,
    STALLED_BASELINE,
    on_time,
    stood_still,
)
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.downtime import Span
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason
from redis_rehearsal.verification.verdict import Criterion, at_most, unknown

LEAST_P99_LIMIT_SECONDS: Final = 0.05
P99_FACTOR: Final = 5.0
_QUANTILE: Final = 0.99
_BEFORE_CUTOVER: Final = (Phase.PREPARE, Phase.SYNC)

Kind = Literal["queries", "events"]


@dataclass(slots=True)
class _Stretch:
    """Segments of the run that are judged together.

    Attributes:
        tally: of the operations that were due in them.
        spans: when they were.
    """

    tally: Tally = field(default_factory=Tally)
    spans: list[Span] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Operations that were due in a second."""
        seconds = sum(end - start for start, end in self.spans)
        return self.tally.offered / seconds if seconds > 0 else 0.0

    def p99(self, left_out: float, *, at_least: bool = False) -> float | None:
        """In seconds; None where none was answered.

        Args:
            left_out: without that many of the slowest operations.
            at_least: without what the generator's own stalls may explain.
        """
        response = self.tally.response_at_least if at_least else self.tally.response
        kept = max(0.0, response.count - left_out)
        return response.quantile(_QUANTILE * kept / response.count) if response.count else None


def cutover_latency(evidence: Evidence) -> list[Criterion]:
    """The p99 of what was due in the cutovers and 5 s after them."""
    limits = evidence.limits
    found = []
    kinds: tuple[tuple[Kind, str, float | None], ...] = (
        ("queries", "cutover_p99", limits.max_cutover_p99),
        ("events", "event_cutover_p99", limits.max_event_cutover_p99),
    )
    for kind, name, limit in kinds:
        stretch = _stretch(evidence, kind, _cutover_segments(evidence))
        # What was held is judged as downtime, with a limit of its own.
        held = sum(evidence.held_seconds) * stretch.rate if kind == "events" else 0.0
        if not evidence.cutovers:
            unmeasured = NO_CUTOVER
        elif not stretch.tally.offered:
            unmeasured = Cause.NONE_DUE.because(kind=kind, when=" in the cutover")
        else:
            unmeasured = Cause.NONE_ANSWERED.because(kind=kind, when=" in the cutover")
        failed = f"{kind} due in the cutover and 5 s after it were slow"
        found.append(_latency(name, limit, evidence, kind, stretch, held, unmeasured, failed))
    return found


def sync_latency(evidence: Evidence) -> list[Criterion]:
    """The p99 of what was due before the cutover, while data was carried; none where nothing was due then."""
    found = []
    kinds: tuple[tuple[Kind, str], ...] = (("queries", "sync_p99"), ("events", "event_sync_p99"))
    for kind, name in kinds:
        stretch = _stretch(
            evidence, kind, [place for place, (each, *_) in enumerate(evidence.phases) if each in _BEFORE_CUTOVER]
        )
        if not stretch.tally.offered:
            continue
        unmeasured = Cause.NONE_ANSWERED.because(kind=kind, when=" before the cutover")
        failed = f"{kind} were slow before the cutover, while the strategy prepared it"
        found.append(_latency(name, evidence.limits.max_sync_p99, evidence, kind, stretch, 0.0, unmeasured, failed))
    return found


def _latency(
    name: str,
    limit: float | None,
    evidence: Evidence,
    kind: Kind,
    stretch: _Stretch,
    held: float,
    unmeasured: Reason,
    failed: str,
) -> Criterion:
    least_usual, usual = _usual_p99(evidence, kind)
    derived = limit is None
    if limit is None and usual is not None:
        limit = _limit_by(usual)
    measured = stretch.p99(held) if unmeasured != NO_CUTOVER else None
    if limit is None:
        unmeasured = Cause.NO_BASELINE.because()
    elif measured is not None and measured > limit:
        at_least = stretch.p99(held, at_least=True) or 0.0
        if at_least <= limit:
            return unknown(name, limit, measured, "seconds", STALLED.detailed(f"at least {at_least:.3f} s"))
    unless = NO_REASON
    if derived and usual is not None and (measured or 0.0) <= (limit or 0.0):
        if usual > LEAST_P99_LIMIT_SECONDS:
            unless = Cause.BASELINE_SLOW.because(seconds=usual)
        elif (measured or 0.0) > _limit_by(least_usual or 0.0):
            unless = STALLED_BASELINE
    return at_most(
        name, limit, measured, "seconds", unless=on_time(evidence) or unless, unmeasured=unmeasured, failed=failed
    )


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


def _cutover_segments(evidence: Evidence) -> Iterable[int]:
    before = ""
    for place, (name, *_) in enumerate(evidence.phases):
        # The first segment of a recovery is the 5 s after its cutover.
        if name == Phase.CUTOVER or (name == Phase.RECOVERY and before != Phase.RECOVERY):
            yield place
        before = name


def _stretch(evidence: Evidence, kind: Kind, places: Iterable[int]) -> _Stretch:
    tallies = evidence.queries if kind == "queries" else evidence.events
    found = _Stretch()
    for place in places:
        _, segment, began = evidence.phases[place]
        following = evidence.phases[place + 1 : place + 2]
        end = min([evidence.ended_seconds, *(at for *_, at in following)])
        found.spans.append((began, max(began, end)))
        if segment in tallies:
            found.tally.merge(tallies[segment])
    return found
