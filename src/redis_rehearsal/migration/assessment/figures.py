"""What was due in each phase."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.fleet.row import Row, Segment
from redis_rehearsal.fleet.rows import column
from redis_rehearsal.verification.downtime import Downtime
from redis_rehearsal.verification.recovery import Recovery


@dataclass(slots=True)
class PhaseFigures:
    """A phase, all stretches of the name that follow one another together.

    Attributes:
        name: of it.
        began_seconds: on the monotonic clock.
        ended_seconds: on the monotonic clock.
        queries: due in it.
        events: due in it.
        database_queries_per_second: of the whole seconds in it; None where there is none.
    """

    name: str
    began_seconds: float
    ended_seconds: float
    queries: Tally = field(default_factory=Tally)
    events: Tally = field(default_factory=Tally)
    database_queries_per_second: float | None = None

    @property
    def duration_seconds(self) -> float:
        """How long it lasted."""
        return max(0.0, self.ended_seconds - self.began_seconds)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found in the evidence before it is judged.

    Attributes:
        phases: what was due in each.
        queries: downtime of queries from the cutover on.
        events: downtime of events from the cutover on.
        sync_queries: downtime of queries before the cutover.
        sync_events: downtime of events before the cutover.
        recovery: when all was as before.
    """

    phases: list[PhaseFigures]
    queries: Downtime
    events: Downtime
    sync_queries: Downtime
    sync_events: Downtime
    recovery: Recovery


def phase_figures(
    segments: Sequence[Segment],
    ended_seconds: float,
    queries: Mapping[int, Tally],
    events: Mapping[int, Tally],
    rows: Sequence[Row],
    began_seconds: float,
) -> list[PhaseFigures]:
    """The phases with what was due in each; arguments as the attributes of `Evidence`."""
    found: list[PhaseFigures] = []
    for place, segment in enumerate(segments):
        following = segments[place + 1 :]
        end = min(following[0].began_seconds if following else ended_seconds, ended_seconds)
        if not (found and found[-1].name == segment.phase):
            found.append(PhaseFigures(segment.phase, segment.began_seconds, segment.began_seconds))
        phase = found[-1]
        phase.ended_seconds = max(phase.began_seconds, end)
        for tally, tallies in ((phase.queries, queries), (phase.events, events)):
            if segment.number in tallies:
                tally.merge(tallies[segment.number])
    for phase in found:
        # A short one has no whole second: those that are labelled with it are the nearest there is.
        within = rows_within(rows, began_seconds, phase.began_seconds, phase.ended_seconds) or [
            row
            for row in rows_within(rows, began_seconds, phase.began_seconds - 2, phase.ended_seconds + 2)
            if row.phase == phase.name
        ]
        if within:
            phase.database_queries_per_second = sum(column(within, "database_queries")) / len(within)
    return found


def rows_within(rows: Sequence[Row], began_seconds: float, from_seconds: float, to_seconds: float) -> Sequence[Row]:
    """The whole seconds between two times; rows in the order of their seconds."""
    first = bisect_left(rows, from_seconds - 1e-6, key=lambda row: began_seconds + row.second)
    return rows[first : bisect_right(rows, to_seconds + 1e-6, key=lambda row: began_seconds + row.second + 1)]
