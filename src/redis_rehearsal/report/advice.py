"""What to do about a criterion that failed or is unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.migration.assessment.reasons import COMPARED_LATER, NO_CUTOVER, SATURATED, WORKER_LOST
from redis_rehearsal.report.reading import number, part, parts, words
from redis_rehearsal.verification.criterion_names import about
from redis_rehearsal.verification.recovery import SHORT_BASELINE

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

_UNKNOWN: Final = {
    "migration": "let the migration end before the run does: a longer --duration.",
    "lost": "the unknown writes and the counters that could not be compared decide it: rehearse again.",
    "duplicated": "the unknown writes and the counters that could not be compared decide it: rehearse again.",
    "stranded": "the unknown writes and the counters that could not be compared decide it: rehearse again.",
    "wrong_reports": "check more hits: VALIDATION_SAMPLE_RATE=1.",
    "counter_regressions": "raise the share of real-time queries, so that counters are read.",
    "structures": "the unknown writes and the structures that could not be read decide it: rehearse again.",
    "comparison": "see that both servers can be read and that nobody else writes under the prefix, and rehearse again.",
    "ttl_drift": "see that both servers can be read until the comparison has ended, and rehearse again.",
    "not_carried": "see that both servers can be read until the comparison has ended, and rehearse again.",
    "run": _MEND,
    "failed_queries": "drive queries: --queries-per-second.",
    "failed_events": "drive events: --events-per-second.",
    "query_downtime": "raise --queries-per-second, so that gaps can be told from silence, or lengthen --baseline.",
    "event_downtime": "raise --events-per-second, so that gaps can be told from silence, or lengthen --baseline.",
    "cutover_p99": "raise --queries-per-second, lengthen --baseline, and look at whether the generator kept up.",
    "event_cutover_p99": "raise --events-per-second, lengthen --baseline, and look at whether the generator kept up.",
    "sync_p99": "raise --queries-per-second, lengthen --baseline, and look at whether the generator kept up.",
    "event_sync_p99": "raise --events-per-second, lengthen --baseline, and look at whether the generator kept up.",
    "sync_query_downtime": "raise --queries-per-second, so that gaps can be told from silence, or lengthen --baseline.",
    "sync_event_downtime": "raise --events-per-second, so that gaps can be told from silence, or lengthen --baseline.",
    "recovery": "let the run go on until it is known, lengthen --baseline, and leave the machine to the rehearsal.",
}

_OTHERWISE: Final = "read its reason, and rehearse again."
_BY_REASON: Final = {
    SATURATED: GENERATOR,
    WORKER_LOST: _OTHERWISE,
    NO_CUTOVER: "see why the migration did not come to it.",
    SHORT_BASELINE: "lengthen the baseline: --baseline.",
    COMPARED_LATER: "wait for the end of the migration.",
}
"""What made it unknown says more than which criterion it is."""
_NEEDS_FREEZE: Final = frozenset({"lost", "stranded"})
_COPIES_NOTHING: Final = frozenset({"cold", "fallback", "observe"})
_LEFT_OUT: Final = "let the final pass follow while writes are held: leave out --no-final-pass."
_ABOUT_DATA: Final = about("data")
_ABOUT_TIME: Final = about("time")
_WANTS_ROOM: Final = _ABOUT_DATA - {"duplicated", "stranded"} | {"recovery"}
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
    def of(cls, document: object) -> "Seen":
        """From a run's document."""
        found = {role: part(document, "servers", role) for role in ("source", "target")}
        migration = part(document, "migration")
        steps = {words(step.get("name")) for step in parts(migration, "steps")}
        return cls(
            tuple(role for role, server in found.items() if number(server.get("restarts"))),
            {role: int(count) for role, server in found.items() if (count := number(server.get("evicted_keys")))},
            "final pass" in steps if migration.get("strategy") == "copy" and "freeze" in steps else None,
        )


_NOTHING_SEEN: Final = Seen()


def _by_what_was_seen(criterion: str, seen: Seen) -> str:
    """What to do about what happened to a server; empty where nothing did that explains this."""
    if seen.restarted and criterion in _ABOUT_DATA | _ABOUT_TIME:
        servers = " and ".join(f"the {role}" for role in seen.restarted)
        found = f"find out from its log why {servers} was started anew meanwhile"
        return f"{found}, and let it keep its data on disk (appendonly)." if criterion in _ABOUT_DATA else f"{found}."
    if seen.evicted and criterion in _WANTS_ROOM:
        servers = " and ".join(f"the {role} evicted {count:,} keys" for role, count in seen.evicted.items())
        return f"{servers} for want of memory: raise its maxmemory, or set maxmemory-policy noeviction."
    return ""


def advise(
    criterion: str, status: str, strategy: str, freeze: str, reason: str = "", seen: Seen = _NOTHING_SEEN
) -> str:
    """What to do about a criterion.

    Args:
        criterion: its name.
        status: `failed` or `unknown`.
        strategy: of the migration.
        freeze: who held writes back.
        reason: why it has that status.
        seen: what happened to the servers.
    """
    if criterion == "generator":
        return GENERATOR
    if reason not in _BY_REASON and (found := _by_what_was_seen(criterion, seen)):
        return found
    if status != "failed":
        return _BY_REASON.get(reason) or _UNKNOWN.get(criterion, _OTHERWISE)
    if seen.final_pass is False and criterion in _MISSES_DATA:
        return _LEFT_OUT
    # With a strategy that copies, a missing freeze explains more than the strategy does.
    if freeze == "none" and criterion in _NEEDS_FREEZE and strategy not in _COPIES_NOTHING:
        return _FREEZE
    by_strategy = _FAILED.get(criterion, {})
    return by_strategy.get(strategy, by_strategy.get("", _OTHERWISE))
