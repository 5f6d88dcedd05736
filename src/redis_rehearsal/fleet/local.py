"""Workers as processes of this machine."""

import asyncio
import contextlib
import signal
import socket
import sys
from typing import cast

from redis_rehearsal.engine.channel import Channel
from redis_rehearsal.engine.ledgers import SharedLedgers
from redis_rehearsal.engine.messages import Broken, Command, Report
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.errors import MessageError
from redis_rehearsal.fleet.port import OnExit, OnReport

_EXIT_SECONDS = 5.0


class LocalFleet:
    """See `Fleet`.

    Args:
        on_report: hears of each report.
        on_exit: hears of a worker that ended.
        ledgers: of the workers.
    """

    def __init__(self, on_report: OnReport, on_exit: OnExit, ledgers: SharedLedgers) -> None:
        self._ledgers = ledgers
        self._on_report = on_report
        self._on_exit = on_exit
        self._processes: list[asyncio.subprocess.Process] = []
        self._channels: list[Channel] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, plans: list[WorkerPlan]) -> None:
        """See `Fleet`."""
        for plan in plans:
            memory = self._ledgers.memories[plan.share.index]
            ours, theirs = socket.socketpair()
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    "redis_rehearsal.engine.worker",
                    str(theirs.fileno()),
                    *memory.arguments,
                    pass_fds=(theirs.fileno(), *memory.descriptors),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            self._processes.append(process)
            channel = await Channel.over(ours)
            channel.send(plan)
            self._channels.append(channel)
            self._tasks.append(asyncio.create_task(self._listen(plan.share.index, channel, process)))

    async def _listen(self, index: int, channel: Channel, process: asyncio.subprocess.Process) -> None:
        try:
            while (report := await channel.receive()) is not None:
                self._on_report(cast("Report", report))
        except MessageError as error:
            self._on_report(Broken(index, str(error)))
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        code = await process.wait()
        self._on_exit(index, code)

    def tell(self, command: Command) -> None:
        """See `Fleet`."""
        for channel in self._channels:
            channel.send(command)

    async def join(self, timeout_seconds: float) -> bool:
        """See `Fleet`."""
        if not self._tasks:
            return True
        _, running = await asyncio.wait(self._tasks, timeout=timeout_seconds)
        return not running

    @property
    def process_ids(self) -> list[int]:
        """Of the workers, in the order of their plans."""
        return [process.pid for process in self._processes]

    async def close(self) -> None:
        """See `Fleet`."""
        for process in self._processes:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
        if not await self.join(_EXIT_SECONDS):
            for process in self._processes:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
            await self.join(_EXIT_SECONDS)
        for channel in self._channels:
            await channel.close()
