"""From what was recorded to phases, downtime, recovery and the verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Outcome, Tally
from redis_rehearsal.fleet.timeline import Row
from redis_rehearsal.migration.options import Limits
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.downtime import Downtime, Gap, downtime
from redis_rehearsal.verification.recovery import Measures, Recovery, recovery
from redis_rehearsal.verification.verdict import Criterion, Status, Verdict, at_most, bounded, judge

LEAST_P99_LIMIT_SECONDS: Final = 0.05
P99_FACTOR: Final = 5.0
BASELINE_SHARE: Final = 0.5
"""A baseline with stretches of downtime above this share of the limit is none to judge shorter ones by."""
_SATURATED: Final = "the generator itself was the bottleneck; lower the rates, or give it more workers"
_WORKER_LOST: Final = "a worker of the load ended by itself, and what it saw in its last second is not known"
_AFTER_BASELINE: Final = (Phase.PREPARE, Phase.SYNC, Phase.CUTOVER, Phase.RECOVERY, Phase.ROLLED_BACK, Phase.FAILED)
_COUNTERS: Final = "some counters could not be compared"


@dataclass(frozen=True, slots=True)
class KeyComparison:
    """The two servers, key by key, after the load.

    Attributes:
        keys_compared: how many.
        counts: of those that differ for no reason that is known, by class: missing, extra, type, value, ttl.
        benign: how many differ for a good reason.
        error: why they could not be compared; empty where they could.
        unreadable: what of them could not; empty where all could.
    """

    keys_compared: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    benign: int = 0
    error: str = ""
    unreadable: str = ""

    @property
    def unexplained(self) -> int:
        """How many keys differ for no reason that is known."""
        return sum(self.counts.values())

    def and_then(self, later: "KeyComparison") -> "KeyComparison":
        """This one and a later one of the same servers, together."""
        return KeyComparison(
            self.keys_compared + later.keys_compared,
            {kind: self.counts.get(kind, 0) + count for kind, count in later.counts.items()} or self.counts,
            self.benign + later.benign,
            self.error or later.error,
            self.unreadable or later.unreadable,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict rests on.

    Attributes:
        limits: what is allowed.
        status: of the migration: done, failed, rolled-back.
        reason: why it is not done.
        unseen: whether there was nothing to see.
        broken: what of the run itself broke; empty where nothing did.
        phases: name, number of the segment, and when it began, on the monotonic clock.
        ended_seconds: when nothing more was due.
        queries: tallies by number of the segment.
        events: tallies by number of the segment.
        rows: the timeline.
        began_seconds: when the load began.
        query_gaps: stretches without an ok query.
        event_gaps: stretches without an ok event.
        baseline_seconds: when the baseline began and ended.
        cutovers: when each cutover began and ended.
        audit: the ledger held against the servers.
        checks: what the checks of answers found since the baseline began.
        saturated: whether the generator itself was the bottleneck.
        workers_lost: workers that ended by themselves.
        query_rate: queries due in a second, of the worker with the fewest.
        event_rate: events due in a second, of the worker with the fewest.
        source_cpu_ratio: share of a core that the source used while it was migrated; None where it was not seen.
        comparison: of the two servers; None where there was none to be made.
    """

    limits: Limits
    status: str
    reason: str
    unseen: bool
    phases: Sequence[tuple[str, int, float]]
    ended_seconds: float
    queries: Mapping[int, Tally]
    events: Mapping[int, Tally]
    rows: Sequence[Row]
    began_seconds: float
    query_gaps: Sequence[Gap]
    event_gaps: Sequence[Gap]
    baseline_seconds: tuple[float, float]
    cutovers: Sequence[tuple[float, float | None]]
    audit: Audit
    checks: Checks
    saturated: bool
    workers_lost: int
    query_rate: float
    event_rate: float
    source_cpu_ratio: float | None
    comparison: KeyComparison | None = None
    broken: str = ""


@dataclass(slots=True)
class PhaseFigures:
    """A phase, all stretches of the name that follow one another together.

    Attributes:
        name: of it.
        began_seconds: on the monotonic clock.
        ended_seconds: on the monotonic clock.
        queries: due in it.
        events: due in it.
        database_queries_per_second: of the whole seconds in it; None where there is none.
    """

    name: str
    began_seconds: float
    ended_seconds: float
    queries: Tally = field(default_factory=Tally)
    events: Tally = field(default_factory=Tally)
    database_queries_per_second: float | None = None

    @property
    def duration_seconds(self) -> float:
        """How long it lasted."""
        return max(0.0, self.ended_seconds - self.began_seconds)


@dataclass(frozen=True, slots=True)
class Impact:
    """The worst seconds after the baseline.

    Attributes:
        lowest_hit_ratio: of a second; None where nothing was asked.
        highest_database_queries_per_second: of a second.
        source_cpu_ratio: share of a core that the source used from the baseline's end to the cutover's; None where it
            was not seen.
    """

    lowest_hit_ratio: float | None
    highest_database_queries_per_second: int
    source_cpu_ratio: float | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What came of a migration."""

    phases: list[PhaseFigures]
    impact: Impact
    comparison: KeyComparison | None
    query_downtime: Downtime
    event_downtime: Downtime
    recovery: Recovery
    verdict: Verdict


def phase_figures(
    phases: Sequence[tuple[str, int, float]],
    ended_seconds: float,
    queries: Mapping[int, Tally],
    events: Mapping[int, Tally],
    rows: Sequence[Row],
    began_seconds: float,
) -> list[PhaseFigures]:
    """The phases with what was due in each; arguments as the attributes of `Evidence`."""
    found: list[PhaseFigures] = []
    for place, (name, segment, at) in enumerate(phases):
        following = phases[place + 1 :]
        end = min(following[0][2] if following else ended_seconds, ended_seconds)
        if not (found and found[-1].name == name):
            found.append(PhaseFigures(name, at, at))
        phase = found[-1]
        phase.ended_seconds = max(phase.began_seconds, end)
        for tally, tallies in ((phase.queries, queries), (phase.events, events)):
            if segment in tallies:
                tally.merge(tallies[segment])
    for phase in found:
        # A short one has no whole second: those that are labelled with it are the nearest there is.
        within = _rows_within(rows, began_seconds, phase.began_seconds, phase.ended_seconds) or [
            row for row in rows if row.phase == phase.name
        ]
        if within:
            phase.database_queries_per_second = sum(row.database_queries for row in within) / len(within)
    return found


def _rows_within(rows: Sequence[Row], began_seconds: float, from_seconds: float, to_seconds: float) -> list[Row]:
    """The whole seconds between two times."""
    return [
        row
        for row in rows
        if began_seconds + row.second >= from_seconds - 1e-6 and began_seconds + row.second + 1 <= to_seconds + 1e-6
    ]


def _impact(evidence: Evidence) -> Impact:
    after = [row for row in evidence.rows if evidence.began_seconds + row.second >= evidence.baseline_seconds[1]]
    ratios = [row.hit_ratio for row in after if row.hit_ratio is not None]
    return Impact(
        min(ratios, default=None),
        max((row.database_queries for row in after), default=0),
        evidence.source_cpu_ratio,
    )


def _measures(row: Row) -> Measures:
    answered = row.hits + row.misses
    not_ok = row.queries_failed + row.queries_unknown + row.queries_shed
    not_ok += row.events_failed + row.events_unknown + row.events_shed
    return {
        "p99": row.query_response_p99,
        "misses": row.misses / answered if answered else None,
        "database_queries": float(row.database_queries),
        "failed": float(not_ok),
    }


def _recovery(evidence: Evidence) -> Recovery:
    if not evidence.cutovers:
        nothing: dict[str, float | None] = dict.fromkeys(("p99", "misses", "database_queries", "failed"))
        return Recovery(None, nothing, "there was no cutover")
    baseline = _rows_within(evidence.rows, evidence.began_seconds, *evidence.baseline_seconds)
    found = []
    for place, (began, _) in enumerate(evidence.cutovers):
        # Until the next one begins, or the load ends, which cuts its last second off.
        following = evidence.cutovers[place + 1 : place + 2]
        until = min([evidence.ended_seconds, *(start for start, _ in following)])
        first = evidence.began_seconds + int(began - evidence.began_seconds)
        after = _rows_within(evidence.rows, evidence.began_seconds, first, until + 1e-3)
        found.append(recovery([_measures(row) for row in baseline], [_measures(row) for row in after]))
    # The slowest one counts, and one that was not seen to end above all.
    return max(found, key=lambda each: float("inf") if each.seconds is None else each.seconds)


def _downtime(evidence: Evidence, gaps: Sequence[Gap], rate: float, limit: float) -> Downtime:
    began, changed = evidence.baseline_seconds
    mean_gap = 1.0 / rate if rate > 0 else float("inf")
    return downtime(gaps, began, changed, evidence.ended_seconds, mean_gap, limit)


def assess(evidence: Evidence) -> Assessment:
    """Judge a migration."""
    limits = evidence.limits
    phases = phase_figures(
        evidence.phases,
        evidence.ended_seconds,
        evidence.queries,
        evidence.events,
        evidence.rows,
        evidence.began_seconds,
    )
    queries = _downtime(evidence, evidence.query_gaps, evidence.query_rate, limits.max_query_downtime)
    events = _downtime(evidence, evidence.event_gaps, evidence.event_rate, limits.max_event_downtime)
    recovered = _recovery(evidence)
    criteria = [
        _migration(evidence),
        *_counts(evidence),
        *_whole(evidence),
        *_structures(evidence),
        *_comparison(evidence),
        *_failures(evidence, phases),
        _down("query_downtime", limits.max_query_downtime, queries, evidence),
        _down("event_downtime", limits.max_event_downtime, events, evidence),
        _cutover_p99(evidence, phases),
        _recovered(evidence, recovered),
    ]
    return Assessment(phases, _impact(evidence), evidence.comparison, queries, events, recovered, judge(criteria))


def _migration(evidence: Evidence) -> Criterion:
    done = evidence.status == "done"
    if done and evidence.cutovers:
        return Criterion("migration", None, None, Status.PASSED, "")
    status = Status.UNKNOWN if evidence.unseen else Status.FAILED
    return Criterion("migration", None, None, status, "", evidence.reason or "it did not come to its end")


def _counts(evidence: Evidence) -> list[Criterion]:
    limits, result, checks = evidence.limits, evidence.audit.result, evidence.checks
    error = evidence.audit.error
    read = not error
    reason = f"the counters could not be read: {error}" if error else _COUNTERS
    bounded_above = read and not result.unverified_counters
    found = [
        bounded(name, limit, least if read else None, most if bounded_above else None, reason=reason, failed=failed)
        for name, limit, least, most, failed in (
            ("lost", limits.max_lost, result.lost, result.lost_at_most, "acknowledged and missing"),
            (
                "duplicated",
                limits.max_duplicated,
                result.duplicated,
                result.duplicated_at_most,
                "counted more often than sent",
            ),
            (
                "stranded",
                limits.max_stranded,
                result.stranded,
                result.stranded_at_most,
                "acknowledged by the old server after it had stopped being the truth",
            ),
        )
    ]
    unless = _WORKER_LOST if evidence.workers_lost else ""
    wrong = checks.wrong + checks.stale + checks.resurrected + checks.misplaced
    for name, limit, count, checked, failed in (
        (
            "wrong_reports",
            limits.max_wrong_reports,
            wrong,
            checks.reports_checked,
            (
                f"{checks.wrong:,} wrong, {checks.stale:,} stale, {checks.resurrected:,} back from the dead, "
                f"{checks.misplaced:,} overwritten by something else"
            ),
        ),
        (
            "counter_regressions",
            limits.max_counter_regressions,
            checks.counter_regressions,
            checks.counters_checked,
            "counters were read lower than what had been acknowledged",
        ),
    ):
        # What was seen stands, whoever did not see more.
        unseen = "" if count > limit else unless
        measured = float(count) if checked or count else None
        found.append(
            at_most(name, limit, measured, "count", unless=unseen, unmeasured="no answer was checked", failed=failed)
        )
    return found


def _whole(evidence: Evidence) -> list[Criterion]:
    """What broke beside the migration leaves figures that prove nothing."""
    return [Criterion("run", None, None, Status.UNKNOWN, "", evidence.broken)] if evidence.broken else []


def _structures(evidence: Evidence) -> list[Criterion]:
    audit = evidence.audit
    if not audit.structures:
        return []
    results = audit.structures.values()
    least = sum(result.lost + result.duplicated + result.stranded for result in results)
    most = sum(result.lost_at_most + result.duplicated_at_most + result.stranded_at_most for result in results)
    sure = not audit.error and not any(result.unverified_counters for result in results)
    named = ", ".join(
        f"{result.lost + result.duplicated + result.stranded:,} of {name}"
        for name, result in audit.structures.items()
        if result.lost or result.duplicated or result.stranded
    )
    return [
        bounded(
            "structures",
            evidence.limits.max_wrong_elements,
            None if audit.error else least,
            most if sure else None,
            reason=f"the structures could not be read: {audit.error}" if audit.error else _COUNTERS,
            failed=f"elements of live structures lost, duplicated or stranded: {named}",
        )
    ]


def _comparison(evidence: Evidence) -> list[Criterion]:
    found = evidence.comparison
    if found is None:
        return []
    named = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items() if count)
    return [
        at_most(
            "comparison",
            evidence.limits.max_unexplained,
            None if found.error else float(found.unexplained),
            "count",
            unless="" if found.unexplained > evidence.limits.max_unexplained else found.unreadable,
            unmeasured=f"the servers could not be compared: {found.error}",
            failed=f"keys differ for no reason that is known: {named}",
        )
    ]


def _failures(evidence: Evidence, phases: Sequence[PhaseFigures]) -> list[Criterion]:
    found = []
    for kind, limit in (("queries", evidence.limits.max_failed_queries), ("events", evidence.limits.max_failed_events)):
        whole = Tally()
        for phase in phases:
            if phase.name in _AFTER_BASELINE:
                whole.merge(getattr(phase, kind))
        not_ok = whole.outcomes[Outcome.FAILED] + whole.outcomes[Outcome.UNKNOWN] + whole.outcomes[Outcome.SHED]
        ratio = not_ok / whole.offered if whole.offered else None
        unless = _WORKER_LOST if evidence.workers_lost and (ratio or 0.0) <= limit else ""
        if evidence.saturated and whole.outcomes[Outcome.SHED]:
            unless = unless or _SATURATED
        found.append(
            at_most(
                f"failed_{kind}",
                limit,
                ratio,
                "ratio",
                unless=unless,
                unmeasured=f"no {kind} were due",
                failed=f"{not_ok:,} of {whole.offered:,} were not ok",
            )
        )
    return found


def _on_time(evidence: Evidence) -> str:
    if evidence.workers_lost:
        return _WORKER_LOST
    return _SATURATED if evidence.saturated else ""


def _down(name: str, limit: float, found: Downtime, evidence: Evidence) -> Criterion:
    kind = name.partition("_")[0]
    # What is shorter than the baseline's own stretches cannot be told from them.
    unless = ""
    if (found.longest_seconds or 0.0) <= limit:
        if found.baseline_seconds > BASELINE_SHARE * limit:
            unless = f"the baseline itself had {found.baseline_seconds:.3f} s without an answer"
        elif found.unfinished:
            unless = "it was still down when the load ended"
    return at_most(
        name,
        limit,
        found.longest_seconds,
        "seconds",
        unless=_on_time(evidence) or unless,
        unmeasured="operations come too rarely to tell downtime from waiting for one; raise the rate or the limit",
        failed=f"no {kind} was answered for that long",
    )


def _p99(tally: Tally) -> float | None:
    return tally.response.quantile(0.99)


def _cutover_p99(evidence: Evidence, phases: Sequence[PhaseFigures]) -> Criterion:
    baseline = next((phase for phase in phases if phase.name == Phase.BASELINE), None)
    usual = _p99(baseline.queries) if baseline else None
    limit = evidence.limits.max_cutover_p99
    derived = limit is None
    if limit is None and usual is not None:
        limit = max(LEAST_P99_LIMIT_SECONDS, P99_FACTOR * usual)
    cutover = Tally()
    before = ""
    for name, segment, _ in evidence.phases:
        # The first segment of a recovery is the 5 s after its cutover.
        counts = name == Phase.CUTOVER or (name == Phase.RECOVERY and before != Phase.RECOVERY)
        if counts and segment in evidence.queries:
            cutover.merge(evidence.queries[segment])
        before = name
    measured = _p99(cutover) if evidence.cutovers else None
    why = "no query was answered in the cutover" if evidence.cutovers else "there was no cutover"
    unless = ""
    if derived and usual is not None and usual > LEAST_P99_LIMIT_SECONDS and (measured or 0.0) <= (limit or 0.0):
        unless = f"the baseline itself had a p99 of {usual:.3f} s"
    return at_most(
        "cutover_p99",
        limit,
        measured,
        "seconds",
        unless=_on_time(evidence) or unless,
        unmeasured=why if limit is not None else "there was no baseline",
        failed="queries due in the cutover and 5 s after it were slow",
    )


def _recovered(evidence: Evidence, found: Recovery) -> Criterion:
    return at_most(
        "recovery",
        evidence.limits.max_recovery,
        found.seconds,
        "seconds",
        unless=_on_time(evidence),
        unmeasured=found.reason,
        failed="it took too long until all was as in the baseline",
    )
