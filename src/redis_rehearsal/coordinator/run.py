"""A run: from the first server to the last figure."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import structlog

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES
from redis_rehearsal.coordinator.controls import RunControls
from redis_rehearsal.coordinator.equipment import Equipment
from redis_rehearsal.coordinator.migrations import Migrations
from redis_rehearsal.coordinator.plans import worker_plans
from redis_rehearsal.coordinator.resources import ResourcesPoller
from redis_rehearsal.coordinator.servers import (
    raise_descriptor_limit,
    remove_run_directory,
    run_directory,
)
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.embedded.directory import remove_leftovers
from redis_rehearsal.engine.messages import (
    Broken,
    Changed,
    Finish,
    Ready,
    Report,
    SetNovelty,
    Snapshot,
    Start,
    StopWarmUp,
    WarmUp,
    WarmUpProgress,
)
from redis_rehearsal.errors import BrokenError, ConfigurationError, ConflictError, ServerRefusedError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.fleet.local import LocalFleet
from redis_rehearsal.fleet.timeline import Second, Timeline
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.record import Record
from redis_rehearsal.report.view import RunView, Stage, next_scrape_seconds
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.telemetry.health import Health
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.ledger_keeper import LedgerKeeper
from redis_rehearsal.workload.hit_ratio import HitRatioModel, joined_novelty, split_novelty
from redis_rehearsal.workload.live import structures_of
from redis_rehearsal.workload.tenants import share_out, zipf_shares

_log = structlog.get_logger()

_READY_SECONDS: Final = 30.0
_CANCEL_SECONDS: Final = 1.0
_OTHER_DESCRIPTORS: Final = 64
_START_DELAY_SECONDS: Final = 0.05
_ROWS_PATIENCE_SECONDS: Final = 15.0
_WARM_UP_CONCURRENCY: Final = 8
_REFRESH_SHARE: Final = 0.5
"""A refresh is spread over this share of its interval, so that it disturbs queries little."""
_SCRAPE_POLL_SECONDS: Final = 0.05
_SETTLED_SECONDS: Final = 2.0
"""Warm-up load whose hit ratio is not looked at yet."""


class Run:
    """Everything that one command `run` or `rehearse` does.

    Args:
        settings: of the run.
        rehearsal: the migration that it is there for, and with which it ends; None for none.

    Attributes:
        view: what there is to see of it, while it lasts.
        controls: what can be done to it.
        again: whether another run is to follow, from a fresh state.
    """

    def __init__(self, settings: Settings, rehearsal: MigrationOptions | None = None) -> None:
        self.settings = settings
        self._rehearsal = rehearsal
        self.again = False
        self.view = RunView(settings, Totals(), Health((*CONTROL_ERRORS, *CONNECTION_ERRORS)))
        self.view.audit_now = self.audit
        self._clock = self.view.clock
        self._equipment = Equipment(settings, self._clock.now)
        self._fleet = LocalFleet(self._on_report, self._on_worker_exit)
        self._control = FleetControl(self._fleet.tell, settings.workers)
        self._keeper: LedgerKeeper | None = None
        self._ready: set[int] = set()
        self._warmed: set[int] = set()
        self._load_began: set[int] = set()
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._broken = ""
        self._refused = ""
        self._finishing = False
        self._tasks: list[asyncio.Task[None]] = []
        shares = zipf_shares(settings.organizations, settings.tenant_skew)
        self._model = HitRatioModel(
            shares,
            settings.queries_per_second,
            settings.events_per_second,
            settings.cache_ttl,
            settings.warmup_interval,
        )
        self._novelty = self._model.novelty_for(settings.cache_hit_target / 100)
        self._tenants = [tenants.tolist() for tenants in share_out(shares, settings.workers)]
        self._shares = shares
        self._migrations = Migrations(
            self.view,
            self._control,
            self._equipment,
            self.audit,
            lambda: self._fleet.tell(StopWarmUp()),
            min(float(shares[tenants].sum()) for tenants in self._tenants),
        )
        self.controls = RunControls(self.view, self._control, self._migrations, self)
        view = self.view
        view.rates = (settings.queries_per_second, settings.events_per_second)
        view.phases = lambda: self._control.phases
        view.label = lambda: self._control.label(monotonic(), monotonic())
        view.timeline = Timeline(
            lambda second: self._clock.at(view.began_seconds + second),
            lambda second: self._control.label(view.began_seconds + second, view.began_seconds + second + 1),
        )
        view.totals.on_second = self._on_second

    def stop(self) -> None:
        """End the run in an orderly way, as after its duration; said twice, without waiting for anything."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()
        self.again = False  # who stops it wants none to follow

    def begin_again(self) -> None:
        """End the run, and let another one follow.

        Raises:
            ConflictError: it is there for one rehearsal, with which it ends.
        """
        if self._rehearsal is not None:
            raise ConflictError("A rehearsal is not begun again; it ends with its verdict.")
        self.stop()
        self.again = True

    @property
    def stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stop.is_set()

    async def execute(self) -> None:
        """Do all of it; what there is to say stands in `view` afterwards.

        Raises:
            ConfigurationError: nothing was started, or it was ended again.
            BrokenError: something that is needed broke for good; the view says what was seen until then.
        """
        view = self.view
        raise_descriptor_limit(
            2 * self.settings.redis_pool_size + self.settings.database_pool_size + _OTHER_DESCRIPTORS
        )
        view.directory = run_directory(self.settings.run_dir, datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ"))
        logging.write_to(view.directory / "run.log")
        try:
            if await self._unless_stopped(asyncio.create_task(self._prepare())):
                await self._drive()
        except ConfigurationError:
            remove_run_directory(view.directory)  # the load did not begin
            raise
        finally:
            view.stage = Stage.ENDING
            await self._close()
            view.stage = Stage.ENDED
            logging.close()
        if self._broken:
            raise BrokenError(self._broken)

    def _on_second(self, second: Second) -> None:
        self.view.timeline.add(second)
        self._migrations.on_row(self.view.timeline.rows[-1])

    async def _unless_stopped(self, task: "asyncio.Task[None]") -> bool:
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if task.done():
            task.result()
            return not self._stop.is_set()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return False

    async def _prepare(self) -> None:
        try:
            await self._prepare_servers()
            await self._prepare_workers()
        except (*CONTROL_ERRORS, *CONNECTION_ERRORS) as error:
            raise ServerRefusedError(await self._equipment.blame(error)) from None

    async def _prepare_servers(self) -> None:
        view, equipment = self.view, self._equipment
        view.stage = Stage.STARTING
        for sentence in await asyncio.to_thread(remove_leftovers):
            _log.info(sentence)
        view.servers = await equipment.open()
        self._tasks.append(asyncio.create_task(equipment.hold_locks(self._on_lock_lost)))
        view.health.servers = equipment.health()

        def seeding() -> None:
            view.stage = Stage.SEEDING

        await equipment.furnish(view.set_progress, seeding)

    async def _prepare_workers(self) -> None:
        settings, view = self.settings, self.view
        self._keeper = LedgerKeeper(
            self._equipment.clients,
            self._equipment.keys,
            self._clock.now,
            settings.time_bucket_seconds,
            settings.time_buckets,
            [[tenant + 1 for tenant in tenants] for tenants in self._tenants],
            structures_of(self._equipment.servers.data_types),
            settings.users_per_org,
            lambda: self._control.fallback,
        )
        await self._keeper.open_ahead()
        view.stage = Stage.WARMING
        await self._fleet.start(
            worker_plans(
                settings,
                self._equipment.servers,
                self._keeper,
                self._clock,
                view.directory.name if view.directory else "",
                self._tenants,
                self._shares,
                self._novelty,
            )
        )
        await self._until(lambda: len(self._ready) == settings.workers, _READY_SECONDS, "start")
        if self._refused:
            raise ServerRefusedError(self._refused)
        self._fleet.tell(WarmUp(seconds=0, concurrency=_WARM_UP_CONCURRENCY))
        await self._until(lambda: len(self._warmed) == settings.workers, None, "warm up")

    def _on_lock_lost(self, sentence: str) -> None:
        self._broken = self._broken or sentence
        self._changed.set()

    async def replace_target(self, endpoint: Endpoint) -> None:
        """Use another server as the target, to which nothing goes now.

        Raises:
            ConfigurationError: it will not do.
            MigrationError: the target is in use, or the workers cannot connect to it.
        """
        patience = 2 * self.settings.operation_timeout
        await self._equipment.replace_target(endpoint, lambda: self._control.set_server("target", endpoint, patience))

    def begin_migration(self, options: MigrationOptions) -> Record:
        """Make ready for a migration.

        Raises:
            ConflictError: one is under way, the load is not running, or the application is not on the source.
        """
        if self.view.stage != Stage.RUNNING:
            raise ConflictError(f"The load is not running (the run is {self.view.stage}).")
        return self._migrations.begin(options)

    async def _until(self, condition: Callable[[], bool], timeout_seconds: float | None, what: str) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                while not condition():
                    if self._broken:
                        raise BrokenError(self._broken)
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise BrokenError(f"The workers did not {what} within {timeout_seconds} s.") from None

    async def _drive(self) -> None:
        settings, view = self.settings, self.view
        predicted = self._model.predict(self._novelty)
        if settings.queries_per_second and predicted < settings.cache_hit_target / 100 - 0.01:
            _log.warning(
                f"CACHE_HIT_TARGET is {settings.cache_hit_target:g}%, but with these rates, tenants and TTL the hit "
                f"ratio will come down to about {predicted:.1%} once what was warmed up expires."
            )
        began = monotonic() + _START_DELAY_SECONDS
        steady = began + settings.warmup
        view.began_seconds, view.steady_seconds = began, steady
        view.stage = Stage.RUNNING
        end = None if settings.duration is None else steady + settings.duration
        first = Phase.BASELINE if self._rehearsal else Phase.LOAD
        self._control.begin_phase(Phase.WARM_UP if settings.warmup else first, began)
        self._fleet.tell(Start(began, end))
        if settings.warmup:
            self._control.begin_phase(first, steady)
        if view.directory is not None:
            view.timeline.write_to(view.directory / "timeline.csv")
        _log.info(
            "load begins",
            queries_per_second=settings.queries_per_second,
            events_per_second=settings.events_per_second,
        )
        self._tasks += [
            asyncio.create_task(work)
            for work in (
                self.view.health.watch(min(1.0, settings.operation_timeout)),
                ResourcesPoller(view.resources, self._equipment, min(1.0, settings.operation_timeout)).watch(),
                self._keep_up(),
                self._adjust_novelty(),
                self._refresh_cache(),
            )
        ]
        rehearsing = asyncio.create_task(self._rehearse(steady)) if self._rehearsal else None
        while not (self._stop.is_set() or self._broken or (rehearsing and rehearsing.done())):
            for role in ROLES:
                self.view.health.servers[role].needed = role in self._control.in_use
            self._broken = self._broken or view.health.given_up(settings.give_up_after)
            if end is not None and monotonic() >= end:
                break
            for task in self._tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    task.result()
            wait = 0.2 if end is None else min(0.2, max(0.0, end - monotonic()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stop.wait()
        if rehearsing is not None:
            if not rehearsing.done():
                rehearsing.cancel()
                await asyncio.wait({rehearsing})
            if not rehearsing.cancelled():
                rehearsing.result()
        # Without a load nothing that a migration does says anything, and nobody would confirm it.
        await self._migrations.close()
        await self._finish(min(end, monotonic()) if end is not None else monotonic())
        record = view.records[-1] if view.records else None
        if record is not None and record.assessment is None and view.audit is not None:
            comparison = await self._migrations.compare(record, view.audit) if self._rehearsal else None
            self._migrations.judge(record, view.audit, view.ended_seconds, comparison, self._broken)
            record.ended = True
        await self._until_scraped()

    async def _until_scraped(self) -> None:
        """Let who asks for metrics regularly see the last of them, which nobody could ask for later."""
        times = list(self.view.scraped)
        left = next_scrape_seconds(times, monotonic())
        until = monotonic() + left
        # Nobody signals it.
        while monotonic() < until and self.view.scraped[-1] == times[-1] and not self._hurry.is_set():  # noqa: ASYNC110
            await asyncio.sleep(_SCRAPE_POLL_SECONDS)

    async def _rehearse(self, steady_seconds: float) -> None:
        await asyncio.sleep(max(0.0, steady_seconds - monotonic()))
        if self._rehearsal is not None:
            await self.begin_migration(self._rehearsal).migration.run()

    async def _finish(self, at_seconds: float) -> None:
        view = self.view
        view.stage = Stage.FINISHING
        if self._stop.is_set():
            _log.info("the load ends; what is under way may take a moment (Ctrl-C again does not wait for it)")
        view.ended_seconds = at_seconds
        self._finishing = True
        # What has been away for long is not waited for as long again.
        patience = max(1.0, _ROWS_PATIENCE_SECONDS - view.health.servers["database"].away_seconds)
        self._fleet.tell(Finish(at_seconds, patience))
        longest = 4 * self.settings.operation_timeout + _ROWS_PATIENCE_SECONDS + 5
        ending = asyncio.create_task(self._end_load(longest))
        hurrying = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({ending, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if ending.done():
            ending.result()
            return
        ending.cancel()
        await asyncio.wait({ending})
        self._broken = self._broken or "The run was ended before all that was under way had ended."

    async def _end_load(self, timeout_seconds: float) -> None:
        if not await self._fleet.join(timeout_seconds):
            self._broken = self._broken or "A worker did not end in time; what it did since is not known."
        self.view.totals.close()
        self.view.audit = await self.audit()
        dropped, why = self.view.totals.rows_dropped, self.view.health.servers["database"].load_error
        if dropped and why:
            self._broken = self._broken or (
                f"The database {self._address('database')} did not take {dropped:,} event rows: {why}."
            )

    def _address(self, role: str) -> str:
        return self.view.servers.addresses[role] if self.view.servers else ""

    async def audit(self) -> Audit:
        """Hold the ledger against the servers, now."""
        if self._keeper is None:
            return Audit(error="the load has not begun")
        return await self._keeper.audit()

    def _on_report(self, report: Report) -> None:
        match report:
            case Ready():
                self._ready.add(report.worker)
                if report.connections < report.wanted:
                    self._refused = (
                        f"The servers {self._address('source')} and {self._address('target')} gave worker "
                        f"{report.worker} only {report.connections} of {report.wanted} connections ({report.error}); "
                        "set REDIS_POOL_SIZE lower, or allow more."
                    )
            case WarmUpProgress():
                self.view.set_warm_up(report.worker, report.done, report.total)
                if report.ended:
                    self._warmed.add(report.worker)
                    if report.failed:
                        _log.warning("reports could not be warmed up", failed=report.failed, total=report.total)
            case Snapshot():
                if "database" in self.view.health.servers:
                    self.view.health.servers["database"].load_error = report.rows_error
                if report.worker in self._load_began:
                    self.view.totals.add(report)
                else:
                    # A worker's first snapshot ends its warm-up.
                    self._load_began.add(report.worker)
                    self.view.totals.add_warm_up(report)
            case Changed():
                self._control.on_changed(report)
            case Broken():
                self._broken = self._broken or f"Worker {report.worker} broke: {report.message}"
        self._changed.set()

    def _on_worker_exit(self, index: int, code: int) -> None:
        if not self._finishing or code != 0:
            self.view.workers_lost += 1
            self._broken = self._broken or (
                f"Worker {index} ended by itself (exit code {code}); what it did in its last second is not known."
            )
            self.view.trouble = self._broken
            self._control.on_lost(index)
        self._changed.set()

    async def _keep_up(self) -> None:
        last_bucket = 0
        while True:
            await asyncio.sleep(min(1.0, self.settings.time_bucket_seconds / 10))
            now = self._clock.now()
            if self._keeper is not None:
                # Tried again; the watch on health shows it. Each by itself: retiring needs no server once it is late.
                with contextlib.suppress(*CONTROL_ERRORS):
                    await self._keeper.retire()
                with contextlib.suppress(*CONTROL_ERRORS):
                    await self._keeper.open_ahead()
            bucket = int(now) // self.settings.time_bucket_seconds
            if bucket != last_bucket:
                with contextlib.suppress(*CONNECTION_ERRORS):  # tried again; the watch on health shows it
                    await self._equipment.extend_partitions()
                    last_bucket = bucket

    async def _adjust_novelty(self) -> None:
        # During warm-up only: what a migration does to the hit ratio must not be steered away.
        target = self.settings.cache_hit_target / 100
        before = (0, 0)
        while (left := self.view.steady_seconds - monotonic()) > 0:
            await asyncio.sleep(min(_SETTLED_SECONDS, left))
            tally = self.view.totals.joined(self.view.totals.queries.values())
            hits, misses = tally.hits - before[0], tally.misses - before[1]
            before = (tally.hits, tally.misses)
            if monotonic() - self.view.began_seconds < 1.5 * _SETTLED_SECONDS or hits + misses < 1000:
                continue
            share = joined_novelty(self._novelty) + hits / (hits + misses) - target
            self._novelty = split_novelty(share)
            self._fleet.tell(SetNovelty(self._novelty))

    async def _refresh_cache(self) -> None:
        interval = self.settings.warmup_interval
        while interval:
            await asyncio.sleep(interval)
            if self._migrations.going_on:
                continue  # what a migration does to the cache must not be mended
            if len(self._warmed) < self.settings.workers:
                continue  # the last one still runs
            self._warmed.clear()
            self._fleet.tell(WarmUp(seconds=interval * _REFRESH_SHARE, concurrency=_WARM_UP_CONCURRENCY))

    async def _close(self) -> None:
        left = set(self._tasks)
        while left:
            # More than once: a client library may take a cancellation for its own timeout, and go on.
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_CANCEL_SECONDS)
        self._finishing = True
        await self._migrations.close()
        await self._fleet.close()
        self.view.timeline.close()
        if self._keeper is not None:
            for ledger in self._keeper.ledgers:
                for descriptor in ledger.descriptors:
                    os.close(descriptor)
        await self._equipment.close()
