"""What to do about a criterion that failed or is unknown."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.verdict import Criterion
from redis_rehearsal.verification.criterion_names import CRITERIA, about
from redis_rehearsal.verification.reasons import Cause

GENERATOR: Final = "leave the machine to the rehearsal, lower the rates, or add WORKERS."

_FREEZE: Final = "hold writes back in the cutover: --freeze client."
_HURT: Final = "look at the phase in which it happened, and at the servers' own logs for that moment."
_CACHE: Final = "carry the cache over (replicate or copy), or give the database room for these queries."
_WHILE_COPYING: Final = (
    "let the strategy take less of the servers while it copies (--copy-rate), or copy at a quieter time."
)
_MEND: Final = "mend what broke, and rehearse again."
_LONG_CUTOVER: Final = "shorten what runs while writes are held: the steps say how long each took."

_FAILED: Final[dict[str, dict[str, str]]] = {
    "migration": {
        "replicate": "replicate needs an empty target that can read the source's RDB, and on a server of yours "
        "--allow-server-wide; copy works across versions too.",
        "external": "run the command by itself against these servers first; nothing else counts before it succeeds.",
        "observe": "begin the move of the endpoint while the rehearsal watches, or observe longer.",
        "": "read the reason and the steps; nothing else counts before the migration ends as done.",
    },
    "lost": {
        "cold": "cold copies nothing: use replicate or copy.",
        "fallback": "an INCR on a key not yet moved restarts at one: move counters by replicate or copy.",
        "copy": "see what else removes or changes keys on the servers: the final pass had carried what was there.",
        "external": "give the tool time to carry the last writes while they are held: --settle.",
        "observe": "the failover drops what was not replicated yet: ask its operator for a synchronous one.",
        "": "compare the worst counters on both servers, and hold writes until the target has them all.",
    },
    "duplicated": {
        "dual-write": "increments mirrored before the backfill are counted twice: backfill first, or use replicate.",
        "external": "the tool applies increments twice: let it copy values, not commands.",
        "": "find what writes to the target besides the application: a tool that was not ended, or a retry.",
    },
    "stranded": {
        "observe": "old connections still write to the old server: fence it, or end its connections.",
        "external": "fence the old server before the switch, or hold writes until the switch is done.",
        "": "fence the source in the cutover: --freeze server, or a shorter --rollout.",
    },
    "wrong_reports": {
        "cold": "the target held reports before the migration: clear it with --clear-target.",
        "": "carry deletions too: a copy that restores deleted reports must be repeated while writes are held.",
    },
    "counter_regressions": {
        "cold": "cold starts every counter at zero: use replicate or copy.",
        "fallback": "move counters before reads: use replicate or copy.",
        "": "switch reads only after the target has every acknowledged increment.",
    },
    "structures": {
        "cold": "cold copies nothing: use replicate or copy.",
        "": "as for lost and duplicated: hold writes until the target has them all.",
    },
    "comparison": {
        "cold": "cold copies nothing: use replicate or copy.",
        "external": "let the tool carry what is written while it runs, or hold writes until it has.",
        "": "see which keys, and what they have in common: redis-rehearsal compare --output differing.jsonl.",
    },
    "run": {"": _MEND},
    "ttl_drift": {
        "replicate": "what waits on its way from a Redis before 7.0 lives longer: shorten the first copy, or allow it "
        "(--max-ttl-drift).",
        "external": "let the tool carry until when a key lives (PEXPIREAT), not for how long, or allow it "
        "(--max-ttl-drift).",
        "": "see that both servers' clocks agree, and which keys: redis-rehearsal compare --output differing.jsonl.",
    },
    "not_carried": {
        "": "move to a server that can hold them, change what depends on them, or accept them: --max-not-carried.",
    },
    "failed_queries": {"": _HURT},
    "failed_events": {"": f"see `failures` in run.json for their reasons; {_HURT}"},
    "query_downtime": {
        "observe": "clients keep stale connections or names: shorten the DNS time to live, or end old connections.",
        "": "keep reads on the source until the target answers; a shorter cutover helps.",
    },
    "event_downtime": {
        "external": f"{_LONG_CUTOVER} A shorter --settle helps, if nothing is then lost.",
        "": _LONG_CUTOVER,
    },
    "cutover_p99": {
        "cold": _CACHE,
        "fallback": _CACHE,
        "": "move tenants over a period (--rollout), and look at what the target does besides.",
    },
    "event_cutover_p99": {"": "look at what the target does besides, and at its own latency for writes."},
    "sync_p99": {"": _WHILE_COPYING},
    "event_sync_p99": {"": _WHILE_COPYING},
    "sync_query_downtime": {"": _WHILE_COPYING},
    "sync_event_downtime": {"": _WHILE_COPYING},
    "recovery": {
        "cold": _CACHE,
        "": "see which measure came back last; warm the target before the switch if it is the misses.",
    },
}

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
    Cause.RUN_BROKE: _MEND,
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
_NEEDS_FREEZE: Final = frozenset({"lost", "stranded"})
_COPIES_NOTHING: Final = frozenset({"cold", "fallback", "observe"})
_LEFT_OUT: Final = "let the final pass follow while writes are held: leave out --no-final-pass."
_ABOUT_DATA: Final = about("data")
_ABOUT_TIME: Final = about("time")
_BY_VERSION_OR_WAY: Final = frozenset({"not_carried", "ttl_drift"})
"""What a server cannot hold, or was told late: neither room nor a restart nor another pass changes that."""
_WANTS_ROOM: Final = _ABOUT_DATA - {"duplicated", "stranded"} - _BY_VERSION_OR_WAY | {"recovery"}
_MISSES_DATA: Final = _WANTS_ROOM - {"recovery"}


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
        copied = migration is not None and migration.strategy == "copy"
        return cls(
            tuple(role for role, server in found.items() if server and server.restarts),
            {role: server.evicted_keys for role, server in found.items() if server and server.evicted_keys},
            "final pass" in steps if copied and "freeze" in steps else None,
        )


_NOTHING_SEEN: Final = Seen()


def _by_what_was_seen(criterion: str, seen: Seen) -> str:
    """What to do about what happened to a server; empty where nothing did that explains this."""
    if seen.restarted and criterion in (_ABOUT_DATA | _ABOUT_TIME) - _BY_VERSION_OR_WAY:
        servers = " and ".join(f"the {role}" for role in seen.restarted)
        found = f"find out from its log why {servers} was started anew meanwhile"
        return f"{found}, and let it keep its data on disk (appendonly)." if criterion in _ABOUT_DATA else f"{found}."
    if seen.evicted and criterion in _WANTS_ROOM:
        servers = " and ".join(f"the {role} evicted {count:,} keys" for role, count in seen.evicted.items())
        return f"{servers} for want of memory: raise its maxmemory, or set maxmemory-policy noeviction."
    return ""


def causes_of(criterion: Criterion) -> tuple[Cause, ...]:
    """What a document's criterion is unknown for; none where the document is older than that, or damaged."""
    return tuple(cause for cause in Cause if cause in criterion.causes)


def _by_cause(criterion: str, cause: Cause) -> str:
    declared = CRITERIA.get(criterion)
    kind = "events" if "event" in criterion else "queries"
    limit = declared.limit if declared and declared.limit else "max_…"
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
    if criterion == "generator":
        return GENERATOR
    explained = status == "failed" or _OF_SERVERS.issuperset(causes)
    if explained and (found := _by_what_was_seen(criterion, seen)):
        return found
    if status != "failed":
        first, *others = dict.fromkeys(_by_cause(criterion, cause) for cause in causes) or [_OTHERWISE]
        return " ".join([first, *(each[:1].upper() + each[1:] for each in others)])
    if seen.final_pass is False and criterion in _MISSES_DATA:
        return _LEFT_OUT
    # With a strategy that copies, a missing freeze explains more than the strategy does.
    if freeze == "none" and criterion in _NEEDS_FREEZE and strategy not in _COPIES_NOTHING:
        return _FREEZE
    by_strategy = _FAILED.get(criterion, {})
    return by_strategy.get(strategy, by_strategy.get("", _OTHERWISE))
