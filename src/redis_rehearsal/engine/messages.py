"""What coordinator and workers say to each other. Commands go down, reports go up."""

from dataclasses import dataclass

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.engine.counts import WorkerCounts
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.workload.questions import Novelty


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Write standing reports.

    Attributes:
        seconds: over which they are spread; 0 for as fast as `concurrency` allows.
        concurrency: how many are computed at once.
        steady: write those that would be there in the long run, at the ages that they would have; else all, new.
    """

    seconds: float
    concurrency: int
    steady: bool = False


@dataclass(frozen=True, slots=True)
class StopWarmUp:
    """Write no further standing reports."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin the load.

    Attributes:
        at_seconds: on the monotonic clock.
        until_seconds: nothing is due later; None where that is not known yet.
    """

    at_seconds: float
    until_seconds: float | None


@dataclass(frozen=True, slots=True)
class SetNovelty:
    """Change how many questions are new."""

    novelty: Novelty


@dataclass(frozen=True, slots=True)
class AddBoundary:
    """Begin a new segment at a time on the monotonic clock."""

    at_seconds: float


@dataclass(frozen=True, slots=True)
class SetLoad:
    """Change the load; rates are of all workers together.

    Attributes:
        change: number by which it is confirmed.
        queries_per_second: from now on.
        events_per_second: from now on.
        slot_shares: of each of `SLOTS`, any scale; None for no change.
        type_shares: of each of `EVENT_TYPES`, any scale; None for no change.
    """

    change: int
    queries_per_second: float
    events_per_second: float
    slot_shares: list[float] | None
    type_shares: list[float] | None


@dataclass(frozen=True, slots=True)
class PrepareServer:
    """Connect to another server for a role that is not in use; it is used once `UseServer` follows."""

    change: int
    role: Role
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class UseServer:
    """Put a server that was prepared in the place of the one that has its role.

    Attributes:
        change: number by which it is confirmed.
        prepared: the number of the change that prepared it.
    """

    change: int
    prepared: int


@dataclass(frozen=True, slots=True)
class DropServer:
    """Do not use a server that was prepared, or is being prepared; attributes as of `UseServer`."""

    change: int
    prepared: int


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Move all tenants to a route.

    Attributes:
        change: number by which it is confirmed, once all have moved.
        route: where to.
        rollout_seconds: in which they move, one after the other; 0 for at once.
        thaw: whether a freeze ends with it.
    """

    change: int
    route: Route
    rollout_seconds: float = 0.0
    thaw: bool = False


@dataclass(frozen=True, slots=True)
class SetTruth:
    """A server is the truth of all tenants from now on, whatever their route; None: the one they write to.

    Attributes:
        change: number by which it is confirmed.
        role: of the server.
        frozen: do it only if writes are frozen.
    """

    change: int
    role: Role | None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Freeze:
    """Hold all writes; confirmed once none is on its way.

    Attributes:
        change: number by which it is confirmed.
        until_seconds: its bound, on the monotonic clock.
    """

    change: int
    until_seconds: float


@dataclass(frozen=True, slots=True)
class Thaw:
    """Send what was held."""

    change: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold the writes of some organisations, or go on holding them; confirmed once none of theirs is on its way.

    Answered with those whose earlier hold had ended at its bound and was not released since.

    Attributes:
        change: number by which it is confirmed.
        organizations: their numbers; those of other workers are passed over.
        until_seconds: its bound, on the monotonic clock; it ends there by itself.
    """

    change: int
    organizations: list[int]
    until_seconds: float


@dataclass(frozen=True, slots=True)
class Release:
    """Send what was held of some organisations, None for all; answered with those whose hold had ended at its bound."""

    change: int
    organizations: list[int] | None


@dataclass(frozen=True, slots=True)
class TakeUnmirrored:
    """Answer with the organisations of which a write did not reach the mirror since this was last asked."""

    change: int


@dataclass(frozen=True, slots=True)
class TakeWanted:
    """Answer with the held organisations whose writes wait now."""

    change: int


@dataclass(frozen=True, slots=True)
class SetFallback:
    """Read from the source, and copy to the target, what a read does not find there; None ends it."""

    change: int
    role: Role | None


@dataclass(frozen=True, slots=True)
class Reached:
    """Which server a new connection to an address reached.

    Attributes:
        role: whose address it is.
        run_id: of the server.
        began_seconds: when the connection was begun, on the monotonic clock.
        answered_seconds: when it said who it is.
        started_seconds: the server was started later than that.
    """

    role: Role
    run_id: str
    began_seconds: float
    answered_seconds: float
    started_seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more is due after a time; end what is under way, send a last snapshot, and exit.

    Attributes:
        at_seconds: on the monotonic clock.
        patience_seconds: how long event rows may take to be written after that.
    """

    at_seconds: float
    patience_seconds: float


Steer = (
    SetLoad
    | PrepareServer
    | UseServer
    | DropServer
    | SetRoute
    | SetTruth
    | Freeze
    | Thaw
    | Hold
    | Release
    | TakeUnmirrored
    | TakeWanted
    | SetFallback
)
"""What a worker confirms with `Changed`."""

Command = WarmUp | StopWarmUp | Start | SetNovelty | AddBoundary | Reached | Steer | Finish


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is connected, as far as the servers let it.

    Attributes:
        worker: index of the worker.
        connections: to Redis that can be used.
        wanted: how many there should be.
        error: why there are fewer.
    """

    worker: int
    connections: int
    wanted: int
    error: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What a command with this number asked for has taken effect, unless `error` says why not.

    Attributes:
        worker: index of the worker.
        change: number of the command.
        error: why it has not; empty where it has.
        organizations: the answer to a command that asks for some.
    """

    worker: int
    change: int
    error: str = ""
    organizations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WarmUpProgress:
    """How many standing reports are written, how many failed, and how many there are."""

    worker: int
    done: int
    failed: int
    total: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers the connections to an address.

    Attributes:
        connections: how many each server answers now.
        mixed: whether, on one connection, a server answered again after another one had: then who answered what is not
            known.
        silent: how many connections are answered by one that does not say who it is.
    """

    connections: dict[Node, int]
    mixed: bool
    silent: int


@dataclass(slots=True)
class Snapshot:
    """What happened since the worker's last snapshot, and how things are now.

    Attributes:
        worker: index of the worker.
        at_seconds: when it was taken, on the monotonic clock.
        seconds: time that it covers.
        second: which second of the load it ends, from 0; several may fall into the last one.
        counts: what was counted in that time.
        open_query_gap: the stretch without an ok query that goes on now; None where none does.
        open_event_gap: the same for events.
        active_organizations: organisations with an event in the last `ACTIVE_SECONDS`, now.
        rows_buffered: event rows that wait now.
        cpu_seconds: processor time used in that time.
        memory_bytes: resident now.
        connections: usable now.
        connections_wanted: of the settings.
        queries_in_flight: now: sent or waiting.
        events_in_flight: now: sent or waiting.
        redis_error: why a connection last ended or could not be made; empty if none did.
        rows_error: why event rows could not be written; empty since some were.
        nodes: the servers that answered on connections, by role, with how many of them each answers now; and whether
            one of these answers what others had answered since: then who answered what is not known.
        finishing: whether it covers time in which nothing more was due.
    """

    worker: int
    at_seconds: float
    seconds: float
    second: int
    counts: WorkerCounts
    open_query_gap: Gap | None
    open_event_gap: Gap | None
    active_organizations: int
    rows_buffered: int
    cpu_seconds: float
    memory_bytes: int
    connections: int
    connections_wanted: int
    queries_in_flight: int
    events_in_flight: int
    redis_error: str
    rows_error: str
    nodes: dict[Role, Answering]
    finishing: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker cannot go on; what it says is for a person."""

    worker: int
    message: str


Report = Ready | WarmUpProgress | Changed | Snapshot | Broken
