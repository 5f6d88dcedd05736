"""Judging the migrations of a run: what is known of one, and what its verdict would be if it ended now."""

import copy
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from redis_rehearsal.clock import monotonic
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.fleet.totals import saturated
from redis_rehearsal.migration.assessment.assess import assess, recovery_of
from redis_rehearsal.migration.assessment.evidence import Evidence, KeyComparison
from redis_rehearsal.migration.assessment.reasons import COMPARED_LATER, SATURATED
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.phases import CUTOVER_TAIL_SECONDS
from redis_rehearsal.migration.reached import Watch
from redis_rehearsal.migration.record import Record
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason
from redis_rehearsal.verification.recovery import Recovery
from redis_rehearsal.verification.verdict import Verdict
from redis_rehearsal.view.run_view import RunView

_SO_FAR_SECONDS: Final = 10.0
"""Reading all counters takes some 100 ms of processor time."""


class Judging:
    """What is known of the migrations of a run.

    Args:
        view: of the run.
        control: of the workers.
        audit: holds the ledger against the servers, now.
        least_share: of the load, of the worker with the least.
        watch: knows which servers answer.
    """

    def __init__(
        self,
        view: RunView,
        control: FleetControl,
        audit: Callable[[], Awaitable[Audit]],
        least_share: float,
        watch: Watch,
    ) -> None:
        self._view = view
        self._control = control
        self._audit = audit
        self._least_share = least_share
        self._watch = watch
        self._so_far: dict[bool, tuple[float, Verdict]] = {}

    def forget(self) -> None:
        """Another migration begins: what the verdict would have been is not its own."""
        self._so_far = {}

    def evidence(
        self, record: Record, audit: Audit, ended_seconds: float, comparison: KeyComparison | None, broken: str
    ) -> Evidence:
        """All that is known of a migration, of which its verdict is made.

        Args:
            record: of the migration.
            audit: the ledger held against the servers.
            ended_seconds: what came later is left out.
            comparison: of the two servers; None where there was none.
            broken: what of the run itself broke; empty where nothing did.
        """
        view, migration = self._view, record.migration
        totals = view.totals
        baseline = migration.baseline_seconds
        context, back = migration.context, migration.way_back
        truth = self._control.truth or self._control.route.writes
        query_gaps, event_gaps = totals.gaps_until(ended_seconds, max(ended_seconds, monotonic()))
        # As they are now, since some may yet be put anew.
        first = bisect_right(view.timeline.rows, baseline[0], key=lambda row: view.began_seconds + row.second + 1)
        rows = list(view.timeline.rows[first:])
        unseen = migration.unseen or self._broken_off(record)
        strategy = STRATEGIES[context.options.strategy]
        return Evidence(
            limits=migration.context.options,
            status=migration.status,
            reason=migration.reason or view.trouble or unseen,
            unseen=unseen,
            segments=self._control.segments[record.first_segment :],
            ended_seconds=ended_seconds,
            queries=totals.counts.recorded_queries.tallies,
            events=totals.counts.recorded_events.tallies,
            rows=rows,
            began_seconds=view.began_seconds,
            query_gaps=query_gaps,
            event_gaps=event_gaps,
            stalls=totals.counts.generator.stalls,
            held_seconds=[held_seconds(each.freeze_seconds, each.options) for each in (context, back) if each],
            baseline_seconds=baseline,
            cutovers=migration.context.cutovers,
            audit=audit,
            checks=totals.counts.queries.checks.since(record.checks_before),
            saturated=saturated([row.generator_saturated for row in rows]),
            workers_lost=view.workers_lost,
            query_rates=Rates(tuple((at, queries * self._least_share) for at, queries, _ in view.least_rates)),
            mixes_changed=tuple(view.mixes_changed),
            event_rates=Rates(tuple((at, events * self._least_share) for at, _, events in view.least_rates)),
            source_cpu_ratio=migration.source_cpu_ratio,
            comparison=comparison,
            broken=broken,
            unattributed=self._unattributed(ended_seconds) if not strategy.switches else NO_REASON,
            replica=view.address(truth) if self._watch.reached.is_replica(truth) else "",
            not_carried=(migration.way_back or migration.context).not_carried,
            strategy=strategy.name,
        )

    def _broken_off(self, record: Record) -> Reason:
        """Who or what ended a migration before its end, which says nothing of it; empty where it came to one."""
        if record.migration.status != "running":
            return NO_REASON
        reason, trouble = record.migration.reason, self._view.trouble
        if trouble:
            return Cause.RUN_BROKE.because(sentence=reason or trouble)
        ended = Cause.ENDED_EARLY.because()
        return ended.detailed(reason) if reason else ended

    def _unattributed(self, ended_seconds: float) -> Reason:
        """Why it is not known which server behind the source's address answered what; empty where it is."""
        totals, reached = self._view.totals, self._watch.reached
        if "source" in totals.mixed:
            return Cause.SERVERS_MIXED.because(
                how="on one connection a server answered again after another one had, as behind a proxy"
            )
        if "source" in totals.silent:
            return Cause.SERVER_NAMELESS.because(sentence="a server did not say who it is")
        eras = reached.eras.get("source")
        if eras is not None and len(eras.eras) > 1 and eras.eras[-1].sure_seconds > ended_seconds:
            return Cause.MOVED_AGAIN.because()
        return reached.unknown("source")

    async def verdict_so_far(self, *, read_counters: bool = True) -> Verdict | None:
        """What the verdict would be if the migration that is under way ended now; None where none is.

        Args:
            read_counters: whether they may be read for it, and then only once a cutover is over; they are as they were
                at most `_SO_FAR_SECONDS` ago.
        """
        if not self._view.migration_going_on or not self._view.records[-1].migration.baseline_seconds[1]:
            return None
        record, now = self._view.records[-1], monotonic()
        judged_seconds, verdict = self._so_far.get(read_counters, (0.0, None))
        if verdict is None or now - judged_seconds > _SO_FAR_SECONDS:
            if verdict is not None:
                # Who asks meanwhile gets the last one.
                self._so_far[read_counters] = now, verdict
            audit = Audit(error=Cause.COUNTED_LATER.because())
            if read_counters and self._is_past(record, now):
                audit = await self._audit()
            evidence = self.evidence(record, audit, now, self._comparison_so_far(record), "")
            under_way = Cause.UNDER_WAY.because()
            unseen, reason = evidence.unseen and under_way, evidence.reason and under_way
            verdict = assess(replace(evidence, unseen=unseen, reason=reason)).verdict
            self._so_far[read_counters] = now, verdict
        return verdict

    def recovery_so_far(self) -> Recovery:
        """From the latest cutover of the migration that is under way."""
        record = self._view.records[-1]
        evidence = self.evidence(record, Audit(), monotonic(), None, "")
        if evidence.saturated:
            return Recovery(0.0, None, {}, SATURATED)
        return recovery_of(replace(evidence, cutovers=evidence.cutovers[-1:]))

    @staticmethod
    def _comparison_so_far(record: Record) -> KeyComparison | None:
        migration = record.migration
        if migration.status not in ("running", "done") or not is_to_be_compared(migration.context.options):
            return migration.comparison
        later = KeyComparison(error=COMPARED_LATER)
        return later if migration.comparison is None else migration.comparison.and_then(later)

    @staticmethod
    def _is_past(record: Record, now_seconds: float) -> bool:
        """Whether what is measured of a cutover is over: reading all counters would be seen in it."""
        cutovers = record.migration.context.cutovers
        ended = cutovers[-1][1] if cutovers else None
        back = record.migration.goes_back and len(cutovers) < 2
        return ended is not None and now_seconds > ended + CUTOVER_TAIL_SECONDS and not back


def is_to_be_compared(options: MigrationOptions) -> bool:
    """Whether the two servers are compared key by key after a migration."""
    # What moves by itself leaves no second server that is known.
    return options.compare and STRATEGIES[options.strategy].switches


def held_seconds(freeze_seconds: float | None, options: MigrationOptions) -> float:
    """For how long a freeze held the writes of a tenant, on average.

    A source that is paused holds those only that have not moved: half of them, in the mean of a rollout.
    """
    lasted = freeze_seconds or 0.0
    return lasted - min(lasted, options.rollout) / 2 if options.freeze == "server" else lasted


def as_it_is(evidence: Evidence) -> Evidence:
    """Evidence to which nothing is added any more, whatever the load does."""
    return replace(
        evidence,
        queries=copy.deepcopy(evidence.queries),
        events=copy.deepcopy(evidence.events),
        query_gaps=[*evidence.query_gaps],
        event_gaps=[*evidence.event_gaps],
    )
