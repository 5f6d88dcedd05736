"""What can be done to a run that is going on: see the port `RunControls`."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol

import msgspec
import structlog

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES, Role, Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.coordinator.migrations import Migrations
from redis_rehearsal.document import status as told
from redis_rehearsal.document.migration import Migration
from redis_rehearsal.document.run import Server
from redis_rehearsal.document.verdict import Verdict
from redis_rehearsal.engine.messages import SetLoad
from redis_rehearsal.errors import ConfigurationError, ConflictError, MigrationError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.context import iso
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, SwitchOptions, parse_mix
from redis_rehearsal.report.migration_document import migration_document, verdict_document
from redis_rehearsal.view.run_view import RunView, Stage
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.queries import QUERY_KINDS, SLOTS

_log = structlog.get_logger()

_GROUPS: Final = ("dashboard", "filtered", "real-time")


class Host(Protocol):
    """What the run itself must do."""

    async def replace_target(self, endpoint: Endpoint) -> None:
        """Use another server as the target."""

    def begin_again(self) -> None:
        """End the run, and let another one follow."""


def _group(name: str, saved_filters: int, *, cacheable: bool) -> str:
    return "real-time" if not cacheable else "filtered" if saved_filters else "dashboard"


def _default_query_mix() -> str:
    shares = dict.fromkeys(_GROUPS, 0.0)
    for kind in QUERY_KINDS:
        shares[_group(kind.name, kind.saved_filters, cacheable=kind.cacheable)] += kind.share
    return "/".join(f"{100 * share:g}" for share in shares.values())


def slot_shares(mix: str) -> list[float]:
    """The share of each of `SLOTS` when the groups dashboard, filtered, real-time have those of a mix."""
    wanted = dict(zip(_GROUPS, parse_mix(mix, len(_GROUPS)), strict=True))
    usual = dict(zip(_GROUPS, parse_mix(_default_query_mix(), len(_GROUPS)), strict=True))
    groups = [_group(slot.kind.name, slot.kind.saved_filters, cacheable=slot.kind.cacheable) for slot in SLOTS]
    return [slot.share * wanted[group] / usual[group] for slot, group in zip(SLOTS, groups, strict=True)]


class LocalRunControls:
    """The controls of a run.

    Args:
        view: of the run.
        control: of the workers.
        migrations: of the run.
        host: the run itself.
    """

    def __init__(self, view: RunView, control: FleetControl, migrations: Migrations, host: Host) -> None:
        self._view = view
        self._control = control
        self._migrations = migrations
        self._host = host
        self._moving = ""
        self._query_mix = _default_query_mix()
        self._event_mix = "/".join(f"{100 * kind.share:g}" for kind in EVENT_TYPES)

    def status(self) -> told.RunStatus:
        """See `RunControls`."""
        view, control = self._view, self._control
        route = control.route
        servers: dict[str, Server] = {}
        if view.servers is not None:
            for site in (view.servers.source, view.servers.target):
                identity = site.identity
                servers[site.role] = Server(
                    product=identity.product, version=identity.version, address=str(site.endpoint)
                )
        last = view.timeline.rows[-1] if view.timeline.rows else None
        return told.RunStatus(
            stage=str(view.stage),
            phase=control.phase or None,
            route=told.Route(
                reads=route.reads,
                writes="both" if route.mirror else route.writes,
                truth=control.truth or route.writes,
                moving=control.moving,
                confirmed=not control.astray,
            ),
            frozen=control.frozen,
            servers=servers,
            rates=told.LastRates(
                queries_per_second=last.queries_ok if last else None,
                events_per_second=last.events_ok if last else None,
            ),
            migration=migration_document(view.records[-1]) if view.records else None,
        )

    def load(self) -> told.Load:
        """See `RunControls`."""
        queries, events = self._view.rates
        return told.Load(
            queries_per_second=queries,
            events_per_second=events,
            query_mix=self._query_mix,
            event_mix=self._event_mix,
        )

    def _needs_load(self) -> None:
        if self._view.stage != Stage.RUNNING:
            raise ConflictError(f"The load is not running (the run is {self._view.stage}).")

    async def change(self, change: LoadChange) -> told.Load:
        """See `RunControls`."""
        self._needs_load()
        queries, events = self._view.rates
        queries = queries if change.queries_per_second is None else change.queries_per_second
        events = events if change.events_per_second is None else change.events_per_second
        slots = None if change.query_mix is None else slot_shares(change.query_mix)
        types = None if change.event_mix is None else parse_mix(change.event_mix, len(EVENT_TYPES))
        # Until all have confirmed it, and where one does not, some drive the old load and some the new one.
        before = self._view.rates
        self._view.least_rates.append((monotonic(), min(before[0], queries), min(before[1], events)))
        if slots is not None or types is not None:
            self._view.mixes_changed.append(monotonic())
        try:
            await self._control.set_load(lambda number: SetLoad(number, queries, events, slots, types))
        except MigrationError as error:
            raise ConflictError(str(error)) from None
        _log.info("the load was changed", queries_per_second=queries, events_per_second=events)
        self._view.rates = (queries, events)
        self._view.least_rates.append((monotonic(), queries, events))
        self._query_mix = change.query_mix or self._query_mix
        self._event_mix = change.event_mix or self._event_mix
        return self.load()

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """Refuse others that move the application meanwhile, since each rests on where it is."""
        if self._moving:
            raise ConflictError(f"{self._moving} is under way; try again once it is over.")
        self._moving = what
        try:
            yield
        finally:
            self._moving = ""

    async def switch(self, options: SwitchOptions) -> told.RunStatus:
        """See `RunControls`."""
        self._needs_load()
        with self._alone("A switch"):
            return await self._switch(options)

    async def _switch(self, options: SwitchOptions) -> told.RunStatus:
        if self._view.migration_going_on:
            raise ConflictError("A migration is under way; wait for its end, or roll it back.")
        control = self._control
        try:
            to: Role
            if options.to in ROLES:
                to = "source" if options.to == "source" else "target"
            else:
                to = "target"
                await self._host.replace_target(Endpoint.parse(options.to))
            both = options.reads == options.writes
            route = Route(
                reads=to if both or options.reads else control.route.reads,
                writes=to if both or options.writes else control.route.writes,
            )
            freeze = options.freeze == "client" and route.writes != control.route.writes
            if freeze:
                await control.freeze(monotonic() + options.freeze_bound)
            await control.clear_truth()
            await control.set_route(route, options.rollout, thaw=freeze)
        except MigrationError as error:
            why = str(error)
            if control.frozen:
                try:
                    await control.thaw()
                except MigrationError as another:
                    why = f"{why} {another}"
            raise ConfigurationError(why) from None
        _log.info("the application was switched", reads=route.reads, writes=route.writes)
        if self._view.records and self._view.records[-1].ended:
            # Whoever reads the report finds the whole run's ledger beside a verdict that knows nothing of this.
            self._view.records[-1].migration.context.warnings.append(
                f"After the verdict the application was switched by hand (reads to {route.reads}, writes to "
                f"{route.writes}): what that lost is in the ledger, and not in the verdict."
            )
        return self.status()

    async def start_migration(self, options: MigrationOptions) -> Migration:
        """See `RunControls`."""
        self._needs_load()
        with self._alone("The start of a migration"):
            return migration_document(await self._migrations.start(options))

    def migrations(self) -> list[told.MigrationSoFar]:
        """See `RunControls`."""
        view = self._view
        firsts = [record.first_segment for record in view.records]
        phases = [
            [
                told.BegunPhase(name=segment.phase, started_at=iso(view.clock.at(segment.began_seconds)))
                for segment in view.segments()[first:end]
            ]
            for first, end in pairwise([*firsts, None])
        ]
        return [
            told.MigrationSoFar(**msgspec.structs.asdict(migration_document(record)), phases=each)
            for record, each in zip(view.records, phases, strict=True)
        ]

    async def rollback(self) -> Migration:
        """See `RunControls`."""
        return migration_document(await self._migrations.rollback("a person asked for it"))

    def go_back(self) -> Migration:
        """See `RunControls`."""
        return migration_document(self._migrations.go_back())

    async def verdict_so_far(self, *, read_counters: bool = True) -> Verdict | None:
        """See `RunControls`."""
        found = await self._migrations.judging.verdict_so_far(read_counters=read_counters)
        return verdict_document(found)

    def reset(self) -> told.RunStatus:
        """See `RunControls`."""
        self._needs_load()
        self._host.begin_again()
        return self.status()

    def timeline(self) -> Sequence[Row]:
        """See `RunControls`."""
        return self._view.timeline.rows[:]
