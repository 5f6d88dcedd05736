"""What to do about a criterion that failed or is unknown."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.verdict import Criterion
from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.migration.criteria import GENERATOR as GENERATOR_NAME
from redis_rehearsal.migration.criterion import DeclaredCriterion, Explanation, Kind
from redis_rehearsal.migration.remedies import MEND
from redis_rehearsal.migration.strategies import STRATEGIES, using
from redis_rehearsal.verification.reasons import Cause

GENERATOR: Final = "leave the machine to the rehearsal, lower the rates, or add WORKERS."

_FREEZE: Final = "hold writes back in the cutover: --freeze client."
_OTHERWISE: Final = "see what docs/reading-the-verdict.md says of it by its reason, and rehearse again."

_OTHER_MACHINE: Final = (
    "use a machine that does nothing else, or lower the rates (--queries-per-second, --events-per-second)."
)
_QUIET_MACHINE: Final = "find out why servers or machine stood still without a migration, or use a quieter machine"
_SAY_WHO: Final = "give the user of REDIS_URL the permission +info, so that the servers say who they are."
_WAIT: Final = "nothing yet: it is known once the migration has ended."
_KEEP_READABLE: Final = "see that both servers can be read until the run has ended, and rehearse again."
_REPLIES: Final = (
    "find out what kept replies back, or ended connections (`failures` in run.json, the servers' logs), and rehearse "
    "again."
)

_BY_CAUSE: Final[Mapping[Cause, str]] = {
    Cause.GENERATOR_SATURATED: GENERATOR,
    Cause.GENERATOR_STALLED: _OTHER_MACHINE,
    Cause.BASELINE_STALLED: f"{_OTHER_MACHINE} Or set the limit yourself: {{limit}}.",
    Cause.BASELINE_ALL_STALLED: _OTHER_MACHINE,
    Cause.WORKER_LOST: "find out from the log why a worker ended (was it short of memory?), and rehearse again.",
    Cause.NO_BASELINE: "let there be {kind} in the baseline ({rate}) and lengthen it (--baseline), or set the limit "
    "yourself: {limit}.",
    Cause.BASELINE_SHORT: "lengthen the baseline: --baseline.",
    Cause.BASELINE_DOWN: f"{_QUIET_MACHINE}.",
    Cause.BASELINE_SLOW: f"{_QUIET_MACHINE}; where such a latency is usual, set the limit yourself: {{limit}}.",
    Cause.NONE_DUE: "drive {kind}: {rate}.",
    Cause.NONE_ANSWERED: "see first why no {kind} were ok (`failed_{kind}`, the servers' logs of that moment).",
    Cause.TOO_RARE: "raise {rate}, so that downtime can be told from waiting, or the limit: {limit}.",
    Cause.NO_REPORT_CHECKED: "let hits be checked: VALIDATION_SAMPLE_RATE=1, and a cache that queries hit.",
    Cause.NO_COUNTER_CHECKED: "drive more queries (--queries-per-second), or raise the share of real-time ones "
    "(set --query-mix), so that counters are read.",
    Cause.UNANSWERED: "watch for longer, so that what is on its way is answered or has failed: --observe, or a shorter "
    "OPERATION_TIMEOUT.",
    Cause.STILL_DOWN: "watch for longer, so that it is known when it ended: --observe.",
    Cause.LOAD_CHANGED: "leave the load as it is from the baseline to the verdict.",
    Cause.NOT_RECOVERED: "let the run go on until it is known, as it does where nothing ends it: a longer --duration.",
    Cause.ENDED_EARLY: "let the migration end before the run does: a longer --duration.",
    Cause.UNDER_WAY: _WAIT,
    Cause.COMPARED_LATER: _WAIT,
    Cause.COUNTED_LATER: _WAIT,
    Cause.NO_CUTOVER: "see why the migration did not come to its cutover: the criterion `migration` says it.",
    Cause.RUN_BROKE: MEND,
    Cause.JUDGE_BROKE: "mend the package that it is from, or uninstall it.",
    Cause.NOTHING_MOVED: "let the endpoint move while the rehearsal watches, or watch for longer: --observe.",
    Cause.SERVER_NAMELESS: _SAY_WHO,
    Cause.SERVERS_MIXED: "give an address behind which one server answers at a time: a proxy that spreads commands "
    "over several cannot be observed.",
    Cause.MOVED_AGAIN: "let the endpoint move once only, and rest until the run has ended, or watch for longer: "
    "--observe.",
    Cause.COUNTERS_UNREAD: _KEEP_READABLE,
    Cause.COUNTERS_NOT_COMPARED: "see that the servers can be read from the first write on, and counters outlive the "
    "run (TIME_BUCKETS), and rehearse again.",
    Cause.OUTCOME_UNKNOWN: _REPLIES,
    Cause.ELEMENTS_FORGOTTEN: f"{_REPLIES} Fewer events a second (--events-per-second) leave more of them remembered.",
    Cause.SERVERS_UNREAD: _KEEP_READABLE,
    Cause.SWITCHED: "leave the application on the server that it was moved to until the comparison is over.",
    Cause.TYPES_UNREADABLE: "give both servers the commands of these types (the same modules, and users that may use "
    "them), or compare these keys in another way.",
    Cause.DELETIONS_UNKNOWN: "find out why the database took no more event rows, or lower --events-per-second.",
    Cause.TWO_WRITERS: "find out who else writes on the server that was left, and end it: what they write is not on "
    "the other one.",
    Cause.KEPT_CHANGING: "find out who else writes under the prefix on both servers and let it rest meanwhile, or what "
    "makes them slow to read.",
    Cause.MAYBE_EVICTED: "give both servers room for all keys (maxmemory), or set maxmemory-policy noeviction.",
    Cause.WRITERS_UNKNOWN: "let the server that was left be there, and be read, until the run has ended.",
    Cause.NO_KEY: "see that KEY_PREFIX is the application's, and that the load fills the cache.",
}
"""What made it unknown says more than which criterion it is, of which come `kind`, `rate` and `limit`."""
_OF_SERVERS: Final = frozenset(
    {
        Cause.BASELINE_DOWN,
        Cause.NONE_ANSWERED,
        Cause.UNANSWERED,
        Cause.STILL_DOWN,
        Cause.NOT_RECOVERED,
        Cause.COUNTERS_UNREAD,
        Cause.COUNTERS_NOT_COMPARED,
        Cause.OUTCOME_UNKNOWN,
        Cause.ELEMENTS_FORGOTTEN,
        Cause.SERVERS_UNREAD,
    }
)
"""What happened to a server explains these."""
_LEFT_OUT: Final = "let the final pass follow while writes are held: leave out --no-final-pass."


@dataclass(frozen=True, slots=True)
class Seen:
    """What the document says of what happened to the servers, which explains more than the strategy does.

    Attributes:
        restarted: the servers that were started anew, by role.
        evicted: keys that servers evicted, by role; without those that evicted none.
        final_pass: whether a final pass ran; None where the strategy has none.
    """

    restarted: tuple[str, ...] = ()
    evicted: Mapping[str, int] = field(default_factory=dict)
    final_pass: bool | None = None

    @classmethod
    def of(cls, document: RunDocument) -> "Seen":
        """From a run's document."""
        found = {"source": document.servers.source, "target": document.servers.target}
        migration = document.migration
        steps = {step.name for step in migration.steps} if migration else set()
        passes = migration is not None and migration.strategy in using("final_pass")
        return cls(
            tuple(role for role, server in found.items() if server and server.restarts),
            {role: server.evicted_keys for role, server in found.items() if server and server.evicted_keys},
            "final pass" in steps if passes and "freeze" in steps else None,
        )


_NOTHING_SEEN: Final = Seen()


def _by_what_was_seen(criterion: DeclaredCriterion, seen: Seen) -> str:
    """What to do about what happened to a server; empty where nothing did that explains this."""
    if seen.restarted and Explanation.RESTART in criterion.explained_by:
        servers = " and ".join(f"the {role}" for role in seen.restarted)
        found = f"find out from its log why {servers} was started anew meanwhile"
        return f"{found}, and let it keep its data on disk (appendonly)." if criterion.about == "data" else f"{found}."
    if seen.evicted and Explanation.EVICTION in criterion.explained_by:
        servers = " and ".join(f"the {role} evicted {count:,} keys" for role, count in seen.evicted.items())
        return f"{servers} for want of memory: raise its maxmemory, or set maxmemory-policy noeviction."
    return ""


def causes_of(criterion: Criterion) -> tuple[Cause, ...]:
    """What a document's criterion is unknown for; none where the document is older than that, or damaged."""
    return tuple(cause for cause in Cause if cause in criterion.causes)


def _by_cause(criterion: DeclaredCriterion | None, cause: Cause) -> str:
    if criterion is None:
        return _said(cause, "queries", "max_…")
    return criterion.advice_by_cause.get(cause) or _said(cause, criterion.kind, criterion.limit_name or "max_…")


def _said(cause: Cause, kind: Kind, limit: str) -> str:
    return _BY_CAUSE[cause].format(kind=kind, rate=f"--{kind}-per-second", limit=f"--{limit.replace('_', '-')}")


def advise(
    criterion: str,
    status: str,
    strategy: str,
    freeze: str,
    causes: Collection[Cause] = (),
    seen: Seen = _NOTHING_SEEN,
) -> str:
    """What to do about a criterion.

    Args:
        criterion: its name.
        status: `failed` or `unknown`.
        strategy: of the migration.
        freeze: who held writes back.
        causes: what it is unknown for.
        seen: what happened to the servers.
    """
    if criterion == GENERATOR_NAME:
        return GENERATOR
    # A saved document may have one of a package that is not installed any more.
    declared = CRITERIA.get(criterion)
    explained = status == "failed" or _OF_SERVERS.issuperset(causes)
    if declared and explained and (found := _by_what_was_seen(declared, seen)):
        return found
    if status != "failed":
        first, *others = dict.fromkeys(_by_cause(declared, cause) for cause in causes) or [_OTHERWISE]
        return " ".join([first, *(each[:1].upper() + each[1:] for each in others)])
    if declared is None:
        return _OTHERWISE
    if seen.final_pass is False and Explanation.NO_FINAL_PASS in declared.explained_by:
        return _LEFT_OUT
    used = STRATEGIES.get(strategy)
    # With a strategy that copies, a missing freeze explains more than the strategy does.
    without_freeze = freeze == "none" and (used is None or used.whole_by_freeze)
    if without_freeze and Explanation.NO_FREEZE in declared.explained_by:
        return _FREEZE
    return (used.advice.get(criterion) if used else None) or declared.advice
