"""One migration from its baseline to its end, whatever becomes of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, Literal

import structlog

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.route import Route
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import (
    ConflictError,
    MigrationError,
    NamelessServerError,
    NothingSeenError,
    ServerRefusedError,
)
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.abort import parse_condition
from redis_rehearsal.migration.assessment.evidence import KeyComparison
from redis_rehearsal.migration.assessment.reasons import SATURATED
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preflight.look import Plan, preflight, stands_in_the_way
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.migration.strategies.running.copy import return_with_data
from redis_rehearsal.migration.strategies.running.replicate import return_by_replication, why_not_return
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason
from redis_rehearsal.verification.recovery import ALL_STALLED, SHORT_BASELINE, STEADY_SECONDS, Recovery

_log = structlog.get_logger()

_ROLLED_BACK_SECONDS: Final = 5.0
"""For so long the load goes on after a return to the source, so that its effect is seen."""
_SOURCE: Final = Route("source", "source")

_WATCHED: Final = (Phase.PREPARE, Phase.SYNC, Phase.CUTOVER, Phase.RECOVERY)
_LOOK_SECONDS: Final = 0.5
_LONGEST_STEADY_SECONDS: Final = 10.0
"""So long at most, and no longer than --observe, all must have been as before when the observation ends."""

Compare = Callable[[Context], Awaitable[KeyComparison]]
"""Compares the servers of a migration key by key, after its cutover."""

Status = Literal["running", "done", "failed", "rolled-back"]


class _InterruptedError(Exception):
    """Somebody, or a condition, ends the migration."""


class Migration:
    """A migration of the live application.

    Args:
        context: what its strategy works with.
        quieten: stops what the platform does of itself, before anything is migrated.
        compare: compares the servers after a cutover, given what the migration works with.
        recovery_so_far: how long after its latest cutover all was as before, as far as is known.

    Attributes:
        context: the same.
        status: how far it is.
        reason: why it failed or was rolled back; empty where it did not.
        unseen: why it failed for want of anything to see, which proves nothing; empty where it did not.
        comparison: of the servers before the way back, which makes them the same; None where there was none.
        way_back: what the way back works with, once it was begun.
        source_cpu_ratio: share of a core that the source used meanwhile; None where it was not seen.
        baseline_seconds: when the baseline began and ended, on the monotonic clock.
    """

    def __init__(
        self,
        context: Context,
        quieten: Callable[[], None],
        compare: Compare,
        recovery_so_far: Callable[[], Recovery],
    ) -> None:
        self._compare = compare
        self._recovery_so_far = recovery_so_far
        self.comparison: KeyComparison | None = None
        self.context = context
        self.status: Status = "running"
        self.reason = ""
        self.unseen: Reason = NO_REASON
        self.baseline_seconds = (0.0, 0.0)
        self.way_back: Context | None = None
        self.source_cpu_ratio: float | None = None
        self._quieten = quieten
        self._conditions = [parse_condition(text) for text in context.options.abort_if]
        self._back = asyncio.Event()
        self._interrupt: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def goes_back(self) -> bool:
        """Whether it returns to the source after the observation, with what was written meanwhile."""
        return self.context.options.then == "rollback" or self._back.is_set()

    def go_back(self) -> None:
        """End the observation, and return to the source with what was written meanwhile.

        Raises:
            ConflictError: it is not watched on the target, or goes back already.
        """
        if self._back.is_set():
            raise ConflictError("The migration is on its way back already.")
        strategy = STRATEGIES[self.context.options.strategy]
        if not strategy.switches:
            raise ConflictError(f"With {strategy.name} something else moves the application, there and back.")
        if strategy.no_return:
            raise ConflictError(f"With {strategy.name} there is no way back: {strategy.no_return}.")
        if self.status != "running" or self.context.app.phase != Phase.RECOVERY:
            raise ConflictError("The way back can begin once the application is on the target and is watched there.")
        self._back.set()

    def interrupt(self, reason: str) -> None:
        """End it, and return to the source."""
        if not self._interrupt.done():
            self._interrupt.set_result(reason)

    def on_row(self, row: Row, p99_at_least_seconds: float | None) -> None:
        """Look at a second of live traffic: it may be hurt too much.

        Args:
            row: of the second.
            p99_at_least_seconds: of its queries, without what the generator's own stalls may explain; None for none.
        """
        # A second of before it may be told late.
        if self.status != "running" or row.phase not in _WATCHED:
            return
        ended = row.queries_ok + row.events_ok
        not_ok = row.queries_failed + row.queries_unknown + row.queries_shed
        not_ok += row.events_failed + row.events_unknown + row.events_shed
        ratio = not_ok / (ended + not_ok) if ended + not_ok else 0.0
        for condition in self._conditions:
            if condition.holds(p99_at_least_seconds, ratio):
                p99 = "no query answered" if p99_at_least_seconds is None else f"p99 {p99_at_least_seconds:.3f} s"
                self.interrupt(f"--abort-if {condition.text} held in second {row.second}: {p99}, {ratio:.2%} failed")

    async def run(self) -> None:
        """Do all of it; what came of it stands in the attributes. Does not raise for what goes wrong with servers."""
        context = self.context
        try:
            await self._unless_interrupted(self._baseline())
            await self._unless_interrupted(self._migrate())
            await self._unless_interrupted(self._observe())
            if self.goes_back:
                self._back.set()
                await self._unless_interrupted(self._go_back())
                await self._unless_interrupted(self._observe())
            self.status = "done"
            await context.phase(Phase.DONE)
        except _InterruptedError as error:
            await self._return(str(error))
        except MigrationError as error:
            await self._fail(error)
        except CLIENT_ERRORS as error:
            await self._fail(MigrationError(f"A server failed: {str(error) or type(error).__name__}."))
        finally:
            context.forget_cutovers()
            await context.undo()
            for warning in context.warnings:
                _log.warning(warning)

    async def _unless_interrupted(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        try:
            waiting: list[asyncio.Future[Any]] = [task, self._interrupt]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _end(task)
            raise
        if task.done():
            task.result()
            return
        await _end(task)
        raise _InterruptedError(self._interrupt.result())

    async def _baseline(self) -> None:
        app = self.context.app
        if app.truth is not None and app.truth == app.route.writes:
            # An earlier migration promoted it; of this one the truth is where the writes go.
            await app.clear_truth()
        began = monotonic() if app.phase == Phase.BASELINE else await self.context.phase(Phase.BASELINE)
        if app.segments[-1].phase == Phase.BASELINE:
            began = app.segments[-1].began_seconds
        # Also where it is ended in it: what was before is none of its own.
        self.baseline_seconds = (began, began)
        await asyncio.sleep(max(0.0, began + self.context.options.baseline - monotonic()))
        self.baseline_seconds = (began, began)
        self._quieten()
        self.baseline_seconds = (began, await self.context.phase(Phase.PREPARE))

    async def _source_cpu(self) -> float | None:
        """Processor time that the source has used since it started, in seconds."""
        try:
            info = await self.context.source.info("cpu")
            return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])
        except (*CLIENT_ERRORS, KeyError):
            return None

    async def _migrate(self) -> None:
        began, before = monotonic(), await self._source_cpu()
        try:
            await self._do()
        finally:
            after = await self._source_cpu()
            if before is not None and after is not None and after >= before:
                self.source_cpu_ratio = (after - before) / max(1e-3, monotonic() - began)

    async def _look_first(self) -> None:
        """See that nothing stands in the way, before anything is touched.

        Raises:
            MigrationError: something does, and it was not said to go on all the same.
        """
        context, options = self.context, self.context.options
        plan = Plan(
            strategy=options.strategy,
            freeze=options.freeze,
            allow_server_wide=options.allow_server_wide,
            clear_target=options.clear_target,
            key_prefix=context.keys.prefix,
            pool_size=0,  # the load has all that it needs
            ours=frozenset(server.role for server in (context.source, context.target) if server.embedded),
            copy_method=options.copy_method,
        )
        async with context.step("preflight") as step:
            try:
                findings = await preflight(context.source.endpoint, context.target.endpoint, plan)
            except ServerRefusedError as error:
                raise MigrationError(str(error)) from None
            warnings = [finding.name for finding in findings if finding.level == "warning"]
            blockers = stands_in_the_way(findings, options.strategy)
            if blockers and not options.force:
                sentences = " ".join(f"{finding.sentence} {finding.advice}" for finding in blockers)
                raise MigrationError(f"{sentences} Nothing was touched; --force goes on all the same.")
            named = f" ({', '.join(warnings)})" if warnings else ""
            step.detail = (
                f"{len(findings):,} checks, {len(warnings):,} warnings{named}, {len(blockers):,} blockers passed over"
            )

    async def _do(self) -> None:
        strategy = STRATEGIES[self.context.options.strategy]
        if strategy.switches:
            await self._look_first()
        async with self.context.step("check") as step:
            await strategy.check(self.context)
            step.detail = f"{strategy.name}: {strategy.summary}"
        await strategy.run(self.context)

    async def _go_back(self) -> None:
        """The way back, with what was written on the target meanwhile."""
        context = self.context
        # It makes the source as the target is: what the target lacks would be gone from both, and nobody would know.
        async with context.step("compare before the way back") as step:
            found = self.comparison = await self._compare(context)
            step.detail = f"{found.keys_compared:,} keys, {found.unexplained:,} differ for no reason that is known"
        why: str = found.error or found.doubts
        if found.unexplained > context.options.max_unexplained:
            why = why or step.detail
        if found.not_carried.things > context.options.max_not_carried:
            why = why or f"{found.not_carried.things:,} things that the source has the target cannot hold"
        if why:
            raise MigrationError(
                f"The way back was not begun, since it would make the source as the target is: {why}. "
                "The application is on the target."
            )
        # What fenced the source is in the way now.
        await context.undo()
        async with context.step("make the source the truth again"):
            await context.app.clear_truth()
        # What there is to tell so far is shared; how far it is, and how long writes were held, is its own.
        back = replace(context, source=context.target, target=context.source, freeze_seconds=None, carried=None)
        self.way_back = back
        async with context.step("choose the way back") as step:
            reason = await why_not_return(back)
            step.detail = f"copy, since it cannot replicate: {reason}" if reason else "replicate"
        await (return_with_data if reason else return_by_replication)(back)

    async def _observe(self) -> None:
        began = await self.context.phase(Phase.RECOVERY)
        if not await self._wants_back(began + self.context.options.observe):
            await self._until_recovered()

    async def _wants_back(self, until_seconds: float) -> bool:
        """Let time go by; whether somebody wants the way back to begin at once."""
        if self.way_back is not None:
            await asyncio.sleep(max(0.0, until_seconds - monotonic()))
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until_seconds - monotonic())):
                await self._back.wait()
        return self._back.is_set()

    async def _until_recovered(self) -> None:
        """Go on watching until it is known whether the recovery is within its limit."""
        context = self.context
        options = context.options
        if not context.cutovers:
            return
        began = context.cutovers[-1][0]
        steady = max(STEADY_SECONDS, min(options.observe, _LONGEST_STEADY_SECONDS))
        # Until then it is known even of what recovers in the last moment that is allowed.
        until = began + options.max_recovery + steady + 1
        while monotonic() < until:
            found = self._recovery_so_far()
            # Nothing that is seen later makes up for these.
            if found.reason in (SHORT_BASELINE, ALL_STALLED, SATURATED):
                return
            if found.at_least_seconds > options.max_recovery:
                return
            # Three good seconds may be chance where every second is as likely to be bad, and such three come to pass
            # sooner or later for who waits for them.
            if found.at_most_seconds is not None and monotonic() >= began + found.at_most_seconds + steady:
                return
            if await self._wants_back(monotonic() + _LOOK_SECONDS):
                return

    async def _fail(self, error: MigrationError) -> None:
        self.reason = str(error)
        if isinstance(error, NothingSeenError):
            cause = Cause.SERVER_NAMELESS if isinstance(error, NamelessServerError) else Cause.NOTHING_MOVED
            self.unseen = cause.because(sentence=self.reason)
        app = self.context.app
        await self._let_go()
        stays = app.route.writes == "source" and app.truth is None
        if app.astray or (stays and app.route != _SOURCE):
            # The source has all that was ever acknowledged: neither a mirror nor reads elsewhere are of use now.
            await self._see_to("The application", app.set_route(_SOURCE if stays else app.route))
        if (app.route != _SOURCE or app.astray) and self.context.options.rollback_on_fail:
            await self._return(self.reason)
            return
        self.status = "failed"
        await self.context.phase(Phase.FAILED)
        _log.error("the migration failed", reason=self.reason, application_on=self.context.app.route.writes)

    async def _let_go(self) -> None:
        """End what a strategy may have left in the application, each by itself."""
        app = self.context.app
        await asyncio.gather(
            self._see_to("The fallback", app.set_fallback(None)), self._see_to("Held writes", app.release(None))
        )

    async def _see_to(self, what: str, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except MigrationError as error:
            self.context.warnings.append(f"{what} could not be set right after the failure: {error}")

    async def _return(self, reason: str) -> None:
        """Return to the source, whatever state things are in."""
        context, app = self.context, self.context.app
        self.reason = reason
        _log.warning("the migration is rolled back", reason=reason)
        # First of all the source must take writes again.
        await context.undo()
        await self._let_go()
        try:
            async with context.step("return to the source") as step:
                if app.route == _SOURCE and not (app.moving or app.astray) and app.truth is None:
                    step.detail = "the application had not left it"
                else:
                    await self._move_back()
                    step.detail = "reads and writes go to the source; what was written to the target stays there"
        except MigrationError as error:
            self.status = "failed"
            self.reason = f"{reason} The return to the source failed too: {error}"
            await context.phase(Phase.FAILED)
            return
        self.status = "rolled-back"
        await context.phase(Phase.ROLLED_BACK)
        await asyncio.sleep(min(_ROLLED_BACK_SECONDS, context.options.observe))

    async def _move_back(self) -> None:
        app = self.context.app
        # Where the target does not answer any more, what is on its way to it will not end.
        with contextlib.suppress(MigrationError):
            await app.freeze(monotonic() + self.context.options.freeze_bound)
        # Who confirms the route has done this before.
        with contextlib.suppress(MigrationError):
            await app.clear_truth()
        await app.set_route(_SOURCE, thaw=True)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, MigrationError, *CLIENT_ERRORS):
        await task
