"""A run: from the first server to the last figure."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES
from redis_rehearsal.clock import monotonic, utc
from redis_rehearsal.coordinator.adapters import Adapters
from redis_rehearsal.coordinator.breakage import Breakage
from redis_rehearsal.coordinator.equipment import Equipment
from redis_rehearsal.coordinator.last_scrape import until_scraped
from redis_rehearsal.coordinator.migrations import Migrations
from redis_rehearsal.coordinator.plans import LoadPlan
from redis_rehearsal.coordinator.resources import ResourcesPoller
from redis_rehearsal.coordinator.run_controls import LocalRunControls
from redis_rehearsal.coordinator.servers import (
    raise_descriptor_limit,
    remove_run_directory,
    run_directory,
)
from redis_rehearsal.coordinator.upkeep import adjust_novelty, keep_buckets, refresh_cache
from redis_rehearsal.coordinator.watch import ServerWatch
from redis_rehearsal.coordinator.workers import Workers
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.embedded.directory import remove_leftovers
from redis_rehearsal.engine.messages import Finish, Start
from redis_rehearsal.errors import BrokenError, ConfigurationError, ConflictError, ServerRefusedError
from redis_rehearsal.fleet.row import Second
from redis_rehearsal.fleet.timeline import Timeline
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.report.run_data import TIMELINE
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.telemetry.garbage import keep_what_is_there
from redis_rehearsal.telemetry.health import Health
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.ledger_keeper import LedgerKeeper
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.view.run_view import RunView, Stage
from redis_rehearsal.workload.live import structures_of

_log = structlog.get_logger()

_CANCEL_SECONDS: Final = 1.0
_OTHER_DESCRIPTORS: Final = 64
_START_DELAY_SECONDS: Final = 0.05
_ROWS_PATIENCE_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.2


class Run:
    """Everything that one command `run` or `rehearse` does.

    Args:
        settings: of the run.
        rehearsal: the migration that it is there for, and with which it ends; None for none.
        adapters: what it stands on; None for this machine.

    Attributes:
        view: what there is to see of it, while it lasts.
        controls: what can be done to it.
        again: whether another run is to follow, from a fresh state.
        on_servers: hears of source and target, once they are there and whenever another one takes a role.
    """

    def __init__(
        self, settings: Settings, rehearsal: MigrationOptions | None = None, adapters: Adapters | None = None
    ) -> None:
        self.settings = settings
        self._adapters = adapters = adapters or Adapters.of_this_machine()
        self._rehearsal = rehearsal
        self.again = False
        self.on_servers: Callable[[Endpoint, Endpoint], None] = lambda *_: None
        self.view = RunView(settings, Totals(), Health((*CLIENT_ERRORS, *CONNECTION_ERRORS)))
        self.view.audit_now = self.audit
        self._clock = self.view.clock
        self._equipment = Equipment(settings, lambda url: adapters.database_at(url, settings, self._clock.now))
        self._breakage = Breakage()
        self._workers = Workers(settings.workers, self.view, self._breakage, adapters.make_fleet)
        self._control = self._workers.control
        self._watch = ServerWatch(
            lambda: self._equipment.sites.endpoints,
            self._workers.fleet.tell,
            self._clock.at,
            lambda: self.view.totals.latest.values(),
        )
        self.view.reached = self._watch.reached
        self._keeper: LedgerKeeper | None = None
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._plan = LoadPlan(settings)
        self._migrations = Migrations(
            self.view,
            self._control,
            self._equipment,
            self.audit,
            self._workers.quieten,
            self._plan.least_share,
            self._watch,
        )
        self.controls = LocalRunControls(self.view, self._control, self._migrations, self)
        view = self.view
        view.rates = (settings.queries_per_second, settings.events_per_second)
        view.least_rates.append((monotonic(), *view.rates))
        view.segments = lambda: self._control.segments
        view.label = lambda: self._control.label(monotonic(), monotonic())
        view.timeline = Timeline(
            lambda second: self._clock.at(view.began_seconds + second),
            lambda second: self._control.label(view.began_seconds + second, view.began_seconds + second + 1),
            lambda second: view.reached.told_between(
                self._clock.at(view.began_seconds + second), self._clock.at(view.began_seconds + second + 1)
            ),
        )
        view.totals.on_second = self._on_second
        view.totals.on_late = view.timeline.amend

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
        view.directory = run_directory(self.settings.run_dir, utc().strftime("%Y-%m-%dT%H-%M-%SZ"))
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
        if self._breakage.sentence:
            raise BrokenError(self._breakage.sentence)

    def _on_second(self, second: Second) -> None:
        self.view.timeline.add(second)
        self._migrations.on_row(self.view.timeline.rows[-1], second.queries.response_at_least.quantile(0.99))

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
        except (*CLIENT_ERRORS, *CONNECTION_ERRORS) as error:
            raise ServerRefusedError(await self._equipment.blame(error)) from None

    async def _prepare_servers(self) -> None:
        view, equipment = self.view, self._equipment
        view.stage = Stage.STARTING
        for sentence in await asyncio.to_thread(remove_leftovers):
            _log.info(sentence)
        view.servers = await equipment.open()
        self.on_servers(view.servers.source.endpoint, view.servers.target.endpoint)
        self._tasks.append(asyncio.create_task(equipment.hold_locks(self._breakage.note)))
        view.health.servers = equipment.health()

        def seeding() -> None:
            view.stage = Stage.SEEDING

        await equipment.furnish(view.set_progress, seeding)

    async def _prepare_workers(self) -> None:
        settings, view = self.settings, self.view
        self._keeper = LedgerKeeper(
            self._equipment.fresh_clients,
            self._equipment.keys,
            self._clock.now,
            settings.time_bucket_seconds,
            settings.time_buckets,
            [[tenant + 1 for tenant in tenants] for tenants in self._plan.tenants],
            structures_of(self._equipment.sites.data_types),
            settings.users_per_org,
            lambda: self._control.fallback,
            self._adapters.ledgers,
        )
        await self._keeper.open_ahead()
        view.stage = Stage.WARMING
        await self._workers.start(
            self._plan.of_workers(
                self._equipment.sites,
                self._keeper,
                self._clock,
                view.directory.name if view.directory else "",
            )
        )
        await self._workers.warm_up()

    async def replace_target(self, endpoint: Endpoint) -> None:
        """Use another server as the target, to which nothing goes now.

        Raises:
            ConfigurationError: it will not do.
            MigrationError: the target is in use, or the workers cannot connect to it.
        """
        patience = 2 * self.settings.operation_timeout
        await self._equipment.replace_target(endpoint, lambda: self._control.set_server("target", endpoint, patience))
        sites = self.view.servers = self._equipment.sites
        self.on_servers(sites.source.endpoint, sites.target.endpoint)

    async def _drive(self) -> None:
        view = self.view
        end = self._begin_load()
        self._tasks += [asyncio.create_task(work) for work in self._upkeep()]
        rehearsing = asyncio.create_task(self._rehearse(view.steady_seconds)) if self._rehearsal else None
        await self._until_over(end, rehearsing)
        if rehearsing is not None:
            if not rehearsing.done():
                rehearsing.cancel()
                await asyncio.wait({rehearsing})
            if not rehearsing.cancelled():
                rehearsing.result()
        # Without a load nothing that a migration does says anything, and nobody would confirm it.
        await self._migrations.close()
        await self._finish(min(end, monotonic()) if end is not None else monotonic())
        await self._judge_last()
        await until_scraped(view.scraped, self._hurry)

    def _begin_load(self) -> float | None:
        """Returns when it ends by itself, on the monotonic clock; None for never."""
        settings, view = self.settings, self.view
        keep_what_is_there()
        if told := self._plan.missed_target():
            _log.warning(told)
        began = monotonic() + _START_DELAY_SECONDS
        steady = began + settings.warmup
        view.began_seconds, view.steady_seconds = began, steady
        view.stage = Stage.RUNNING
        end = None if settings.duration is None else steady + settings.duration
        first = Phase.BASELINE if self._rehearsal else Phase.LOAD
        self._control.begin_phase(Phase.WARM_UP if settings.warmup else first, began)
        self._workers.fleet.tell(Start(began, end))
        if settings.warmup:
            self._control.begin_phase(first, steady)
        if view.directory is not None:
            view.timeline.on_failure = lambda error: view.not_written(TIMELINE, error.strerror or str(error))
            view.timeline.write_to(view.directory / TIMELINE)
        _log.info(
            "load begins",
            queries_per_second=settings.queries_per_second,
            events_per_second=settings.events_per_second,
        )
        return end

    async def _until_over(self, end_seconds: float | None, rehearsing: "asyncio.Task[None] | None") -> None:
        breakage, health = self._breakage, self.view.health
        while not (self._stop.is_set() or breakage.sentence or (rehearsing and rehearsing.done())):
            for role in ROLES:
                health.servers[role].needed = role in self._control.in_use
            breakage.note(health.given_up(self.settings.give_up_after))
            left = _POLL_SECONDS if end_seconds is None else end_seconds - monotonic()
            if left <= 0:
                break
            for task in self._tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    task.result()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_POLL_SECONDS, left)):
                    await self._stop.wait()

    async def _judge_last(self) -> None:
        """The verdict on a migration that has none yet."""
        view = self.view
        record = view.records[-1] if view.records else None
        if record is not None and record.assessment is None and view.audit is not None:
            comparison = await self._migrations.compare(record, view.audit)
            self._migrations.judge(record, view.audit, view.ended_seconds, comparison, self._breakage.sentence)
            record.ended = True

    def _upkeep(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on beside the load."""
        settings, view, patience = self.settings, self.view, min(1.0, self.settings.operation_timeout)
        going_on = [
            view.health.watch(patience),
            self._watch.watch(),
            ResourcesPoller(view.resources, self._equipment, patience).watch(),
            adjust_novelty(self._workers, view, settings, self._plan.novelty),
            refresh_cache(self._workers, view, settings.warmup_interval),
        ]
        if self._keeper is not None:
            going_on.append(keep_buckets(self._keeper, self._equipment, view, settings.time_bucket_seconds))
        return going_on

    async def _rehearse(self, steady_seconds: float) -> None:
        await asyncio.sleep(max(0.0, steady_seconds - monotonic()))
        if self._rehearsal is not None:
            await self._migrations.begin(self._rehearsal).migration.run()

    async def _finish(self, at_seconds: float) -> None:
        view = self.view
        view.stage = Stage.FINISHING
        if self._stop.is_set():
            _log.info("the load ends; what is under way may take a moment (Ctrl-C again does not wait for it)")
        view.ended_seconds = at_seconds
        # What has been away for long is not waited for as long again.
        patience = max(1.0, _ROWS_PATIENCE_SECONDS - view.health.servers["database"].away_seconds)
        self._workers.finish(Finish(at_seconds, patience))
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
        self._breakage.note("The run was ended before all that was under way had ended.")

    async def _end_load(self, timeout_seconds: float) -> None:
        if not await self._workers.fleet.join(timeout_seconds):
            self._breakage.note("A worker did not end in time; what it did since is not known.")
        self.view.totals.close()
        for role in ROLES:
            await self._watch.look(role)
        self.view.audit = await self.audit()
        # What it was read from is what is there before and after.
        for role in ROLES:
            await self._watch.look(role)
        dropped, why = self.view.totals.counts.rows.dropped, self.view.health.servers["database"].load_error
        if dropped and why:
            self._breakage.note(
                f"The database {self.view.address('database')} did not take {dropped:,} event rows: {why}."
            )

    async def audit(self) -> Audit:
        """Hold the ledger against the servers, now."""
        if self._keeper is None:
            return Audit(error=Cause.COUNTERS_UNREAD.because(error="the load has not begun"))
        return await self._keeper.audit()

    async def _close(self) -> None:
        left = set(self._tasks)
        while left:
            # More than once: a client library may take a cancellation for its own timeout, and go on.
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=_CANCEL_SECONDS)
        await self._migrations.close()
        await self._workers.close()
        self.view.timeline.close()
        self._adapters.ledgers.close()
        await self._equipment.close()
