"""A worker: one process, one loop, and nothing in it but load.

Started by the fleet as `python -m redis_rehearsal.engine.worker DESCRIPTOR LEDGER [NAME=LEDGER]...`: a socket to the
coordinator, which sends the plan first, and the memory of its ledgers (`LedgerMemory`).
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final, cast

import uvloop

from redis_rehearsal.clock import NO_STANDSTILL, Standstill, monotonic
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.database.ports import WorkerDatabase
from redis_rehearsal.engine.application import assemble, postgres_of, server_of
from redis_rehearsal.engine.channel import Channel, MessageChannel
from redis_rehearsal.engine.ledgers import LedgerMemory, Ledgers
from redis_rehearsal.engine.load import Load
from redis_rehearsal.engine.messages import (
    AddBoundary,
    Broken,
    Changed,
    Command,
    DropServer,
    Finish,
    Freeze,
    Hold,
    PrepareServer,
    Reached,
    Ready,
    Release,
    SetFallback,
    SetLoad,
    SetNovelty,
    SetRoute,
    SetTruth,
    Start,
    Steer,
    StopWarmUp,
    TakeUnmirrored,
    TakeWanted,
    Thaw,
    UseServer,
    WarmUp,
)
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.engine.snapshots import Snapshots
from redis_rehearsal.engine.stalls import Stalls
from redis_rehearsal.engine.steering import Steering
from redis_rehearsal.engine.warming import Warming
from redis_rehearsal.telemetry import logging

HOUSEKEEPING_SECONDS: Final = 0.1
SNAPSHOT_SECONDS: Final = 1.0
_PRIORITY: Final = -10
_POLL_SECONDS: Final = 0.01


class Worker:
    """All that a worker process does.

    Args:
        plan: what to do.
        ledgers: to keep account in.
        channel: to the coordinator.
        database: that it uses.
    """

    def __init__(self, plan: WorkerPlan, ledgers: Ledgers, channel: MessageChannel, database: WorkerDatabase) -> None:
        self._plan = plan
        self._channel = channel
        self._tenants = {organization: tenant for tenant, organization in enumerate(plan.share.organizations)}
        self._database = database
        stalls = Stalls()
        application = self._application = assemble(plan, ledgers, database, stalls)
        self._load = Load(plan, application, stalls)
        self._snapshots = Snapshots(plan.share.index, application, database, self._load, stalls)
        self._warming = Warming(plan, application.misses, channel.send)
        self._steering = Steering(
            application.router,
            application.events,
            application.writer,
            lambda command: server_of(plan, command.role, command.endpoint),
            len(plan.share.organizations),
            plan.settings.seed,
        )
        self._began_seconds = 0.0
        self._second = 0
        self._kept_house_seconds = monotonic()
        self._still = NO_STANDSTILL
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None] | None = None
        self._finishing = False

    async def run(self) -> None:
        """Do what the coordinator says, until it says `Finish` or is gone."""
        loop = asyncio.get_running_loop()
        self._broken = loop.create_future()
        loop.set_exception_handler(self._on_exception)
        router = self._application.router
        await router.open()
        writing = asyncio.create_task(self._database.rows.run())
        writing.add_done_callback(self._on_task_done)
        connections, wanted = router.connections
        self._channel.send(Ready(self._plan.share.index, connections, wanted, router.last_error))
        obeying = asyncio.create_task(self._obey())
        obeying.add_done_callback(self._on_task_done)
        self._housekeeping()
        try:
            waiting: list[asyncio.Future[Any]] = [obeying, self._broken]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if self._broken.done():
                self._broken.result()
            finish = obeying.result()
            if finish is not None:
                await self._finish(finish, writing)
        finally:
            writing.cancel()
            obeying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            await router.close()
            self._database.reports.close()

    async def _obey(self) -> Finish | None:
        while True:
            command = cast("Command | None", await self._channel.receive())
            match command:
                case WarmUp():
                    self._start_task(self._warming.warm_up(command))
                case StopWarmUp():
                    self._warming.stop()
                case Start():
                    self._start(command)
                case SetNovelty():
                    self._application.queries.blocks.stream.set_novelty(command.novelty)
                case AddBoundary():
                    for recorder in self._application.recorders:
                        recorder.add_boundary(command.at_seconds)
                case Reached():
                    self._application.attribution.reached(
                        command.role,
                        command.run_id,
                        command.began_seconds,
                        command.answered_seconds,
                        command.started_seconds,
                    )
                case Finish():
                    return command
                case None:
                    return None
                case _:
                    self._start_task(self._steer(command))

    async def _steer(self, command: Steer) -> None:
        application, steering, error = self._application, self._steering, ""
        organizations: tuple[int, ...] = ()
        match command:
            case SetLoad():
                self._load.change(command)
            case PrepareServer():
                error = await steering.prepare_server(command)
            case UseServer():
                replaced = steering.use_server(command.prepared)
                application.attribution.forget(replaced.role)
                await replaced.close()
            case DropServer():
                await steering.drop_server(command.prepared)
            case SetRoute():
                error = await steering.set_route(command)
            case SetTruth():
                error = steering.set_truth(command)
            case Freeze():
                error = await steering.freeze(command)
            case Thaw():
                error = steering.thaw(command)
            case Hold():
                tenants = self._tenants_of(command.organizations)
                organizations = self._organizations_of(steering.holds.lapsed & tenants)
                error = await steering.hold(tenants, command.until_seconds)
            case Release():
                chosen = None if command.organizations is None else self._tenants_of(command.organizations)
                organizations = self._organizations_of(steering.release(chosen))
            case TakeUnmirrored():
                organizations = self._organizations_of(application.mirror.take())
            case TakeWanted():
                organizations = self._organizations_of(application.events.waiting_tenants & application.router.held)
            case SetFallback():
                servers = application.router.servers
                application.queries.set_fallback(None if command.role is None else servers[command.role])
        self._channel.send(Changed(self._plan.share.index, command.change, error, organizations))

    def _tenants_of(self, organizations: list[int]) -> set[int]:
        return {tenant for organization in organizations if (tenant := self._tenants.get(organization)) is not None}

    def _organizations_of(self, tenants: set[int]) -> tuple[int, ...]:
        return tuple(self._plan.share.organizations[tenant] for tenant in sorted(tenants))

    def _start(self, command: Start) -> None:
        self._load.prepare(command)
        self._send_snapshot()
        self._load.begin(command.at_seconds)
        self._began_seconds = command.at_seconds
        self._schedule_snapshot()

    def _housekeeping(self) -> None:
        now = monotonic()
        application = self._application
        stood_still = now - self._kept_house_seconds > 2 * HOUSEKEEPING_SECONDS
        if stood_still:
            # What was answered in time is read only after this.
            self._still = Standstill(self._kept_house_seconds, now)
        else:
            application.router.break_overdue(now, self._still)
            application.misses.fail_overdue(now, self._still)
            application.events.tend(now, self._still)
        self._kept_house_seconds = now
        for recorder in application.recorders:
            recorder.flush()
        application.events.flush_rows()
        application.router.look(now)
        application.attribution.settle(now)
        application.writer.send_refused()
        application.router.flush()
        asyncio.get_running_loop().call_later(HOUSEKEEPING_SECONDS, self._housekeeping)

    def _end_second(self) -> None:
        self._send_snapshot()
        self._second += 1
        self._schedule_snapshot()

    def _schedule_snapshot(self) -> None:
        # On a grid that all workers share, so that their seconds are the same ones.
        at = self._began_seconds + (self._second + 1) * SNAPSHOT_SECONDS
        asyncio.get_running_loop().call_later(max(0.0, at - monotonic()), self._end_second)

    def _send_snapshot(self) -> None:
        self._channel.send(self._snapshots.take(self._second, finishing=self._finishing))

    async def _finish(self, command: Finish, writing: "asyncio.Task[None]") -> None:
        application, rows, load = self._application, self._database.rows, self._load
        patience = self._plan.settings.operation_timeout
        load.end_at(command.at_seconds)
        await asyncio.sleep(max(0.0, command.at_seconds - monotonic()))
        load.end()
        self._send_snapshot()
        self._finishing = True
        load.send_due(monotonic())
        # In flight ends by its own deadline. What waits gets as long, so that a frozen server may thaw.
        deadline = monotonic() + 2 * patience + HOUSEKEEPING_SECONDS
        await _until(lambda: not any(loop.sent or loop.waiting for loop in load.loops), deadline)
        for recorder in application.recorders:
            recorder.close_gap(monotonic())
        for loop in load.loops:
            loop.give_up(monotonic())
        await application.misses.settle()
        await _until(lambda: not application.router.unanswered_writes(), monotonic() + patience)
        application.events.flush_rows()
        application.attribution.close(monotonic())
        rows.end()
        await asyncio.wait({writing}, timeout=command.patience_seconds)
        if not writing.done():
            rows.give_up()
            writing.cancel()
            await asyncio.wait({writing}, timeout=patience)
            rows.abandon()
        self._send_snapshot()
        await self._channel.drain()

    def _start_task(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and task.exception() is not None:
            self._break(task.exception())

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # A connection that broke was dealt with where it was used.
        if error is not None and not isinstance(error, CONNECTION_ERRORS):
            self._break(error)
        else:
            loop.default_exception_handler(context)

    def _break(self, error: BaseException | None) -> None:
        if self._broken is not None and not self._broken.done() and error is not None:
            self._broken.set_exception(error)


async def _until(condition: Callable[[], bool], deadline_seconds: float) -> None:
    # At the end of a run only: the hot path signals nobody.
    while not condition() and monotonic() < deadline_seconds:  # noqa: ASYNC110 # see above
        await asyncio.sleep(_POLL_SECONDS)


async def _serve(end: socket.socket, memory: LedgerMemory) -> int:
    channel = await Channel.over(end)
    plan = await channel.receive()
    if not isinstance(plan, WorkerPlan):
        return 0
    logging.configure(plan.settings.log_format, plan.settings.log_level)
    try:
        await Worker(plan, Ledgers.in_memory(memory, plan), channel, postgres_of(plan)).run()
    except Exception as error:  # whatever it is, the coordinator must hear of it
        channel.send(Broken(plan.share.index, f"{type(error).__name__}: {error}"))
        with contextlib.suppress(ConnectionError):
            await channel.drain()
        await channel.close()
        raise
    await channel.close()
    return 0


def main() -> None:
    """Run a worker over the descriptors that the arguments name."""
    # Ctrl-C is the coordinator's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Where it may: a generator that waits for a processor would measure that instead of the server.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    end = socket.socket(fileno=int(sys.argv[1]))
    code = uvloop.run(_serve(end, LedgerMemory.of(sys.argv[2:])))
    sys.stdout.flush()
    os._exit(code)  # at once: nothing that is left needs an orderly end


if __name__ == "__main__":
    main()
