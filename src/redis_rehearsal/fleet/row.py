"""A second of the load, as workers report it and as the timeline keeps it."""

from collections import Counter
from dataclasses import dataclass, field, fields, make_dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from redis_rehearsal.cache.route import Role
from redis_rehearsal.engine.counts import WorkerCounts
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.workload.events import EVENT_TYPES


class Segment(NamedTuple):
    """A part of the run between two boundaries.

    Attributes:
        phase: the name of the phase that goes on in it.
        number: by which tallies are kept.
        began_seconds: on the monotonic clock.
    """

    phase: str
    number: int
    began_seconds: float


@dataclass(slots=True)
class Second:
    """What all workers reported for one second of the load.

    Attributes:
        number: from 0.
        queries: of all segments.
        events: of all segments.
        database_queries: reports asked of the database.
        redirected: events that were sent again after a refusal.
        snapshots: how many there were.
        cpu_ratio: share of a core that the busiest worker used.
        saturated: whether a worker could not keep its schedule.
        events_by_type: events that were due, by number of the type.
        active_organizations: organisations with an event in the last minute, by number of their worker.
        operations: commands that the Redis servers answered, by server and operation.
    """

    number: int
    queries: Tally = field(default_factory=Tally)
    events: Tally = field(default_factory=Tally)
    database_queries: int = 0
    redirected: int = 0
    snapshots: int = 0
    cpu_ratio: float = 0.0
    saturated: bool = False
    events_by_type: Counter[int] = field(default_factory=Counter)
    active_organizations: dict[int, int] = field(default_factory=dict)
    operations: Counter[tuple[Role, str]] = field(default_factory=Counter)

    def add(self, worker: int, counts: WorkerCounts, active_organizations: int) -> None:
        """Add what a worker counted in it, or in a part of it."""
        for mine, recorded in ((self.queries, counts.recorded_queries), (self.events, counts.recorded_events)):
            for tally in recorded.tallies.values():
                mine.merge(tally)
        self.database_queries += counts.reports.asked
        self.redirected += counts.events.redirected
        self.events_by_type.update(counts.events.by_type)
        for at, histogram in counts.operations.items():
            self.operations[at] += histogram.count
        self.snapshots += 1
        self.active_organizations[worker] = active_organizations

    def operations_of(self, role: Role) -> int:
        """Reads and increments that a server answered."""
        return self.operations[role, "read"] + self.operations[role, "increment"]


@dataclass(frozen=True, slots=True)
class Label:
    """What went on in a second: phase, where reads and writes went, and whether writes were frozen."""

    phase: str = ""
    reads: str = "source"
    writes: str = "source"
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class _Figures:
    """What a row has whatever types of events there are."""

    second: int
    at: float
    phase: str
    reads: str
    writes: str
    frozen: bool
    queries_offered: int
    queries_ok: int
    queries_failed: int
    queries_unknown: int
    queries_shed: int
    events_offered: int
    events_ok: int
    events_failed: int
    events_unknown: int
    events_shed: int
    events_redirected: int
    hits: int
    misses: int
    hit_ratio: float | None
    database_queries: int
    query_response_p50: float | None
    query_response_p95: float | None
    query_response_p99: float | None
    query_response_max: float | None
    query_service_p50: float | None
    query_service_p99: float | None
    query_lag_p50: float | None
    query_lag_p99: float | None
    event_response_p50: float | None
    event_response_p99: float | None
    event_response_max: float | None
    event_service_p99: float | None
    event_lag_p99: float | None
    generator_cpu_ratio: float
    generator_saturated: bool
    source_operations: int
    target_operations: int


if TYPE_CHECKING:
    _FiguresByType = _Figures
else:
    _FiguresByType = make_dataclass(
        "_FiguresByType",
        [(f"events_{kind.name}", int) for kind in EVENT_TYPES],
        bases=(_Figures,),
        frozen=True,
        slots=True,
    )


@dataclass(frozen=True, slots=True)
class Row(_FiguresByType):
    """A second as the timeline keeps it; durations in seconds, None where nothing was measured.

    Operations are counted in the second in which they ended. Each type of events has a column, `events_` and its name.
    """

    active_organizations: int
    annotations: str = ""

    @classmethod
    def of(cls, second: Second, at: float, label: Label, annotations: str = "") -> "Row":
        """From what was reported.

        Args:
            second: what was reported.
            at: Unix time at which it began.
            label: what went on in it.
            annotations: what happened of itself in it.
        """
        queries, events = second.queries, second.events
        answered = queries.hits + queries.misses
        return cls(
            second=second.number,
            at=round(at, 3),
            phase=label.phase,
            reads=label.reads,
            writes=label.writes,
            frozen=label.frozen,
            queries_offered=queries.offered,
            queries_ok=queries.outcomes[Outcome.OK],
            queries_failed=queries.outcomes[Outcome.FAILED],
            queries_unknown=queries.outcomes[Outcome.UNKNOWN],
            queries_shed=queries.outcomes[Outcome.SHED],
            events_offered=events.offered,
            events_ok=events.outcomes[Outcome.OK],
            events_failed=events.outcomes[Outcome.FAILED],
            events_unknown=events.outcomes[Outcome.UNKNOWN],
            events_shed=events.outcomes[Outcome.SHED],
            events_redirected=second.redirected,
            hits=queries.hits,
            misses=queries.misses,
            hit_ratio=queries.hits / answered if answered else None,
            database_queries=second.database_queries,
            query_response_p50=queries.response.quantile(0.5),
            query_response_p95=queries.response.quantile(0.95),
            query_response_p99=queries.response.quantile(0.99),
            query_response_max=queries.response.max_seconds or None,
            query_service_p50=queries.service.quantile(0.5),
            query_service_p99=queries.service.quantile(0.99),
            query_lag_p50=queries.lag.quantile(0.5),
            query_lag_p99=queries.lag.quantile(0.99),
            event_response_p50=events.response.quantile(0.5),
            event_response_p99=events.response.quantile(0.99),
            event_response_max=events.response.max_seconds or None,
            event_service_p99=events.service.quantile(0.99),
            event_lag_p99=events.lag.quantile(0.99),
            generator_cpu_ratio=round(second.cpu_ratio, 4),
            generator_saturated=second.saturated,
            source_operations=second.operations_of("source"),
            target_operations=second.operations_of("target"),
            **{f"events_{kind.name}": second.events_by_type[number] for number, kind in enumerate(EVENT_TYPES)},
            active_organizations=sum(second.active_organizations.values()),
            annotations=annotations,
        )


COLUMNS: Final = tuple(column.name for column in fields(Row))


def as_mapping(row: Row) -> dict[str, Any]:
    """A row by name of the column; what dataclasses offer copies each figure, which takes ten times as long."""
    return {name: getattr(row, name) for name in COLUMNS}
