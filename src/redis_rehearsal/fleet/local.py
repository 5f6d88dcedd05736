"""Workers as processes of this machine."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from typing import cast

from redis_rehearsal.engine.channel import Channel
from redis_rehearsal.engine.ledgers import LedgerMemory
from redis_rehearsal.engine.messages import Broken, Command, Report
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.errors import MessageError

_EXIT_SECONDS = 5.0


class LocalFleet:
    """Starts workers, talks to them, and sees to it that none is left.

    Args:
        on_report: called with each report, in the order in which a worker sent them.
        on_exit: called with the index and the exit code of a worker that ended.
    """

    def __init__(self, on_report: Callable[[Report], None], on_exit: Callable[[int, int], None]) -> None:
        self._on_report = on_report
        self._on_exit = on_exit
        self._processes: list[asyncio.subprocess.Process] = []
        self._channels: list[Channel] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, plans: list[WorkerPlan], memories: list[LedgerMemory]) -> None:
        """Start a worker for each plan, with its ledgers' memory; they report `Ready` when they are."""
        for plan, memory in zip(plans, memories, strict=True):
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
            self._tasks.append(asyncio.create_task(self._listen(plan.index, channel, process)))

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
        """Send a command to every worker."""
        for channel in self._channels:
            channel.send(command)

    async def join(self, timeout_seconds: float) -> bool:
        """Wait until all workers have ended; False where some have not by then."""
        if not self._tasks:
            return True
        _, running = await asyncio.wait(self._tasks, timeout=timeout_seconds)
        return not running

    @property
    def process_ids(self) -> list[int]:
        """Of the workers, in the order of their plans."""
        return [process.pid for process in self._processes]

    async def close(self) -> None:
        """End the workers that are left, and wait for them."""
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
