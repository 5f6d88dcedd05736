"""A whole run in one process and in virtual time: coordinator, workers, servers and database, and what goes wrong."""

import asyncio
import contextlib
import gc
import random
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn
from unittest.mock import patch

import numpy as np
import structlog
from numpy.typing import NDArray

from redis_rehearsal.clock import monotonic
from redis_rehearsal.coordinator.adapters import Adapters
from redis_rehearsal.coordinator.run import Run
from redis_rehearsal.engine.messages import AddBoundary, Changed, Command, Report
from redis_rehearsal.engine.questions import QueryBlock, QueryBlocks
from redis_rehearsal.engine.timer import LoopTimer
from redis_rehearsal.fleet.port import OnExit, OnReport
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.record import Record
from redis_rehearsal.settings import Settings
from redis_rehearsal.verification.audit import Audit
from tests.simulation import faults, tools
from tests.simulation.database import SimulatedDatabase
from tests.simulation.fleet import MemoryLedgers, SimulatedFleet
from tests.simulation.loop import VirtualLoop, simulate
from tests.simulation.network import Network
from tests.simulation.process import Process, current
from tests.simulation.redis import SimulatedRedis
from tests.simulation.scenario import Fault, Scenario

SOURCE, TARGET, MOVED = ("source", 6379), ("target", 6379), ("moved", 6379)
NEVER_ENDED: Final = "the run did not end"
LONGEST_SECONDS: Final = 400.0
"""So long a run may take, in virtual time: whatever happens, it ends."""
COUNTER: Final = b":count:"
OTHERS_KEY: Final = b"somebody-else's"
LOCK_KEY: Final = b"rehearsal:lock"


@dataclass(slots=True)
class Told:
    """A command to the workers.

    Attributes:
        at_seconds: when it was sent, on the monotonic clock.
        command: what.
        confirmed: when each worker said that it was done, and what it said went wrong, by index.
    """

    at_seconds: float
    command: Command
    confirmed: dict[int, tuple[float, str]] = field(default_factory=dict)


class World:
    """All that there is in a simulation.

    Args:
        scenario: what it is like, and what happens in it.
        directory: for the run's files.

    Attributes:
        scenario: the same.
        network: between all of them.
        servers: the simulated servers, by name: source, target, and moved, where `observe` finds the endpoint later.
        database: PostgreSQL.
        coordinator: the process.
        workers: the processes, by index.
        run: the real one.
        told: all commands to the workers.
        trace: what happened, for people, with the time on the monotonic clock.
        happened: the faults that came about, and when they began and ended.
        clock_step_seconds: by how much the system's clock was set.
        tool_forgets: so many of the next changes the tool of `external` does not carry.
        moved_seconds: when the endpoint led to another server; None where it did not.
        broken: what failed and nobody took care of.
        at_audit: the counters of each server by its name, before and after the ledger was last held against them.
        kept_by_others: names of the servers that hold a key which is not ours.
        began_with: settings of the servers when the run began, by name of the server.
        queries_due: when queries were to be asked, as they were drawn, by name of the worker's process.
        error: what the run ended with; empty for nothing.
    """

    def __init__(self, scenario: Scenario, directory: Path) -> None:
        self.scenario = scenario
        self.rng = random.Random(scenario.seed)
        self.network = Network(jitter_seconds=scenario.jitter_seconds, rng=random.Random(scenario.seed))
        self.trace: list[tuple[float, str]] = []
        self.told: list[Told] = []
        self.happened: list[tuple[Fault, float, float]] = []
        self.moved_seconds: float | None = None
        self.error = ""
        self.database = SimulatedDatabase()
        self.workers: dict[int, Process] = {}
        self.ledgers = MemoryLedgers()
        self._directory = directory
        self._due: dict[str, list[Fault]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.clock_step_seconds = 0.0
        self.tool_forgets = 0
        self.servers: dict[str, SimulatedRedis] = {}
        self.coordinator: Process
        self.run: Run
        self.at_audit: tuple[dict[str, dict[bytes, bytes]], ...] = ()
        self.broken: list[str] = []
        self.kept_by_others: list[str] = []
        self.began_with: dict[str, dict[str, str]] = {}
        self.queries_due: dict[str, list[float]] = {}

    # What is below is done in virtual time.

    async def live(self, loop: VirtualLoop) -> None:
        """Have all of it happen, to its end."""
        scenario = self.scenario
        for name, address in (("source", SOURCE), ("target", TARGET), ("moved", MOVED)):
            if name == "moved" and scenario.strategy != "observe":
                continue
            server = SimulatedRedis(self.network, address, random.Random(self.rng.random()), name=name)
            for attribute, value in scenario.servers.get(name, {}).items():
                setattr(server, attribute, value)
            # A target that is made a replica holds what its primary has, and nothing else.
            if name == "source" or scenario.strategy in ("copy", "dual-write", "fallback", "cold"):
                server.do("SET", OTHERS_KEY, "theirs")
                self.kept_by_others.append(name)
            server.listen()
            self.servers[name] = server
            self.began_with[name] = dict(server.config)
        for fault in scenario.faults:
            self._due.setdefault(fault.at, []).append(fault)
        self.coordinator = Process("coordinator")
        task = self.coordinator.start(self._coordinate())
        _, left = await asyncio.wait({task}, timeout=LONGEST_SECONDS)
        for process in (self.coordinator, *self.workers.values()):
            process.release()
        self.broken = loop.broken
        if left:
            self.error = NEVER_ENDED
        else:
            task.result()

    async def _coordinate(self) -> None:
        options = MigrationOptions(**{**_OPTIONS, **self.scenario.options}, strategy=self.scenario.strategy)
        settings = Settings(**{**_SETTINGS, **self.scenario.settings}, run_dir=self._directory, seed=self.scenario.seed)
        self.run = Run(settings, options, Adapters(self._fleet, self.ledgers, lambda *_: self.database))
        audit = self.run.audit

        async def audited() -> Audit:
            before = self._counters()
            found = await audit()
            self.at_audit = before, self._counters()
            return found

        self.run.audit = audited  # type: ignore[method-assign]
        try:
            await self.run.execute()
        except Exception as error:  # noqa: BLE001 # whatever it is, it is looked at afterwards
            self.error = f"{type(error).__name__}: {error}"
            self.note(f"the run ended with {self.error}")

    def _counters(self) -> dict[str, dict[bytes, bytes]]:
        return {
            name: {key: server.value_of(key) or b"" for key in [*server.keys()] if COUNTER in key}
            for name, server in self.servers.items()
        }

    def _fleet(self, on_report: OnReport, on_exit: OnExit) -> SimulatedFleet:
        def heard(report: Report) -> None:
            if isinstance(report, Changed):
                self._confirmed(report)
            on_report(report)

        fleet = SimulatedFleet(
            heard, on_exit, self.ledgers, self.database, self.network, self.coordinator, self.workers
        )
        tell = fleet.tell

        def told(command: Command) -> None:
            self._tell(command)
            tell(command)

        fleet.tell = told  # type: ignore[method-assign]
        return fleet

    def _tell(self, command: Command) -> None:
        name = type(command).__name__
        self.told.append(Told(monotonic(), command))
        if isinstance(command, AddBoundary):
            asyncio.get_running_loop().call_soon(self._on_phase, command.at_seconds)
        elif name not in ("Reached", "SetNovelty"):
            self.note(f"told: {name}")
        if name == "Start":
            self._begin("", monotonic())
            if self.scenario.strategy == "observe":
                self._do(tools.move_the_endpoint(self))
        self._begin(name, monotonic())

    def _confirmed(self, report: Changed) -> None:
        for told in self.told:
            if getattr(told.command, "change", None) == report.change:
                told.confirmed[report.worker] = (monotonic(), report.error)
        self.note(f"worker {report.worker} has done {report.change}{': ' + report.error if report.error else ''}")

    def _on_phase(self, at_seconds: float) -> None:
        segments = self.run._control.segments
        name = segments[-1].phase if segments else ""
        self.note(f"phase {name} from {at_seconds:.4f}")
        self._begin(str(name), at_seconds)

    def _begin(self, anchor: str, at_seconds: float) -> None:
        for fault in self._due.pop(anchor, []):
            self._do(self._happen(fault, at_seconds + fault.after_seconds))

    async def _happen(self, fault: Fault, at_seconds: float) -> None:
        await asyncio.sleep(max(0.0, at_seconds - monotonic()))
        began = monotonic()
        self.note(f"fault begins: {fault}")
        self.happened.append((fault, began, float("inf")))
        place = len(self.happened) - 1
        await faults.happen(self, fault)
        self.happened[place] = (fault, began, monotonic())
        self.note(f"fault is over: {fault.kind}")

    def _do(self, work: Any) -> None:
        """Have the world do something by itself."""
        task = asyncio.get_running_loop().create_task(work, context=self.network.nobodys.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def note(self, text: str) -> None:
        """Remember what happened."""
        self.trace.append((monotonic(), text))

    # What there is to see afterwards.

    @property
    def record(self) -> Record | None:
        """Of the migration."""
        return self.run.view.records[-1] if self.run.view.records else None

    def lines(self) -> list[str]:
        """The trace, for people."""
        return [f"{at:10.4f}  {text}" for at, text in self.trace]


_SETTINGS: Final[dict[str, Any]] = {
    "redis_url": "redis://source:6379/0",
    "target_redis_url": "redis://target:6379/0",
    "database_url": "postgresql://database:5432/simulated",
    "organizations": 4,
    "users_per_org": 5,
    "queries_per_second": 36.0,
    "events_per_second": 36.0,
    "cache_hit_target": 90.0,
    "redis_pool_size": 4,
    "database_pool_size": 4,
    "give_up_after": 20.0,
    "redis_data_type": "string",
    "log_level": "error",
}


_OPTIONS: Final[dict[str, Any]] = {
    "allow_server_wide": True,
    # What comes rarely is not seen to be missing for less.
    "max_query_downtime": 0.5,
    "max_event_downtime": 0.5,
    "max_sync_downtime": 0.5,
}


@contextlib.contextmanager
def _as_in_memory(world: World) -> Iterator[None]:
    """What has no port: the exact timer, the collector of garbage, files that other runs left, and the user's tool."""
    thresholds = gc.get_threshold()
    build = QueryBlocks.build

    def drawn(blocks: QueryBlocks, intended: NDArray[np.float64]) -> QueryBlock:
        world.queries_due.setdefault(str(current()), []).extend(intended.tolist())
        return build(blocks, intended)

    def noted(_: Any, __: str, event: MutableMapping[str, Any]) -> NoReturn:
        world.note(f"log: {event}")
        raise structlog.DropEvent

    with ExitStack() as stack:
        for name, instead in (
            ("redis_rehearsal.engine.load.make_timer", LoopTimer),
            ("redis_rehearsal.engine.load.keep_what_is_there", _nothing),
            ("redis_rehearsal.engine.questions.QueryBlocks.build", drawn),
            ("redis_rehearsal.coordinator.run.keep_what_is_there", _nothing),
            ("redis_rehearsal.coordinator.run.remove_leftovers", list),
            ("redis_rehearsal.coordinator.run.logging", _NoLog),
            ("redis_rehearsal.coordinator.equipment.journal_place", lambda: world._directory),
            ("redis_rehearsal.migration.strategies.running.external._tool", partial(tools.tool, world)),
        ):
            stack.enter_context(patch(name, instead))
        stack.enter_context(structlog.testing.capture_logs(processors=[noted]))
        try:
            yield
        finally:
            gc.set_threshold(*thresholds)


def _nothing() -> None:
    return None


class _NoLog:
    @staticmethod
    def write_to(path: Path) -> None:
        """Nowhere."""

    @staticmethod
    def close() -> None:
        """Nothing."""


def lived(scenario: Scenario, look: Callable[[World], Any] | None = None) -> World:
    """A world to its end.

    Args:
        scenario: what happens.
        look: called with it before it begins, to change what nobody thought of.
    """
    with tempfile.TemporaryDirectory(prefix="simulated-") as place:
        world = World(scenario, Path(place))
        if look is not None:
            look(world)
        with _as_in_memory(world):
            simulate(world.live, world.network.connect, lambda: world.clock_step_seconds)
    return world
