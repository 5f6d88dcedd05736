"""A worker, as it is, in virtual time: its servers and its coordinator are in memory."""

import asyncio
import contextlib
import gc
import os
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.clock import WallClock, monotonic
from redis_rehearsal.engine.application import postgres_of
from redis_rehearsal.engine.encoding import Message, decode, encode
from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.engine.ledgers import Ledgers
from redis_rehearsal.engine.messages import Changed, Finish, Report, Snapshot, Start, Steer
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.engine.timer import LoopTimer
from redis_rehearsal.engine.worker import Worker
from redis_rehearsal.workload.events import EVENT_TYPES
from tests.simulation.network import Network
from tests.simulation.redis import SimulatedRedis
from tests.unit.engine.made import plan

SOURCE, TARGET = ("source", 1), ("target", 2)


class MemoryChannel:
    """The coordinator's end and the worker's in one; each message goes as bytes, as between processes."""

    def __init__(self) -> None:
        self._commands: asyncio.Queue[bytes] = asyncio.Queue()
        self.reports: list[Report] = []

    def tell(self, command: Message) -> None:
        """Send the worker a command."""
        self._commands.put_nowait(encode(command))

    def send(self, message: Message) -> None:
        """See `Channel`."""
        self.reports.append(decode(encode(message)))  # type: ignore[arg-type]  # a worker sends reports

    async def receive(self) -> Message:
        """See `Channel`."""
        return decode(await self._commands.get())

    async def drain(self) -> None:
        """See `Channel`."""


@dataclass(slots=True)
class World:
    """A worker between two servers.

    Attributes:
        network: that it uses.
        source: the server.
        target: the server.
        channel: to the worker.
        ledger: of its counters.
        plan: of the worker.
    """

    network: Network = field(default_factory=Network)
    source: SimulatedRedis = field(init=False)
    target: SimulatedRedis = field(init=False)
    channel: MemoryChannel = field(default_factory=MemoryChannel)
    ledger: Ledger = field(init=False)
    plan: WorkerPlan = field(init=False)

    def __post_init__(self) -> None:
        rng = random.Random(1)  # which ids they have
        self.source = SimulatedRedis(self.network, SOURCE, rng, name="source")
        self.target = SimulatedRedis(self.network, TARGET, rng, name="target")

    @contextlib.asynccontextmanager
    async def working(self, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """Have the worker run, until it has finished or the block ends."""
        self.plan = plan(
            endpoints={"source": Endpoint(*SOURCE), "target": Endpoint(*TARGET)},
            clock=WallClock.start(),
            queries_per_second=0.0,
            **changes,
        )
        tenants = len(self.plan.share.organizations)
        memory = create_memory(Ledger.size_bytes(tenants, len(EVENT_TYPES), self.plan.ledger_slots))
        self.ledger = Ledger(memory, tenants, len(EVENT_TYPES), self.plan.ledger_slots)
        os.close(memory)
        for bucket in (0, 1):
            self.ledger.open_bucket(int(self.plan.clock.now() // self.plan.settings.time_bucket_seconds) + bucket, None)
        self.source.listen()
        self.target.listen()
        worker = Worker(self.plan, Ledgers(self.ledger, {}), self.channel, postgres_of(self.plan))
        task = asyncio.create_task(worker.run())
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def load(self, seconds: float, task: "asyncio.Task[None]") -> None:
        """Have the load run for a time, and wait until the worker has ended."""
        began = monotonic() + 0.05
        self.channel.tell(Start(began, None))
        await asyncio.sleep(seconds)
        self.channel.tell(Finish(monotonic(), 1.0))
        await task

    async def steer(self, command: Steer) -> Changed:
        """Have the worker do something, and return what it says of it."""
        self.channel.tell(command)
        while True:
            for report in self.channel.reports:
                if isinstance(report, Changed) and report.change == command.change:
                    return report
            await asyncio.sleep(0.001)

    @property
    def snapshots(self) -> list[Snapshot]:
        """What the worker has reported."""
        return [report for report in self.channel.reports if isinstance(report, Snapshot)]

    def lane(self, name: str) -> int:
        """A lane of the ledger, of all counters together."""
        return sum(int(self.ledger.lane(name, bucket).sum()) for bucket in self.ledger.buckets())

    def kept(self, server: SimulatedRedis) -> int:
        """What all counters of a server come to."""
        return sum(int(value or 0) for value in map(server.value_of, server.keys()))


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker may run in the process of the test."""
    thresholds = gc.get_threshold()
    monkeypatch.setattr("redis_rehearsal.engine.load.make_timer", LoopTimer)
    monkeypatch.setattr("redis_rehearsal.engine.load.keep_what_is_there", lambda: None)
    yield
    gc.set_threshold(*thresholds)
