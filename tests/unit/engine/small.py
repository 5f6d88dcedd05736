"""An application as a worker simulates it, whole, in virtual time, between two servers that do as they are told."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.database.counts import ReportCounts, RowCounts
from redis_rehearsal.database.ports import WorkerDatabase
from redis_rehearsal.database.rows import EventRows
from redis_rehearsal.engine.application import Application, assemble, server_of
from redis_rehearsal.engine.increments import IncrementBlock
from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.engine.ledgers import Ledgers
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.engine.questions import Novel, QueryBlock
from redis_rehearsal.engine.recorder import Recorder
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.engine.steering import Steering
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.live import structures_of
from redis_rehearsal.workload.queries import REAL_TIME_SLOT, SLOTS, Filter
from redis_rehearsal.workload.questions import EventBlock
from tests.simulation.loop import simulate
from tests.simulation.network import Network
from tests.simulation.scripted import OK, Scripted, bulk, error, well
from tests.unit.engine.made import plan

SOURCE, TARGET = ("source", 1), ("target", 2)
TYPES: Final = len(EVENT_TYPES)
_OPENING: Final = (b"INFO", b"ROLE", b"PING", b"CLIENT")
NOTHING: Final = b"$-1\r\n"
SILENCE: Final = b""
"""No reply, now or ever: only the end of the connection says that none will come."""


def number(value: int) -> bytes:
    """An integer as a reply."""
    return b":%d\r\n" % value


@dataclass(slots=True)
class StandIn:
    """A server of strings and counters.

    Attributes:
        run_id: of it.
        says: replies to a command instead, unless it returns None.
        values: by key.
        lives: what was last said of when keys expire, by key.
        asked: all commands but those that open connections.
        quiet: whether it answers nothing until its connections are cut.
    """

    run_id: str
    says: Callable[[list[bytes]], bytes | None] = lambda _: None
    values: dict[bytes, bytes] = field(default_factory=dict)
    lives: dict[bytes, int] = field(default_factory=dict)
    asked: list[list[bytes]] = field(default_factory=list)
    quiet: bool = False

    def answer(self, command: list[bytes]) -> bytes:
        """See `Answer`."""
        if command[0] in _OPENING:
            return well(command, self.run_id)
        self.asked.append(command)
        said = self.says(command)
        # Of a connection on which a reply is missing, none that follows would be taken for the right one.
        self.quiet = self.quiet or said == SILENCE
        return SILENCE if self.quiet else self.carry_out(command) if said is None else said

    def carry_out(self, command: list[bytes]) -> bytes:
        """What it does where it does as it should."""
        name, key, *rest = command
        match name:
            case b"GET":
                return bulk(self.values[key]) if key in self.values else NOTHING
            case b"MGET":
                found = [self.carry_out([b"GET", each]) for each in (key, *rest)]
                return b"*%d\r\n" % len(found) + b"".join(found)
            case b"SET":
                if b"NX" in rest and key in self.values:
                    return NOTHING
                self.values[key], self.lives[key] = rest[0], int(rest[2])
                return OK
            case b"PTTL":
                return number(self.lives.get(key, -2))
            case b"UNLINK":
                return number(sum(self.values.pop(each, None) is not None for each in (key, *rest)))
            case b"INCR":
                self.values[key] = b"%d" % (int(self.values.get(key, 0)) + 1)
                return number(int(self.values[key]))
            case b"EXPIREAT":
                self.lives[key] = int(rest[0])
                return number(key in self.values)
            case b"HINCRBY":
                return number(1)
            case _:
                return error(f"ERR unknown command '{name.decode()}'")

    def names(self, wanted: str) -> list[bytes]:
        """The first keys of all commands of a name."""
        return [command[1] for command in self.asked if command[0] == wanted.encode()]


def refusing(text: str, *names: str) -> Callable[[list[bytes]], bytes | None]:
    """Answers commands of some names, of all where there are none, with an error."""
    return lambda command: error(text) if not names or command[0].decode() in names else None


def silent(command: list[bytes]) -> bytes:
    """Answers nothing."""
    return SILENCE


@dataclass(slots=True)
class Database:
    """Computes reports and takes rows, as it is told.

    Attributes:
        seconds: that a report takes.
        fails: what it raises.
        computed: what it was asked for: kind and organisation.
        taken: rows that were appended.
    """

    seconds: float = 0.01
    fails: Exception | None = None
    computed: list[tuple[str, int]] = field(default_factory=list)
    taken: list[EventRows] = field(default_factory=list)
    last_error: str = ""
    buffered: int = 0
    counts: RowCounts = field(default_factory=RowCounts)

    async def compute(self, kind: str, organization: int, asked: Filter) -> dict[str, int]:
        self.computed.append((kind, organization))
        await asyncio.sleep(self.seconds)
        if self.fails is not None:
            raise self.fails
        return {"a": len(self.computed)}

    def take_counts(self) -> ReportCounts:
        return ReportCounts()

    def append(self, rows: EventRows) -> None:
        self.taken.append(rows)


@dataclass(slots=True)
class Small:
    """The application and all that it needs.

    Attributes:
        plan: of it.
        network: that it uses.
        source: the server.
        target: the server.
        database: that it uses.
        application: of two tenants, unless told otherwise; see `opened`.
        ledgers: that it keeps.
        steering: of it.
        bucket: the number of the time bucket that it is.
    """

    network: Network = field(default_factory=Network)
    source: StandIn = field(default_factory=lambda: StandIn("a" * 40))
    target: StandIn = field(default_factory=lambda: StandIn("b" * 40))
    database: Database = field(default_factory=Database)
    plan: WorkerPlan = field(init=False)
    application: Application = field(init=False)
    ledgers: Ledgers = field(init=False)
    steering: Steering = field(init=False)
    bucket: int = field(init=False)

    @contextlib.asynccontextmanager
    async def opened(self, **changes: Any) -> AsyncIterator[None]:
        """Have it connected; changes are of its plan."""
        made = self.plan = plan(
            endpoints={"source": Endpoint(*SOURCE), "target": Endpoint(*TARGET)}, clock=WallClock.start(), **changes
        )
        for place, server in ((SOURCE, self.source), (TARGET, self.target)):
            self.network.servers[place] = lambda server=server: Scripted(server.answer)  # type: ignore[misc]
        tenants = len(made.share.organizations)
        self.ledgers = Ledgers(
            _ledger(made, TYPES),
            {each: _ledger(made, each.width(made.settings.users_per_org)) for each in structures_of(made.data_types)},
        )
        self.bucket = int(made.clock.now() // made.settings.time_bucket_seconds)
        self.ledgers.counters.open_bucket(self.bucket, np.int64(0))
        database = WorkerDatabase(cast("Any", self.database), cast("Any", self.database))
        self.application = assemble(made, self.ledgers, database, Stalls())
        self.steering = Steering(
            self.application.router,
            self.application.events,
            self.application.writer,
            lambda command: server_of(made, command.role, command.endpoint),
            tenants,
            1,
        )
        await self.application.router.open()
        try:
            yield
        finally:
            await self.application.router.close()

    def lane(self, name: str) -> int:
        """A lane of the ledger of counters, of all of them together."""
        return int(self.ledgers.counters.lane(name, self.bucket).sum())

    def cut(self, place: tuple[str, int] = SOURCE) -> None:
        """Break all connections to a server."""
        for link in self.network.links_to(*place):
            link.cut()
        (self.source if place == SOURCE else self.target).quiet = False

    def key(self, question: int | Novel) -> bytes:
        """The key of the report that answers a question."""
        return self.application.queries.blocks.key(question).encode()

    def report(self, question: int | Novel, entries: dict[str, int], *, age_seconds: float = 0.0) -> bytes:
        """A report that answers a question, computed some time ago, with a minute to live then."""
        blocks = self.application.queries.blocks
        computed_ms = int((self.plan.clock.now() - age_seconds) * 1000)
        return cast("bytes", blocks.encoding(question).encode(blocks.expected(question), entries, computed_ms, 60_000))

    def queries(self, *questions: int | Novel) -> QueryBlock:
        """Queries that are due now."""
        blocks, now = self.application.queries.blocks, monotonic()
        real_time = [at for at, question in enumerate(questions) if blocks.split(question)[1] == REAL_TIME_SLOT]
        commands = []
        for at, question in enumerate(questions):
            stored = at not in real_time
            tenant = blocks.split(question)[0]
            commands.append(
                pack("GET", blocks.key(question)) if stored else blocks._real_time_command(tenant, self.bucket)
            )
        due = [now] * len(questions)
        return QueryBlock(due, [*questions], commands, real_time, [self.bucket] * len(real_time), None)

    async def ask(self, *questions: int | Novel, seconds: float = 0.1) -> None:
        """Have queries asked, and time pass in which they may be answered."""
        block = self.queries(*questions)
        self.application.queries.loop.recorder.offer(block.intended)
        self.application.queries.send(block, 0, len(questions))
        await asyncio.sleep(seconds)

    def increments(self, *tenants: int) -> IncrementBlock:
        """Events of tenants that are due now: page views, which make nothing obsolete."""
        now, bucket, made = monotonic(), self.bucket, self.plan
        start = bucket * made.settings.time_bucket_seconds
        organizations, ledger = made.share.organizations, self.ledgers.counters
        nothing = np.zeros(len(tenants), dtype=np.int64)
        return IncrementBlock(
            [now] * len(tenants),
            [pack("INCR", made.keys.counter(organizations[tenant], 0, start)) for tenant in tenants],
            [ledger.place(bucket) + tenant * TYPES for tenant in tenants],
            [],
            EventBlock(np.array(tenants, dtype=np.int64), nothing, nothing + 1, nothing),
            np.full(len(tenants), made.clock.now()),
        )

    async def count(self, *tenants: int, seconds: float = 0.1) -> None:
        """Have events happen, and time pass in which they may be acknowledged."""
        block = self.increments(*tenants)
        self.application.events.loop.recorder.offer(block.intended)
        self.application.events.send(block, 0, len(tenants))
        await self.passing(seconds)

    async def passing(self, seconds: float, step_seconds: float = 0.01) -> None:
        """Time in which the worker tends what waits."""
        until = monotonic() + seconds
        while True:
            self.application.events.tend(monotonic())
            self.application.router.flush()
            if monotonic() >= until - 1e-9:
                return
            await asyncio.sleep(step_seconds)

    def outcomes(self, recorder: Recorder) -> list[int]:
        """How many operations ended in each `Outcome`, so far."""
        recorder.flush()
        found = Tally()
        for tally in recorder.tallies.values():
            found.merge(tally)
        return found.outcomes

    @property
    def query_outcomes(self) -> list[int]:
        """Of queries."""
        return self.outcomes(self.application.queries.loop.recorder)

    @property
    def event_outcomes(self) -> list[int]:
        """Of events."""
        return self.outcomes(self.application.events.loop.recorder)


def _ledger(made: WorkerPlan, width: int) -> Ledger:
    tenants = len(made.share.organizations)
    memory = create_memory(Ledger.size_bytes(tenants, width, made.ledger_slots))
    try:
        return Ledger(memory, tenants, width, made.ledger_slots)
    finally:
        os.close(memory)


def only(outcome: Outcome, count: int) -> list[int]:
    """As many operations, all of one outcome."""
    return [count if each is outcome else 0 for each in Outcome]


def standing(tenant: int, slot: int = 0) -> int:
    """The number of a standing question."""
    return tenant * len(SLOTS) + slot


def live(work: Callable[[Small], Coroutine[Any, Any, None]], **changes: Any) -> Small:
    """Have something done in a small world, which is connected then; changes are of its plan."""
    small = Small()

    async def whole() -> None:
        async with small.opened(**changes):
            await work(small)

    simulate(lambda _: whole(), small.network.connect)
    return small
