"""What a verdict rests on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.engine.outcome import Tally
from redis_rehearsal.engine.stalls import Gap
from redis_rehearsal.fleet.row import Row, Segment
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.not_carried import NotCarried
from redis_rehearsal.verification.rates import Rates
from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason


@dataclass(frozen=True, slots=True)
class KeyComparison:
    """The two servers, key by key, after the load.

    Attributes:
        keys_compared: how many.
        counts: of those that differ for no reason that is known, by class: missing, extra, type, value, ttl.
        benign_reasons: how many differ for a good reason, by reason.
        drift: of the times to live of keys that are the same in all else.
        unsettled: how many kept changing on both servers, or took too long to read: nothing can be said of them.
        evicted: how many differed when they were seen last, and may have been evicted since.
        written_behind: how many somebody wrote to on the server that was left, where nobody of ours writes any more.
        error: why they could not be compared; empty where they could.
        unreadable: what of them could not; empty where all could.
        not_carried: what the target cannot hold.
        notes: what was not compared, since no copy can carry it.
    """

    keys_compared: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    benign_reasons: Mapping[str, int] = field(default_factory=dict)
    drift: Drift = field(default_factory=Drift)
    unsettled: int = 0
    evicted: int = 0
    written_behind: int = 0
    error: Reason = NO_REASON
    unreadable: Reason = NO_REASON
    not_carried: NotCarried = field(default_factory=NotCarried)
    notes: Sequence[str] = ()

    @property
    def unexplained(self) -> int:
        """How many keys differ for no reason that is known."""
        return sum(self.counts.values())

    @property
    def benign(self) -> int:
        """How many keys differ for a good reason."""
        return sum(self.benign_reasons.values())

    @property
    def doubts(self) -> Reason:
        """Why it proves nothing that no difference was found; empty where it does."""
        found = [self.unreadable]
        if self.written_behind:
            found.append(Cause.TWO_WRITERS.because(keys=_keys(self.written_behind)))
        if self.unsettled:
            found.append(Cause.KEPT_CHANGING.because(keys=_keys(self.unsettled)))
        if self.evicted:
            found.append(Cause.MAYBE_EVICTED.because(keys=_keys(self.evicted)))
        if not self.keys_compared:
            found.append(Cause.NO_KEY.because())
        return Reason.joined(found)

    def and_then(self, later: "KeyComparison") -> "KeyComparison":
        """This one and a later one of the same servers, together."""
        drift = Drift()
        for part in (self, later):
            drift.merge(part.drift)
        return KeyComparison(
            self.keys_compared + later.keys_compared,
            {kind: self.counts.get(kind, 0) + count for kind, count in later.counts.items()} or self.counts,
            Counter(self.benign_reasons) + Counter(later.benign_reasons),
            drift,
            self.unsettled + later.unsettled,
            self.evicted + later.evicted,
            self.written_behind + later.written_behind,
            self.error or later.error,
            self.unreadable or later.unreadable,
            self.not_carried.and_then(later.not_carried),
            tuple(dict.fromkeys((*self.notes, *later.notes))),
        )


def _keys(count: int) -> str:
    return f"{count:,} {'key' if count == 1 else 'keys'}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict rests on.

    Attributes:
        limits: what is allowed.
        status: of the migration: done, failed, rolled-back.
        reason: why it is not done.
        unseen: why there was nothing to see; empty where there was.
        broken: what of the run itself broke; empty where nothing did.
        segments: of the migration, in order.
        ended_seconds: when nothing more was due.
        queries: tallies by number of the segment.
        events: tallies by number of the segment.
        rows: the timeline.
        began_seconds: when the load began.
        query_gaps: stretches without an ok query, those that go on included.
        event_gaps: stretches without an ok event, those that go on included.
        stalls: stretches in which the generator itself stood still, as start and end on the monotonic clock.
        unattributed: why it is not known which server answered what, where that decides; empty where it is.
        replica: the address to which the application writes, where new connections to it reach a replica; else
            empty.
        held_seconds: for how long each freeze held writes, in the order of the cutovers.
        baseline_seconds: when the baseline began and ended.
        cutovers: when each cutover began and ended.
        audit: the ledger held against the servers.
        checks: what the checks of answers found since the baseline began.
        saturated: whether the generator itself was the bottleneck.
        workers_lost: workers that ended by themselves.
        query_rates: at which queries were due, of the worker with the fewest.
        event_rates: at which events were due, of the worker with the fewest.
        mixes_changed: when it was changed what is asked or what happens, on the monotonic clock.
        source_cpu_ratio: share of a core that the source used while it was migrated; None where it was not seen.
        comparison: of the two servers; None where there was none to be made.
        not_carried: what the target could not hold of what the strategy carried; None where it carried no keys.
        strategy: the name of the strategy.
    """

    limits: Limits
    status: str
    reason: str
    unseen: Reason
    segments: Sequence[Segment]
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
    query_rates: Rates
    event_rates: Rates
    source_cpu_ratio: float | None
    comparison: KeyComparison | None = None
    broken: str = ""
    stalls: Sequence[tuple[float, float]] = ()
    held_seconds: Sequence[float] = ()
    unattributed: Reason = NO_REASON
    replica: str = ""
    not_carried: NotCarried | None = None
    mixes_changed: Sequence[float] = ()
    strategy: str = ""
