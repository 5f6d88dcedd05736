"""Workers as they are, each a process of the simulation."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from typing import Final

from redis_rehearsal.engine.encoding import Message, decode, encode
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.ledgers import COUNTERS, Ledgers, SharedLedgers
from redis_rehearsal.engine.messages import Broken, Command, Report
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.engine.worker import Worker
from redis_rehearsal.fleet.port import OnExit, OnReport
from tests.simulation.database import SimulatedDatabase
from tests.simulation.network import Network
from tests.simulation.process import Process

_LATENCY_SECONDS: Final = 0.000_05


class WorkerChannel:
    """A worker's end of what it says and hears; each message goes as bytes, as between real processes.

    Args:
        on_message: hears what the worker says, as the coordinator.
        coordinator: whose it is.
        worker: the other.
    """

    def __init__(self, on_message: Callable[[Report], None], coordinator: Process, worker: Process) -> None:
        self._on_message = on_message
        self._coordinator = coordinator
        self._worker = worker
        self._commands: asyncio.Queue[bytes] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def tell(self, command: Message) -> None:
        """Send the worker a command."""
        self._later(self._commands.put_nowait, encode(command), self._worker)

    def send(self, message: Message) -> None:
        """See `MessageChannel`."""
        self._later(lambda data: self._on_message(decode(data)), encode(message), self._coordinator)  # type: ignore[arg-type]

    def _later(self, call: Callable[[bytes], None], data: bytes, at: Process) -> None:
        self._loop.call_later(_LATENCY_SECONDS, call, data, context=at.context)

    async def receive(self) -> Message:
        """See `MessageChannel`."""
        return decode(await self._commands.get())

    async def drain(self) -> None:
        """See `MessageChannel`."""


class MemoryLedgers:
    """Ledgers that coordinator and workers have in common, see `LedgerStore`.

    Attributes:
        made: by index of the worker and name.
    """

    def __init__(self) -> None:
        self.made: dict[int, dict[str, Ledger]] = {}
        self._shared = SharedLedgers()

    def make(self, worker: int, name: str, tenants: int, width: int, slots: int) -> Ledger:
        """See `LedgerStore`."""
        ledger = self._shared.make(worker, name, tenants, width, slots)
        self.made.setdefault(worker, {})[name] = ledger
        return ledger

    def close(self) -> None:
        """See `LedgerStore`."""
        self._shared.close()


class SimulatedFleet:
    """See `Fleet`.

    Args:
        on_report: hears of each report.
        on_exit: hears of a worker that ended.
        ledgers: of the workers.
        database: that they use.
        network: over which they reach the servers.
        coordinator: whose fleet it is.
        processes: gets the workers, by index.
    """

    def __init__(
        self,
        on_report: OnReport,
        on_exit: OnExit,
        ledgers: MemoryLedgers,
        database: SimulatedDatabase,
        network: Network,
        coordinator: Process,
        processes: dict[int, Process],
    ) -> None:
        self._network = network
        self._on_report = on_report
        self._on_exit = on_exit
        self._ledgers = ledgers
        self._database = database
        self._coordinator = coordinator
        self._processes = processes
        self._channels: list[WorkerChannel] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ended: dict[int, asyncio.Event] = {}

    async def start(self, plans: list[WorkerPlan]) -> None:
        """See `Fleet`."""
        for plan in plans:
            index = plan.share.index
            process = self._processes[index] = Process(f"worker {index}")
            channel = WorkerChannel(self._on_report, self._coordinator, process)
            self._channels.append(channel)
            self._ended[index] = asyncio.Event()
            told = decode(encode(plan))
            assert isinstance(told, WorkerPlan)
            made = self._ledgers.made[index]
            ledgers = Ledgers(made[COUNTERS], {})
            worker = Worker(told, ledgers, channel, self._database.of_worker())
            self._tasks[index] = process.start(self._run(worker, index, channel))
            process.on_killed.append(partial(self._network.cut_of, process))
            process.on_killed.append(lambda index=index: self._ends(index, -signal.SIGKILL))  # type: ignore[misc]

    async def _run(self, worker: Worker, index: int, channel: WorkerChannel) -> None:
        code = 0
        try:
            await worker.run()
        except asyncio.CancelledError:
            code = -signal.SIGTERM
        except Exception as error:  # noqa: BLE001 # as a real one says whatever it is
            channel.send(Broken(index, f"{type(error).__name__}: {error}"))
            code = 1
        self._ends(index, code)

    def _ends(self, index: int, code: int) -> None:
        asyncio.get_running_loop().call_later(
            2 * _LATENCY_SECONDS, self._end, index, code, context=self._coordinator.context
        )

    def _end(self, index: int, code: int) -> None:
        if not self._ended[index].is_set():
            self._ended[index].set()
            self._on_exit(index, code)

    def tell(self, command: Command) -> None:
        """See `Fleet`."""
        for channel in self._channels:
            channel.tell(command)

    async def join(self, timeout_seconds: float) -> bool:
        """See `Fleet`."""
        try:
            async with asyncio.timeout(timeout_seconds):
                for ended in self._ended.values():
                    await ended.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """See `Fleet`."""
        for index, task in self._tasks.items():
            if not self._ended[index].is_set():
                task.cancel()
        if not await self.join(5.0):
            for process in self._processes.values():
                process.kill()
            await self.join(5.0)
