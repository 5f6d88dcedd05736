"""The migrations of a run: beginning them, feeding them, and their ends."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from redis_rehearsal.cache.route import Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.coordinator.comparing import AfterCutover, Audits, compare_servers
from redis_rehearsal.coordinator.equipment import Equipment
from redis_rehearsal.coordinator.judging import Judging, as_it_is, is_to_be_compared
from redis_rehearsal.coordinator.left_server import LeftServers, Look
from redis_rehearsal.errors import ConflictError
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.assessment.assess import Assessment, assess
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.migration import Migration
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import CUTOVER_TAIL_SECONDS
from redis_rehearsal.migration.reached import Watch
from redis_rehearsal.migration.record import Record
from redis_rehearsal.migration.strategies import carrying
from redis_rehearsal.migration.strategy import Carries
from redis_rehearsal.report.files import REPORTS, write_reports
from redis_rehearsal.report.run_data import RunData
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.view.run_view import RunView, Stage
from redis_rehearsal.workload.events import INVALIDATING_TYPES

_log = structlog.get_logger()

_ROWS_SECONDS: Final = 2.5
"""By then every second until now has been reported."""
_ROWS_LATE_SECONDS: Final = 3.0
"""Event rows that wait are of the last seconds, unless there are more of them than so many seconds have."""
_ROWS_CHANCE: Final = 50
_SWITCHED: Final = Cause.SWITCHED.because()


class Migrations:
    """The migrations of a run, one at a time.

    Args:
        view: of the run; gets the records.
        control: of the workers.
        equipment: the servers.
        audit: holds the ledger against the servers, now.
        quieten: stops what the platform does of itself.
        least_share: of the load, of the worker with the least.
        watch: knows which servers answer.

    Attributes:
        judging: what is known of them.
    """

    def __init__(
        self,
        view: RunView,
        control: FleetControl,
        equipment: Equipment,
        audit: Callable[[], Awaitable[Audit]],
        quieten: Callable[[], None],
        least_share: float,
        watch: Watch,
    ) -> None:
        self._watch = watch
        self._view = view
        self._control = control
        self._equipment = equipment
        self._audit = audit
        self._quieten = quieten
        self.judging = Judging(view, control, audit, least_share, watch)
        self._task: asyncio.Task[None] | None = None
        self._writing: asyncio.Future[dict[str, OSError]] | None = None
        self._left = self._left_servers()

    def require_ready(self) -> None:
        """See that a migration may begin.

        Raises:
            ConflictError: one is under way, or the application is not on the source.
        """
        control = self._control
        if self._view.migration_going_on:
            raise ConflictError("A migration is under way; wait for its end, or roll it back.")
        if control.moving or control.astray or control.route != Route("source", "source"):
            raise ConflictError(
                "The application is not on the source, where every migration begins; let the run begin again from a "
                "fresh state (redis-rehearsal reset), or switch it back (redis-rehearsal switch --to source), which "
                "leaves behind what was written elsewhere."
            )

    def begin(self, options: MigrationOptions) -> Record:
        """Make ready for a migration.

        Raises:
            ConflictError: one is under way, the load is not running, or the application is not on the source.
        """
        view, control = self._view, self._control
        if view.stage != Stage.RUNNING or view.directory is None:
            raise ConflictError(f"The load is not running (the run is {view.stage}).")
        self.require_ready()
        sites = self._equipment.sites
        context = Context(
            options,
            control,
            sites.source,
            sites.target,
            self._equipment.keys,
            view.directory,
            view.settings.organizations,
            view.began_seconds,
            view.timeline.rows,
            self._watch,
            self._equipment.journal,
        )
        record = Record(
            Migration(context, self._quieten, self._compare, self.judging.recovery_so_far),
            copy.copy(view.totals.counts.queries.checks),
            len(control.segments),
        )
        if not options.compare:
            context.warnings.append("The two servers are not compared key by key (--no-compare).")
        if control.phase == "baseline":
            record.first_segment -= 1
        view.records.append(record)
        self.judging.forget()
        self._left = self._left_servers()
        return record

    async def start(self, options: MigrationOptions) -> Record:
        """Begin one while the load goes on, and do it in the background.

        Raises:
            ConflictError: one is under way, the load is not running, the application is not on the source, or the
                ledger shows already that something is wrong, which would be put down to this one.
        """
        self.require_ready()
        unsure = _unsure_before(await self._audit())
        record = self.begin(options)
        if unsure:
            record.migration.context.warnings.append(
                f"{unsure:,} writes or counters of before this migration are unknown; what depends on them stays so."
            )
        self._task = asyncio.create_task(self._run(record))
        return record

    async def _run(self, record: Record) -> None:
        try:
            await record.migration.run()
            ended = monotonic()
            await asyncio.sleep(_ROWS_SECONDS)
            # The load goes on, and what is counted reaches until the last second that was reported.
            ended = max(ended, self._view.seen_seconds)
            audit = await self._audit()
            # What comparing costs, and what is counted meanwhile, is not the migration's.
            evidence = as_it_is(self.judging.evidence(record, audit, ended, None, ""))
            self._conclude(record, replace(evidence, comparison=await self._compare_live(record, audit)))
        finally:
            record.ended = True
        await self._leave_report()

    async def _leave_report(self) -> None:
        """Leave the report of the run so far; it is written anew when the run ends."""
        directory = self._view.directory
        if directory is None:
            return
        # Not in the loop, which has workers to listen to.
        self._writing = asyncio.ensure_future(asyncio.to_thread(write_reports, RunData.of(self._view), directory))
        failed = await asyncio.shield(self._writing)
        for name, error in failed.items():
            _log.warning(f"{name} could not be written", error=str(error))
        if REPORTS[0] not in failed:
            _log.info(f"the report is {directory / REPORTS[0]}")

    def on_row(self, row: Row, p99_at_least_seconds: float | None) -> None:
        """Show the migration a second of live traffic; see `Migration.on_row`."""
        if self._view.migration_going_on:
            record = self._view.records[-1]
            record.migration.on_row(row, p99_at_least_seconds)
            self._look_behind(record)

    def _look_behind(self, record: Record) -> None:
        """See what the server that was left holds, so that what others write to it is noticed."""
        migration = record.migration
        cutovers = migration.context.cutovers
        place, ended = len(cutovers), cutovers[-1][1] if cutovers else None
        if ended is not None and is_to_be_compared(migration.context.options):
            context = migration.way_back if place > 1 and migration.way_back else migration.context
            self._left.look_when_due(place, ended, monotonic(), context.source.endpoint, context.keys)

    async def compare(self, record: Record, audit: Audit, *, live: bool = False) -> KeyComparison | None:
        """Compare the two servers key by key, after the migration.

        Args:
            record: of the migration.
            audit: the ledger held against the servers.
            live: whether the load goes on.

        Returns:
            What it came to; None where there is nothing to compare, or it was not wanted.
        """
        migration = record.migration
        last = migration.way_back or migration.context
        if migration.status != "done" or not is_to_be_compared(migration.context.options) or audit.error:
            # What was seen before a way back that did not come about still counts.
            return migration.comparison

        async def known() -> Audit:
            return audit

        moved_to = Route(last.target.role, last.target.role)
        found = KeyComparison(error=_SWITCHED)
        if self._control.route == moved_to:
            found = await self._compare(last, self._audit if live else known)
            if live and self._control.route != moved_to:
                found = KeyComparison(error=_SWITCHED)
        return found if migration.comparison is None else migration.comparison.and_then(found)

    async def _compare_live(self, record: Record, audit: Audit) -> KeyComparison | None:
        migration = record.migration
        if migration.status != "done" or not is_to_be_compared(migration.context.options):
            return migration.comparison
        async with migration.context.step("compare the servers") as step:
            found = await self.compare(record, audit, live=True)
            if found is not None:
                step.detail = f"{found.keys_compared:,} keys, {found.unexplained:,} differ for no reason that is known"
                step.detail = found.error or step.detail
        return found

    async def _compare(self, context: Context, audit: Audits | None = None) -> KeyComparison:
        view, database = self._view, self._equipment.database
        settings = view.settings

        async def deleted_since(unix_seconds: float) -> tuple[set[int], bool]:
            found = await database.organizations_with(INVALIDATING_TYPES, unix_seconds)
            return found, self._rows_are_there(unix_seconds)

        after = AfterCutover(
            context.keys,
            view.clock.at(context.cutovers[-1][0]),
            settings.time_bucket_seconds,
            settings.time_buckets,
            context.options.max_ttl_drift,
            settings.operation_timeout,
            {(key, at) for key, role, at in view.totals.counts.late_stores if role == context.target.role},
        )
        source, target = context.source.endpoint, context.target.endpoint
        called = context.source.role, context.target.role

        async def left_with() -> Look | None:
            found = await (audit or self._audit)()
            late = found.result.unknown or found.result.stranded_at_most or found.error
            late = late or any(each.unknown or each.stranded_at_most for each in found.structures.values())
            return await self._left.before(len(context.cutovers), source, context.keys, ours_were_late=bool(late))

        # What was copied lacks nothing that replication alone does not carry, whatever the two did before.
        strange = carrying(Carries.SERVER, Carries.ELSEWHERE)
        copied = context.options.strategy not in strange and context.target.role == "target"
        return await compare_servers(
            source,
            target,
            context.keys,
            after,
            audit or self._audit,
            deleted_since,
            called,
            left_with,
            replicated=False if copied else None,
        )

    def _rows_are_there(self, since_seconds: float) -> bool:
        """Whether the database has all event rows since a Unix time, but for those of the last seconds."""
        view, seconds = self._view, self._view.settings.time_bucket_seconds
        kept_since = (view.clock.now() // seconds - view.settings.time_buckets) * seconds
        waiting = sum(snapshot.rows_buffered for snapshot in view.totals.latest.values())
        in_time = waiting <= _ROWS_LATE_SECONDS * view.rates[1] + _ROWS_CHANCE
        return not view.totals.counts.rows.dropped and since_seconds // seconds * seconds >= kept_since and in_time

    def _left_servers(self) -> LeftServers:
        return LeftServers(CUTOVER_TAIL_SECONDS + self._view.settings.operation_timeout)

    def judge(
        self,
        record: Record,
        audit: Audit,
        ended_seconds: float,
        comparison: KeyComparison | None = None,
        broken: str = "",
    ) -> Assessment:
        """Give the verdict; arguments as of `Judging.evidence`."""
        return self._conclude(record, self.judging.evidence(record, audit, ended_seconds, comparison, broken))

    @staticmethod
    def _conclude(record: Record, evidence: Evidence) -> Assessment:
        record.audit = evidence.audit
        record.ended_seconds = evidence.ended_seconds
        record.assessment = assess(evidence)
        _log.info(
            "the verdict",
            status=str(record.assessment.verdict.status),
            strategy=record.migration.context.options.strategy,
        )
        return record.assessment

    async def rollback(self, reason: str) -> Record:
        """End the migration that is under way and return to the source; wait for its verdict.

        Raises:
            ConflictError: none is.
        """
        if not self._view.migration_going_on or self._view.records[-1].migration.status != "running":
            raise ConflictError("No migration is under way.")
        record = self._view.records[-1]
        record.migration.interrupt(reason)
        while not record.ended:  # noqa: ASYNC110 # nobody signals it
            await asyncio.sleep(0.05)
        return record

    def go_back(self) -> Record:
        """End the observation of the migration that is under way, and return with what was written meanwhile.

        Raises:
            ConflictError: none is, or it is not watched on the target.
        """
        if not self._view.migration_going_on:
            raise ConflictError("No migration is under way.")
        record = self._view.records[-1]
        record.migration.go_back()
        return record

    async def close(self) -> None:
        """End what is under way: the run ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._writing is not None:
            # A thread cannot be called back, and must not write over what is written at the end.
            await asyncio.wait({self._writing})


def _unsure_before(audit: Audit) -> int:
    """How many writes and counters are unknown before a migration begins.

    Raises:
        ConflictError: the ledger shows already that something is wrong, or cannot be held against the servers.
    """
    if audit.error:
        raise ConflictError(
            f"The ledger cannot be held against the servers now ({audit.error}), so that it is not known what was "
            "wrong before this migration; try again."
        )
    accounts = [audit.result, *audit.structures.values()]
    wrong = {
        name: sum(getattr(account, name) for account in accounts)
        for name in ("lost", "duplicated", "stranded", "disordered")
    }
    # Of what is missing it may not be known whether it is lost or stranded.
    untold = sum(account.missing for account in accounts) - wrong["lost"] - wrong["stranded"]
    wrong["missing"] = max(0, untold)
    if any(wrong.values()):
        listed = ", ".join(f"{count:,} {name}" for name, count in wrong.items() if count)
        raise ConflictError(
            f"The ledger shows {listed} writes from before this migration, which its verdict would be blamed "
            "for; begin again from a fresh state (reset) first."
        )
    return sum(account.unknown + account.unverified_counters for account in accounts)
