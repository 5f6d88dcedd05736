"""A worker: one process, one loop, and nothing in it but load.

Started by the fleet as `python -m redis_rehearsal.engine.worker DESCRIPTOR`, with a socket to the
coordinator, which sends the plan first.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from time import monotonic, process_time
from typing import Any, Final

import numpy as np
import psutil
import uvloop

from redis_rehearsal.cache.encodings.choice import encodings_of_slots
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.database.event_writer import EventWriter
from redis_rehearsal.database.report_source import ReportSource
from redis_rehearsal.engine.cache_aside import CacheAside
from redis_rehearsal.engine.cache_writer import CacheWriter
from redis_rehearsal.engine.channel import Channel
from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.event_stream import EventDriver
from redis_rehearsal.engine.increments import IncrementBlock, IncrementBlocks
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.live_writes import LiveWrites
from redis_rehearsal.engine.messages import (
    AddBoundary,
    Broken,
    Changed,
    Finish,
    Freeze,
    Hold,
    Ready,
    Release,
    SetFallback,
    SetLoad,
    SetNovelty,
    SetRoute,
    SetServer,
    SetTruth,
    Snapshot,
    Start,
    Steer,
    StopWarmUp,
    TakeUnmirrored,
    TakeWanted,
    Thaw,
    WarmUp,
    WarmUpProgress,
    WorkerPlan,
)
from redis_rehearsal.engine.open_loop import OpenLoop
from redis_rehearsal.engine.operations import take_operations
from redis_rehearsal.engine.pacer import Pacer
from redis_rehearsal.engine.questions import QueryBlock, QueryBlocks
from redis_rehearsal.engine.recorder import FLUSH_OPERATIONS, Recorder
from redis_rehearsal.engine.steering import Steering
from redis_rehearsal.engine.timer import Timer, make_timer
from redis_rehearsal.telemetry import logging
from redis_rehearsal.telemetry.histogram import Histogram
from redis_rehearsal.workload.arrivals import Arrivals
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.live import structures_of
from redis_rehearsal.workload.queries import SLOTS
from redis_rehearsal.workload.questions import EventStream, QuestionStream

HOUSEKEEPING_SECONDS: Final = 0.1
SNAPSHOT_SECONDS: Final = 1.0
_COLLECTION_THRESHOLDS: Final = (20_000, 20, 100)
"""Few objects of the load are in cycles; the defaults would look for them some hundred times a second."""
_PROGRESS_SECONDS: Final = 0.2
_BLOCK_SECONDS: Final = 0.03
_MAX_BLOCK: Final = 1024
_SPARSE_PER_SECOND: Final = 1_000
_PRIORITY: Final = -10
_POLL_SECONDS: Final = 0.01


def tick_seconds(operations_per_second: float) -> float | None:
    """The time between two ticks; None where every operation has a wake-up of its own.

    A wake-up was measured at some 30 µs of processor time on a virtual machine, and what is sent in it at as
    much again; 0.6 ms keeps the median response time under half a millisecond at the least cost.
    """
    if operations_per_second < _SPARSE_PER_SECOND:
        return None
    return 0.000_6 if operations_per_second <= 30_000 else 0.001


class Worker:
    """All that a worker process does.

    Args:
        plan: what to do.
        channel: to the coordinator.
    """

    def __init__(self, plan: WorkerPlan, channel: Channel) -> None:
        self._plan = plan
        self._channel = channel
        tenants = len(plan.organizations)
        self._tenants = {organization: tenant for tenant, organization in enumerate(plan.organizations)}
        keys = Keys(plan.key_prefix)
        streams = np.random.SeedSequence([plan.seed, plan.index]).spawn(4)
        self._query_arrivals_rng, self._event_arrivals_rng, questions_rng, events_rng = map(
            np.random.default_rng, streams
        )
        ledger = Ledger(plan.ledger_descriptor, tenants, len(EVENT_TYPES), plan.ledger_slots)
        name = f"redis-rehearsal:{plan.index}"
        self._name = name
        self._router = Router(
            {role: self._make_server(role, endpoint) for role, endpoint in plan.endpoints.items()}, tenants
        )
        self._router.on_truth = ledger.set_truth
        self._router.set_route(Route())
        self._reports = ReportSource(
            plan.database_url,
            plan.database_pool_size,
            plan.operation_timeout,
            plan.query_complexity,
            plan.time_bucket_seconds,
            plan.time_buckets,
            plan.clock.now,
        )
        self._rows = EventWriter(
            plan.database_url,
            plan.run_id,
            plan.index,
            plan.time_bucket_seconds,
            plan.event_buffer_rows,
            plan.operation_timeout,
        )
        self._question_blocks = QueryBlocks(
            QuestionStream(plan.tenant_shares, questions_rng, plan.novelty),
            plan.organizations,
            keys,
            plan.clock,
            plan.time_bucket_seconds,
            encodings_of_slots(plan.data_types),
            plan.index,
            plan.first_event_id,
        )
        self._writer = CacheWriter(
            self._question_blocks, self._router, plan.clock, tenants, plan.cache_ttl, plan.seed + plan.index
        )
        self._query_recorder, self._event_recorder = Recorder(), Recorder()
        self._queries = CacheAside(
            self._question_blocks,
            self._router,
            self._reports,
            self._writer,
            ledger,
            self._query_recorder,
            plan.clock,
            timeout_seconds=plan.operation_timeout,
            buckets_kept=plan.time_buckets,
            bucket_seconds=plan.time_bucket_seconds,
            single_flight=plan.single_flight,
            sample_rate=plan.validation_sample_rate,
            seed=plan.seed + plan.index,
        )
        self._increments = IncrementBlocks(
            EventStream(plan.tenant_shares, plan.users_per_org, events_rng),
            plan.organizations,
            keys,
            plan.clock,
            plan.time_bucket_seconds,
            ledger,
        )
        self._events = EventDriver(
            self._increments,
            self._router,
            ledger,
            self._event_recorder,
            self._writer,
            self._rows,
            first_id=plan.first_event_id + plan.index,
            id_step=plan.workers,
            clock=plan.clock,
            bucket_seconds=plan.time_bucket_seconds,
            buckets_kept=plan.time_buckets,
            timeout_seconds=plan.operation_timeout,
            live=self._live_writes(keys),
        )
        self._steering = Steering(
            self._router,
            self._events,
            self._writer,
            lambda command: self._make_server(command.role, command.endpoint),
            tenants,
            plan.seed,
        )
        self._queries_per_second, self._events_per_second = plan.queries_per_second, plan.events_per_second
        self._began_seconds = 0.0
        self._second = 0
        self._set_loops(at_seconds=0.0, running=False)
        self._timer: Timer | None = None
        self._scheduled_seconds = 0.0
        self._delays_seconds: list[float] = []
        self._tick_seconds = tick_seconds(plan.events_per_second + plan.queries_per_second)
        self._process = psutil.Process()
        self._last_snapshot_seconds = monotonic()
        self._last_cpu_seconds = process_time()
        self._last_counts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None] | None = None
        self._finishing = False
        self._warming = False

    def _live_writes(self, keys: Keys) -> LiveWrites:
        plan = self._plan
        ledgers = {
            structure: Ledger(
                plan.live_descriptors[structure.name],
                len(plan.organizations),
                structure.width(plan.users_per_org),
                plan.ledger_slots,
            )
            for structure in structures_of(plan.data_types)
        }
        return LiveWrites(
            self._router,
            keys,
            plan.organizations,
            ledgers,
            plan.time_bucket_seconds,
            plan.time_buckets,
            plan.users_per_org,
        )

    def _make_server(self, role: Role, endpoint: Endpoint) -> Server:
        return Server(role, endpoint, self._plan.redis_pool_size, self._name, self._plan.operation_timeout)

    def _query_pacer(self, at_seconds: float) -> Pacer[QueryBlock] | None:
        rate = self._queries_per_second
        if rate <= 0:
            return None
        arrivals = Arrivals(self._plan.arrivals, rate, at_seconds, self._query_arrivals_rng)
        return Pacer(arrivals, self._question_blocks.build, _block_size(rate))

    def _event_pacer(self, at_seconds: float) -> Pacer[IncrementBlock] | None:
        rate = self._events_per_second
        if rate <= 0:
            return None
        arrivals = Arrivals(self._plan.arrivals, rate, at_seconds, self._event_arrivals_rng)
        return Pacer(arrivals, self._increments.build, _block_size(rate))

    def _set_loops(self, *, at_seconds: float, running: bool) -> None:
        plan = self._plan
        self._queries.loop = OpenLoop(
            "queries",
            self._query_pacer(at_seconds) if running else None,
            self._queries.send,
            self._query_recorder,
            plan.max_workers,
            plan.max_queued_queries,
        )
        self._events.loop = OpenLoop(
            "events",
            self._event_pacer(at_seconds) if running else None,
            self._events.send,
            self._event_recorder,
            plan.max_workers,
            plan.max_queued_events,
        )

    async def run(self) -> None:
        """Do what the coordinator says, until it says `Finish` or is gone."""
        loop = asyncio.get_running_loop()
        self._broken = loop.create_future()
        loop.set_exception_handler(self._on_exception)
        await self._router.open()
        writing = asyncio.create_task(self._rows.run())
        writing.add_done_callback(self._on_task_done)
        connections, wanted = self._router.connections
        self._channel.send(Ready(self._plan.index, connections, wanted, self._router.last_error))
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
            await self._router.close()
            self._reports.close()

    async def _obey(self) -> Finish | None:
        while True:
            command = await self._channel.receive()
            match command:
                case WarmUp():
                    self._start_task(self._warm_up(command))
                case StopWarmUp():
                    self._warming = False
                case Start():
                    self._start(command)
                case SetNovelty():
                    self._question_blocks.stream.set_novelty(command.novelty)
                case AddBoundary():
                    self._query_recorder.add_boundary(command.at_seconds)
                    self._event_recorder.add_boundary(command.at_seconds)
                case Finish():
                    return command
                case None:
                    return None
                case _:
                    self._start_task(self._steer(command))

    async def _steer(self, command: Steer) -> None:
        steering, error = self._steering, ""
        organizations: tuple[int, ...] = ()
        match command:
            case SetLoad():
                self._set_load(command)
            case SetServer():
                error = await steering.set_server(command)
            case SetRoute():
                error = await steering.set_route(command)
            case SetTruth():
                error = steering.set_truth(command)
            case Freeze():
                error = await steering.freeze(command)
            case Thaw():
                error = steering.thaw(command)
            case Hold():
                error = await steering.hold(self._tenants_of(command.organizations), command.timeout_seconds)
            case Release():
                held = self._router.held
                steering.release(
                    set(held) if command.organizations is None else self._tenants_of(command.organizations)
                )
            case TakeUnmirrored():
                organizations = self._organizations_of(steering.take_unmirrored())
            case TakeWanted():
                organizations = self._organizations_of(self._events.waiting_tenants & self._router.held)
            case SetFallback():
                self._queries.set_fallback(None if command.role is None else self._router.servers[command.role])
        self._channel.send(Changed(self._plan.index, command.change, error, organizations))

    def _tenants_of(self, organizations: list[int]) -> set[int]:
        return {tenant for organization in organizations if (tenant := self._tenants.get(organization)) is not None}

    def _organizations_of(self, tenants: set[int]) -> tuple[int, ...]:
        return tuple(self._plan.organizations[tenant] for tenant in sorted(tenants))

    def _set_load(self, command: SetLoad) -> None:
        now = monotonic()
        share = float(self._plan.tenant_shares.sum())
        self._queries_per_second = command.queries_per_second * share
        self._events_per_second = command.events_per_second * share
        if command.slot_shares is not None:
            self._question_blocks.stream.set_slot_shares(command.slot_shares)
        if command.type_shares is not None:
            self._increments.stream.set_type_shares(command.type_shares)
        # What was drawn and is not due yet is drawn anew.
        self._queries.loop.pacer, self._events.loop.pacer = self._query_pacer(now), self._event_pacer(now)
        self._tick_seconds = tick_seconds(self._queries_per_second + self._events_per_second)
        self._set_timer(now)

    def _set_timer(self, at_seconds: float) -> None:
        self._scheduled_seconds = at_seconds
        if self._timer is None:
            return
        if self._tick_seconds is None:
            self._timer.once(at_seconds)
        else:
            self._timer.every(at_seconds, self._tick_seconds)

    def _start(self, command: Start) -> None:
        self._set_loops(at_seconds=command.at_seconds, running=True)
        if command.until_seconds is not None:
            self._queries.loop.until_seconds = self._events.loop.until_seconds = command.until_seconds
        # What was made so far lives as long as the process: no collection needs to look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTION_THRESHOLDS)
        self._send_snapshot()
        self._timer = make_timer(self._tick)
        self._set_timer(command.at_seconds)
        self._began_seconds = command.at_seconds
        self._schedule_snapshot()

    def _tick(self) -> None:
        now = monotonic()
        self._note_delay(now)
        queries, events = self._queries, self._events
        queries.loop.tick(now)
        events.tick(now)
        self._router.flush()
        for recorder in (self._query_recorder, self._event_recorder):
            if recorder.pending >= FLUSH_OPERATIONS:
                recorder.flush()
        if self._tick_seconds is None and self._timer is not None:
            due = min(queries.loop.next_seconds, events.loop.next_seconds, now + HOUSEKEEPING_SECONDS)
            self._scheduled_seconds = max(due, now)
            self._timer.once(due)

    def _note_delay(self, now: float) -> None:
        delay = now - self._scheduled_seconds
        self._delays_seconds.append(delay)
        if self._tick_seconds is not None:
            # Ticks that were missed are not made up for.
            self._scheduled_seconds += self._tick_seconds * (1 + delay // self._tick_seconds)

    def _housekeeping(self) -> None:
        now = monotonic()
        self._router.break_overdue(now)
        self._queries.fail_overdue(now)
        self._query_recorder.flush()
        self._event_recorder.flush()
        self._events.flush_rows()
        self._writer.send_refused()
        self._router.flush()
        asyncio.get_running_loop().call_later(HOUSEKEEPING_SECONDS, self._housekeeping)

    def _snapshots(self) -> None:
        self._send_snapshot()
        self._second += 1
        self._schedule_snapshot()

    def _schedule_snapshot(self) -> None:
        # On a grid that all workers share, so that their seconds are the same ones.
        at = self._began_seconds + (self._second + 1) * SNAPSHOT_SECONDS
        asyncio.get_running_loop().call_later(max(0.0, at - monotonic()), self._snapshots)

    def _send_snapshot(self) -> None:
        queries, events = self._queries, self._events
        queries.loop.check()
        events.loop.check()
        now, cpu = monotonic(), process_time()
        delay = Histogram()
        delay.record(self._delays_seconds)
        self._delays_seconds.clear()
        self._reports.flush()
        duration, self._reports.duration = self._reports.duration, Histogram()
        checks, queries.checks = queries.checks, Checks()
        query_failures, queries.failures = queries.failures, Counter()
        event_failures, events.failures = events.failures, Counter()
        cache_writes, self._writer.outcomes = self._writer.outcomes, Counter()
        if events.expiries.failed:
            cache_writes["expiry_failed"], events.expiries.failed = events.expiries.failed, 0
        mirrored, events.mirror.counts = events.mirror.counts, Counter()
        events_by_type, events.by_type = events.by_type.tolist(), np.zeros_like(events.by_type)
        counts = Counter(
            database_queries=self._reports.queries,
            database_failed=self._reports.failed,
            rows_written=self._rows.written,
            rows_dropped=self._rows.dropped,
            redirected=events.redirected,
        )
        since = {name: counts[name] - self._last_counts[name] for name in counts}
        connections, wanted = self._router.connections
        self._channel.send(
            Snapshot(
                worker=self._plan.index,
                at_seconds=now,
                seconds=now - self._last_snapshot_seconds,
                second=self._second,
                queries=self._query_recorder.take(),
                events=self._event_recorder.take(),
                query_gaps=self._query_recorder.take_gaps(),
                event_gaps=self._event_recorder.take_gaps(),
                mirrored=dict(mirrored),
                query_failures=dict(query_failures),
                event_failures=dict(event_failures),
                checks=checks,
                cache_writes=dict(cache_writes),
                events_by_type=events_by_type,
                active_organizations=events.count_active(now),
                operations=take_operations(self._router.servers.values()),
                database_duration=duration,
                rows_buffered=self._rows.buffered,
                tick_delay=delay,
                cpu_seconds=cpu - self._last_cpu_seconds,
                memory_bytes=self._process.memory_info().rss,
                connections=connections,
                connections_wanted=wanted,
                queries_in_flight=queries.loop.sent + queries.loop.waiting,
                events_in_flight=events.loop.sent + events.loop.waiting,
                redis_error=self._router.last_error,
                rows_error=self._rows.last_error,
                finishing=self._finishing,
                **since,
            )
        )
        self._last_snapshot_seconds, self._last_cpu_seconds, self._last_counts = now, cpu, counts

    async def _warm_up(self, command: WarmUp) -> None:
        slots = [index for index, slot in enumerate(SLOTS) if slot.kind.cacheable]
        questions = [tenant * len(SLOTS) + slot for tenant in range(len(self._plan.organizations)) for slot in slots]
        started = monotonic()
        done = failed = 0
        self._warming = True
        remaining = iter(enumerate(questions))

        async def fill() -> None:
            nonlocal done, failed
            for number, question in remaining:
                if not self._warming:
                    return
                wait = started + command.seconds * number / len(questions) - monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                try:
                    async with asyncio.timeout(self._plan.operation_timeout):
                        await self._queries.fill(question)
                except CONNECTION_ERRORS:
                    failed += 1
                done += 1

        filling = asyncio.gather(*(fill() for _ in range(command.concurrency)))
        while True:
            finished, _ = await asyncio.wait({filling}, timeout=_PROGRESS_SECONDS)
            self._channel.send(WarmUpProgress(self._plan.index, done, failed, len(questions), ended=bool(finished)))
            if finished:
                filling.result()
                return

    async def _finish(self, command: Finish, writing: "asyncio.Task[None]") -> None:
        loops: tuple[OpenLoop[Any], ...] = (self._queries.loop, self._events.loop)
        for loop in loops:
            loop.until_seconds = min(loop.until_seconds, command.at_seconds)
        await asyncio.sleep(max(0.0, command.at_seconds - monotonic()))
        if self._timer is not None:
            self._timer.close()
        self._send_snapshot()
        self._finishing = True
        for tick in (self._queries.loop.tick, self._events.tick):
            tick(monotonic())
        self._router.flush()
        # In flight ends by its own deadline. What waits gets as long, so that a frozen server may thaw.
        deadline = monotonic() + 2 * self._plan.operation_timeout + HOUSEKEEPING_SECONDS
        await _until(lambda: not any(loop.sent or loop.waiting for loop in loops), deadline)
        for recorder in (self._query_recorder, self._event_recorder):
            recorder.close_gap(monotonic())
        for loop in loops:
            loop.give_up(monotonic())
        await self._queries.settle()
        deadline = monotonic() + self._plan.operation_timeout
        events = self._events
        await _until(lambda: not (self._writer.pending or events.expiries.pending or events.live.pending), deadline)
        self._events.flush_rows()
        self._rows.end()
        await asyncio.wait({writing}, timeout=command.patience_seconds)
        if not writing.done():
            self._rows.give_up()
            writing.cancel()
            await asyncio.wait({writing}, timeout=self._plan.operation_timeout)
            self._rows.abandon()
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


def _block_size(rate_per_second: float) -> int:
    return int(min(_MAX_BLOCK, max(1.0, rate_per_second * _BLOCK_SECONDS)))


async def _serve(end: socket.socket) -> int:
    channel = await Channel.over(end)
    plan = await channel.receive()
    if plan is None:
        return 0
    logging.configure(plan.log_format, plan.log_level)
    try:
        await Worker(plan, channel).run()
    except Exception as error:  # whatever it is, the coordinator must hear of it
        channel.send(Broken(plan.index, f"{type(error).__name__}: {error}"))
        with contextlib.suppress(ConnectionError):
            await channel.drain()
        await channel.close()
        raise
    await channel.close()
    return 0


def main() -> None:
    """Run a worker over the socket whose descriptor is the first argument."""
    # Ctrl-C is the coordinator's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Where it may: a generator that waits for a processor would measure that instead of the server.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    end = socket.socket(fileno=int(sys.argv[1]))
    code = uvloop.run(_serve(end))
    sys.stdout.flush()
    os._exit(code)  # at once: nothing that is left needs an orderly end


if __name__ == "__main__":
    main()
