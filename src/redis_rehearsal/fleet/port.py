"""Workers, wherever they run."""

from collections.abc import Callable
from typing import Protocol

from redis_rehearsal.engine.messages import Command, Report
from redis_rehearsal.engine.plan import WorkerPlan

OnReport = Callable[[Report], None]
"""Hears of each report, in the order in which a worker sent them."""
OnExit = Callable[[int, int], None]
"""Hears of a worker that ended: its index and its exit code, which is that of a process."""


class Fleet(Protocol):
    """Starts workers, talks to them, and sees to it that none is left."""

    async def start(self, plans: list[WorkerPlan]) -> None:
        """Start a worker for each plan; they report `Ready` when they are."""
        ...

    def tell(self, command: Command) -> None:
        """Send a command to every worker."""
        ...

    async def join(self, timeout_seconds: float) -> bool:
        """Wait until all workers have ended; False where some have not by then."""
        ...

    async def close(self) -> None:
        """End the workers that are left, and wait for them."""
        ...


FleetMaker = Callable[[OnReport, OnExit], Fleet]
