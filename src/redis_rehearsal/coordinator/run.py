"""A run: from the first server to the last figure."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import asyncpg
import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from redis_rehearsal.cache.control import CONTROL_ERRORS, control_client, first_contact
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.lock import REFRESH_SECONDS, RunLock, new_owner
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.cache.prefix import add_dead_weight, remove_all
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.coordinator.controls import RunControls
from redis_rehearsal.coordinator.migrations import Migrations
from redis_rehearsal.coordinator.servers import (
    ServerRoom,
    Servers,
    raise_descriptor_limit,
    remove_run_directory,
    run_directory,
)
from redis_rehearsal.database import schema
from redis_rehearsal.database.connection import CONNECTION_ERRORS, connect
from redis_rehearsal.database.seed import SeedParameters, ensure_seeded
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
    WorkerPlan,
)
from redis_rehearsal.errors import BrokenError, ConfigurationError, ConflictError, LockedError, ServerRefusedError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.fleet.local import LocalFleet
from redis_rehearsal.fleet.timeline import Second, Timeline
from redis_rehearsal.fleet.totals import Totals
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.record import Record
from redis_rehearsal.report.view import RunView, Stage
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry import logging
from redis_rehearsal.telemetry.health import Health, ServerHealth
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.ledger_keeper import LedgerKeeper
from redis_rehearsal.workload.hit_ratio import HitRatioModel, joined_novelty, split_novelty
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.tenants import share_out, zipf_shares

_log = structlog.get_logger()

_READY_SECONDS: Final = 30.0
_OTHER_DESCRIPTORS: Final = 64
_START_DELAY_SECONDS: Final = 0.05
_ROWS_PATIENCE_SECONDS: Final = 15.0
_WARM_UP_CONCURRENCY: Final = 8
_REFRESH_SHARE: Final = 0.5
"""A refresh is spread over this share of its interval, so that it disturbs queries little."""
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
    """

    def __init__(self, settings: Settings, rehearsal: MigrationOptions | None = None) -> None:
        self.settings = settings
        self._rehearsal = rehearsal
        self.view = RunView(settings, Totals(), Health((*CONTROL_ERRORS, *CONNECTION_ERRORS)))
        self.view.audit_now = self.audit
        self._keys = Keys(settings.key_prefix)
        self._clock = self.view.clock
        self._room = ServerRoom(settings)
        self._clients: dict[Role, redis.Redis] = {}
        self._locks: dict[Role, RunLock] = {}
        self._owner = new_owner()
        self._fleet = LocalFleet(self._on_report, self._on_worker_exit)
        self._control = FleetControl(self._fleet.tell, settings.workers)
        self._keeper: LedgerKeeper | None = None
        self._database: Any = None
        self._ready: set[int] = set()
        self._warmed: set[int] = set()
        self._load_began: set[int] = set()
        # One asyncpg connection does one thing at a time.
        self._database_turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._broken = ""
        self._refused = ""
        self._finishing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._extended_through = int(self._clock.now()) // settings.time_bucket_seconds * settings.time_bucket_seconds
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
            self._clients,
            self._keys,
            self.audit,
            lambda: self._fleet.tell(StopWarmUp()),
            min(float(shares[tenants].sum()) for tenants in self._tenants),
        )
        self.controls = RunControls(self.view, self._control, self._migrations, self)
        view = self.view
        view.rates = (settings.queries_per_second, settings.events_per_second)
        view.phases = lambda: self._control.phases
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

    async def _blame(self, error: Exception) -> str:
        addresses = self.view.servers.addresses if self.view.servers else {}
        if isinstance(error, RedisError):
            roles = []
            for role, client in self._clients.items():
                try:
                    await client.get(self._keys.lock)
                except CONTROL_ERRORS:
                    roles.append(role)
            who = " or ".join(f"the {role} {addresses.get(role, '')}" for role in roles or ("source", "target"))
        elif isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
            who = f"the database {addresses.get('database', '')}"
        else:
            who = "a server (" + ", ".join(f"{role} {address}" for role, address in addresses.items()) + ")"
        return f"While the run was being prepared, {who} failed: {error or type(error).__name__}."

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
        except (*CONTROL_ERRORS, *CONNECTION_ERRORS) as error:
            raise ServerRefusedError(await self._blame(error)) from None

    async def _prepare_servers(self) -> None:
        settings, view = self.settings, self.view
        view.stage = Stage.STARTING
        for sentence in await asyncio.to_thread(remove_leftovers):
            _log.info(sentence)
        servers = view.servers = await self._room.open()
        self._database = servers.database
        for role in ROLES:
            await self._take(role, servers.endpoints[role])
        self._tasks.append(asyncio.create_task(self._hold_locks()))
        if not await schema.lock(servers.database):
            raise LockedError(
                f"Another run uses the schema `analytics` of {servers.addresses['database']}. "
                "Stop it, or use another database."
            )
        _log.info(
            "servers are ready",
            source=f"{servers.source_identity.product} {servers.source_identity.version}",
            target=f"{servers.target_identity.product} {servers.target_identity.version}",
            database=f"postgresql {servers.database_version}",
        )
        self._watch_health(servers)
        await self._deal_with_leftovers(servers)
        view.stage = Stage.SEEDING
        reused = await ensure_seeded(servers.database, self._seed_parameters(), self._clock.now(), view.set_progress)
        if reused:
            _log.info(reused)
        await self._extend_partitions()
        source = self._clients["source"]
        await source.set(self._keys.marker, datetime.now(UTC).isoformat(timespec="seconds"))
        await add_dead_weight(source, self._keys, settings.ballast_bytes, settings.big_keys, view.set_progress)
        self._keeper = LedgerKeeper(
            self._clients,
            self._keys,
            self._clock.now,
            settings.time_bucket_seconds,
            settings.time_buckets,
            [[tenant + 1 for tenant in tenants] for tenants in self._tenants],
        )
        await self._keeper.open_ahead()
        view.stage = Stage.WARMING
        await self._fleet.start(self._plans(servers, self._keeper))
        await self._until(lambda: len(self._ready) == settings.workers, _READY_SECONDS, "start")
        if self._refused:
            raise ServerRefusedError(self._refused)
        self._fleet.tell(WarmUp(seconds=0, concurrency=_WARM_UP_CONCURRENCY))
        await self._until(lambda: len(self._warmed) == settings.workers, None, "warm up")

    async def _take(self, role: Role, endpoint: Endpoint) -> None:
        """Make a server ours for the run, in a role."""
        client = control_client(endpoint, self.settings.operation_timeout)
        # One owner on both: replication carries the source's lock to the target.
        lock = RunLock(client, self._keys.lock, str(endpoint), self._owner)
        before = (self._clients[role], self._locks[role]) if role in self._clients else None
        self._clients[role], self._locks[role] = client, lock  # first: giving back one that is not ours does nothing
        try:
            await lock.take()
            await check_permissions(role, endpoint, self._keys, self.settings.operation_timeout)
        except BaseException:
            if before is not None:
                self._clients[role], self._locks[role] = before
                await client.aclose()
            raise
        if before is not None:
            with contextlib.suppress(*CONTROL_ERRORS):
                await before[1].release()
                await before[0].aclose()

    async def replace_target(self, endpoint: Endpoint) -> None:
        """Use another server as the target, to which nothing goes now.

        Raises:
            ConfigurationError: it will not do.
            MigrationError: the target is in use, or the workers cannot connect to it.
        """
        servers, timeout = self._servers, self.settings.operation_timeout
        identity = await first_contact("target", "--to", endpoint, timeout)
        if identity.run_id == servers.source_identity.run_id and endpoint.database == servers.source.database:
            raise ConfigurationError("The source is given as the new target; they must differ.")
        await self._control.set_server("target", endpoint, 2 * timeout)
        await self._take("target", endpoint)
        servers.target, servers.target_identity = endpoint, identity
        servers.embedded = tuple(name for name in servers.embedded if name != "target")

    @property
    def _servers(self) -> Servers:
        if self._room.servers is None:
            raise ConflictError("The servers of the run are not there yet.")
        return self._room.servers

    def begin_migration(self, options: MigrationOptions) -> Record:
        """Make ready for a migration.

        Raises:
            ConflictError: one is under way, the load is not running, or the application is not on the source.
        """
        if self.view.stage != Stage.RUNNING:
            raise ConflictError(f"The load is not running (the run is {self.view.stage}).")
        return self._migrations.begin(options, self._servers, self._room.log_tail)

    def _watch_health(self, servers: Servers) -> None:
        async def ask_database() -> None:
            async with self._database_turn:
                if self._database is None or self._database.is_closed():
                    connection = await connect(servers.database_url, self.settings.operation_timeout, "redis-rehearsal")
                    self._database = await self._locked(connection)
                await self._database.execute("SELECT 1")

        def ask(role: Role) -> Callable[[], Awaitable[object]]:
            # Not PING, which a user may be forbidden that may do all that the load does.
            return lambda: self._clients[role].get(self._keys.lock)

        self.view.health.servers = {
            "source": ServerHealth(needed=True, probe=ask("source")),
            "target": ServerHealth(needed=False, probe=ask("target")),
            "database": ServerHealth(needed=True, probe=ask_database),
        }

    @staticmethod
    async def _locked(connection: Any) -> Any:
        locked = False
        try:
            locked = await schema.lock(connection)
        finally:
            if not locked:
                connection.terminate()
        if not locked:
            # It may be our own old session, which the server has not given up yet.
            raise ConnectionError("another session holds the schema `analytics`")
        return connection

    async def _deal_with_leftovers(self, servers: Servers) -> None:
        source = self._clients["source"]
        earlier = await source.get(self._keys.marker)
        if self.settings.reset:
            await schema.exists(servers.database)  # refuses one that is not ours, before anything is removed
            removed = await remove_all(source, self._keys, keep_lock=True)
            removed += await remove_all(self._clients["target"], self._keys, keep_lock=True)
            await schema.drop(servers.database)
            _log.info("removed what an earlier run left", keys=removed)
        elif earlier is not None:
            began = earlier.decode() if isinstance(earlier, bytes) else earlier
            _log.warning(
                f"A run that began at {began} left keys under {self._keys.prefix} on {servers.source}; "
                "they are used as they are. --reset would remove them first."
            )

    def _seed_parameters(self) -> SeedParameters:
        names = SeedParameters.__slots__
        return SeedParameters(**{name: getattr(self.settings, name) for name in names})

    def _plans(self, servers: Servers, keeper: LedgerKeeper) -> list[WorkerPlan]:
        settings = self.settings
        workers = settings.workers
        plans = []
        # More than one microsecond passes for each event, so that the next run's ids are higher.
        first_event_id = int(self._clock.now() * 1e6)
        for index, (tenants, ledger) in enumerate(zip(self._tenants, keeper.ledgers, strict=True)):
            shares = self._shares[tenants]
            share = float(shares.sum())
            plans.append(
                WorkerPlan(
                    index=index,
                    workers=workers,
                    run_id=f"{self.view.directory.name}-{os.getpid()}" if self.view.directory else "",
                    endpoints=servers.endpoints,
                    database_url=servers.database_url,
                    organizations=ledger.organizations,
                    tenant_shares=shares,
                    ledger_descriptor=ledger.descriptor,
                    ledger_slots=keeper.slots,
                    clock=self._clock,
                    first_event_id=first_event_id,
                    events_per_second=settings.events_per_second * share,
                    queries_per_second=settings.queries_per_second * share,
                    max_workers=max(1, settings.max_workers // workers),
                    max_queued_queries=int(settings.queue_limit(settings.queries_per_second) * share),
                    max_queued_events=int(settings.queue_limit(settings.events_per_second) * share),
                    operation_timeout=settings.operation_timeout,
                    redis_pool_size=settings.redis_pool_size // workers,
                    database_pool_size=max(1, settings.database_pool_size // workers),
                    cache_ttl=settings.cache_ttl,
                    time_buckets=settings.time_buckets,
                    time_bucket_seconds=settings.time_bucket_seconds,
                    users_per_org=settings.users_per_org,
                    arrivals=settings.arrivals,
                    validation_sample_rate=settings.validation_sample_rate,
                    query_complexity=settings.query_complexity,
                    single_flight=settings.single_flight,
                    event_buffer_rows=settings.event_buffer_rows // workers,
                    seed=settings.seed,
                    key_prefix=settings.key_prefix,
                    novelty=self._novelty,
                    log_level=settings.log_level,
                    log_format=settings.log_format,
                )
            )
        return plans

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
        await self._finish(min(end, monotonic()) if end is not None else monotonic())
        if self._rehearsal and view.records and view.audit is not None:
            self._migrations.judge(view.records[-1], view.audit, view.ended_seconds)
            view.records[-1].ended = True

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
        patience = 0.0 if "database" in view.health.missing else _ROWS_PATIENCE_SECONDS
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
                    await self._extend_partitions()
                    last_bucket = bucket

    async def _hold_locks(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            for lock in list(self._locks.values()):
                with contextlib.suppress(*CONTROL_ERRORS):  # away; it is taken again when it is back
                    if not await lock.refresh():
                        self._broken = "Another run took the lock under our prefix; the two would spoil each other."
                        self._changed.set()

    async def _extend_partitions(self) -> None:
        seconds, kept = self.settings.time_bucket_seconds, self.settings.time_buckets
        current = int(self._clock.now()) // seconds * seconds
        # Also those that began while the database was away: rows of that time may still wait.
        first = max(current - (kept - 1) * seconds, min(current - seconds, self._extended_through))
        async with self._database_turn:
            await schema.extend(self._database, list(range(first, current + 3 * seconds, seconds)), seconds)
            self._extended_through = current
            dropped = await schema.expire(self._database, current - kept * seconds)
        if dropped:
            _log.info("dropped event rows that are no longer kept", buckets=dropped)

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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._finishing = True
        await self._migrations.close()
        await self._fleet.close()
        self.view.timeline.close()
        if self._keeper is not None:
            for ledger in self._keeper.ledgers:
                os.close(ledger.descriptor)
        for lock in self._locks.values():
            try:
                await lock.release()
            except CONTROL_ERRORS as error:
                _log.warning("a lock could not be given back; it ends by itself", error=str(error))
        for client in self._clients.values():
            with contextlib.suppress(*CONTROL_ERRORS):
                await client.aclose()
        if self._database is not None:
            self._database.terminate()
        await self._room.close()
