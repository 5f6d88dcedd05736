"""Whether the data fits, stays, and meets nothing that is there already."""

from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import (
    COPYING,
    ELSEWHERE,
    FOLLOWING,
    LEAVING,
    SWITCHING,
    Finding,
    blocker,
    ok,
    unseen,
    warning,
)
from redis_rehearsal.migration.strategies import either

_TIGHT_RATIO = 0.8
_SURE_RATIO = 0.9
_UNEXPIRING_RATIO = 0.01
_SHOWN = 5


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{_number(count)} {unit}"
        count /= 1024
    return f"{_number(count)} GiB"


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0") if value < 10 else f"{value:,.0f}"


def memory(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether what each strategy carries fits into the target."""
    name = "memory"
    used, limit, machine = (
        source.number("used_memory"),
        target.number("maxmemory"),
        target.number("total_system_memory"),
    )
    if used is None or limit is None:
        hidden = source if used is None else target
        return [unseen(name, f"The memory of {hidden}", hidden.why("info"))]
    room, what = (limit, "maxmemory") if limit else (machine or 0, "memory of the machine")
    if not room:
        return [ok(name, f"The source uses {size(used)}, and the target has no limit.")]
    sentence = f"The source uses {size(used)}, and the target has {size(room)} ({what})."
    # At least, where it is known that nothing else is there; and at most.
    needs = {
        strategies: (low + (used if strategies is FOLLOWING else _own_bytes(source, used)), used + high)
        for strategies, (low, high) in _stays_there(target, plan).items()
    }
    blocked = {strategies: low for strategies, (low, _) in needs.items() if low > room}
    if blocked:
        need = max(blocked.values())
        if used <= room < need:
            sentence = f"{sentence[:-1]}, of which {size(need - used)} are taken."
        policy = target.setting("maxmemory-policy", "maxmemory_policy") or "unknown"
        outcome = "refuse writes" if policy == "noeviction" else "evict keys"
        ends = f"{sentence} It would {outcome} ({policy})." if limit else sentence
        advice = f"Raise it to at least {size(need / _TIGHT_RATIO)}, or move less."
        return [blocker(name, ends, advice, frozenset().union(*blocked))]
    need = max(high for _, high in needs.values())
    if need > room * _TIGHT_RATIO:
        advice = f"Leave room for buffers and growth: {size(need / _TIGHT_RATIO)}."
        if need > room:
            advice = f"{advice} See how much of it is {plan.key_prefix}* in database {source.endpoint.database}."
        return [warning(name, sentence, advice)]
    return [ok(name, sentence)]


def _own_ratio(server: Facts) -> float:
    """How much of a server's data strategies that copy carry, as far as can be seen: what is ours in our database."""
    if server.keyspace is None or server.sample is None:
        return 0.0
    whole = sum(server.keyspace.values())
    in_ours = server.keyspace.get(server.endpoint.database, 0) / whole if whole else 1.0
    return in_ours * server.sample.own_ratio


def _own_bytes(source: Facts, used_bytes: int) -> int:
    """Bytes that are copied for sure: where others hold much of it, a sample says too little of who holds how much."""
    ratio = _own_ratio(source)
    return round(used_bytes * ratio) if ratio >= _SURE_RATIO else 0


def _stays_there(target: Facts, plan: Plan) -> dict[frozenset[str], tuple[int, int]]:
    """Bytes on the target, at least and at most, that are there beside what is carried, by strategies."""
    there, itself = target.number("used_memory") or 0, target.number("used_memory_startup")
    # What a server uses for itself is in the source's figure too.
    data = max(0, there - (there if itself is None else itself))
    stays = (data, data)
    if plan.clear_target and target.prefix_keys:
        stays = (0, 0) if _own_ratio(target) == 1.0 else (0, data)
    # What a replica holds came from its primary, and what follows a primary gives up its own.
    copied = (0, 0) if target.info.get("role") == "slave" else stays
    return {COPYING: stays, ELSEWHERE: copied, FOLLOWING: (0, 0)}


def eviction(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target evicts keys, and whether the source did."""
    name = "eviction"
    policies = [server.setting("maxmemory-policy", "maxmemory_policy") for server in (source, target)]
    before, after = policies
    if after is None:
        return [unseen(name, "The eviction policy of the target", target.why("config"))]
    limited = bool(target.number("maxmemory"))
    if after != "noeviction" and limited:
        advice = "Set maxmemory-policy noeviction where counters must not vanish, or leave more room."
        as_before = ", as the source does" if before == after and source.number("maxmemory") else ""
        return [warning(name, f"The target evicts keys when it is full ({after}){as_before}.", advice)]
    if limited and before not in (None, "noeviction") and source.number("maxmemory"):
        sentence = f"The source evicts keys when it is full ({before}); the target refuses writes then."
        return [warning(name, sentence, "Set the same policy on the target, if the application counts on it.")]
    return [ok(name, f"The target evicts nothing ({after}, {'with' if limited else 'without'} a limit).")]


def persistence(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether a restart loses the data."""
    name, found = "persistence", []
    kept = {server.role: _keeps(server) for server in (source, target)}
    for server in (source, target):
        if kept[server.role] is None:
            found.append(unseen(name, f"The persistence of {server}", server.why("config")))
        if server.info.get("rdb_last_bgsave_status") == "err":
            sentence = f"{server.title} failed to save its data the last time."
            found.append(warning(name, sentence, "See its log: it may refuse writes until a save succeeds."))
    if kept["source"] is False:
        sentence = "The source keeps nothing on disk: a restart empties it, and every replica that follows it."
        found.append(warning(name, sentence, "See that nothing restarts it during the migration."))
    if kept["target"] is False and kept["source"]:
        sentence = "The target keeps nothing on disk, while the source does."
        found.append(warning(name, sentence, "Set save or appendonly on the target."))
    return found or [ok(name, f"The target keeps its data on disk{', and so does the source' * bool(kept['source'])}.")]


def _keeps(server: Facts) -> bool | None:
    if server.info.get("aof_enabled") == "1":
        return True
    save = server.config.get("save")
    return None if save is None else bool(save.strip())


def databases(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Which databases hold keys."""
    name, found = "databases", []
    ours, theirs = source.endpoint.database, target.endpoint.database
    if ours != theirs:
        sentence = f"REPLICAOF leaves keys in database {ours}, and the application would go to {theirs} of the target."
        advice = f"Give the target as …/{ours}, or use a strategy that copies keys."
        found.append(blocker(name, sentence, advice, FOLLOWING))
    if source.keyspace is None:
        found.append(unseen(name, "The databases of the source", source.why("info")))
    else:
        other = {number: count for number, count in source.keyspace.items() if number != source.endpoint.database}
        if other:
            sentence = f"The source holds keys in other databases than {source.endpoint.database} ({_counts(other)})."
            found.append(warning(name, sentence, f"Only {either(FOLLOWING)} carries them; move them apart otherwise."))
        most = target.number("databases")
        if most is not None and max(source.keyspace, default=0) >= most:
            sentence = f"The source uses database {max(source.keyspace)}, and the target has only {most}."
            found.append(blocker(name, sentence, "Raise `databases` on the target, and restart it.", FOLLOWING))
    if target.keyspace is None:
        found.append(unseen(name, "The databases of the target", target.why("info")))
    else:
        held = dict(target.keyspace)
        own = target.endpoint.database
        if target.other_keys is not None:
            # One by one, since INFO counts what has expired and is there still.
            held[own] = target.other_keys
            if not target.prefix_complete and not target.other_keys:
                what = f"Whether all keys of the target in database {own} are under {plan.key_prefix}"
                found.append(unseen(name, what, "there are too many to look at"))
        else:
            held[own] = held.get(own, 0) - target.locked
        held = {number: count for number, count in held.items() if count > 0}
        if held:
            sentence = f"The target holds keys ({_counts(held)}), which REPLICAOF would erase."
            found.append(blocker(name, sentence, "Use an empty server, or a strategy that copies keys.", FOLLOWING))
    return found or [ok(name, "The source uses no database but ours, and the target is empty.")]


def _counts(databases: dict[int, int]) -> str:
    return ", ".join(f"{count:,} in db {number}" for number, count in sorted(databases.items()))


def prefix(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target holds keys of an earlier try."""
    name = "our keys"
    if target.prefix_keys is None:
        return [unseen(name, f"Keys under {plan.key_prefix} on the target", target.why("prefix_keys"))]
    least = "" if target.prefix_complete else "at least "
    if target.prefix_keys:
        sentence = f"The target holds {least}{target.prefix_keys:,} keys under {plan.key_prefix} already."
        if plan.clear_target:
            return [warning(name, sentence, "They are deleted when the migration begins (--clear-target).")]
        advice = "--clear-target deletes those keys, and only those; or choose another KEY_PREFIX."
        # What a replica holds came from its primary, which is how some tools copy.
        blocks = SWITCHING - ELSEWHERE if target.info.get("role") == "slave" else SWITCHING
        return [blocker(name, sentence, advice, blocks)]
    if not target.prefix_complete:
        sentence = f"The target has too many keys to see whether some are under {plan.key_prefix}; none was found yet."
        return [warning(name, sentence, "Look yourself (SCAN … MATCH), or choose another KEY_PREFIX.")]
    return [ok(name, f"The target holds no keys under {plan.key_prefix}.")]


def big_keys(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether single keys are so large that moving one blocks a server."""
    name, sample = "big keys", source.sample
    if sample is None or sample.big is None:
        why = source.why("sample") if sample is None else "MEMORY USAGE is not permitted"
        return [unseen(name, "How large the keys of the source are", why)]
    if not sample.big:
        return [ok(name, f"None of {sample.keys:,} keys that were looked at on the source is above 10 MiB.")]
    shown = ", ".join(f"{key} ({size(count)})" for key, count in sample.big[:_SHOWN])
    more = f" and {len(sample.big) - _SHOWN} more" if len(sample.big) > _SHOWN else ""
    strategies = ", ".join(sorted(COPYING))
    return [
        warning(
            name,
            f"Above 10 MiB, of {sample.keys:,} keys that were looked at on the source: {shown}{more}.",
            f"DUMP and RESTORE of one block each server meanwhile ({strategies}): split them, or rehearse it with "
            "--big-keys.",
        )
    ]


def expiry(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the data is a cache that fills itself again."""
    name, sample = "expiry", source.sample
    if sample is None or sample.without_ttl is None:
        why = source.why("sample") if sample is None else "PTTL is not permitted"
        return [unseen(name, "Whether the keys of the source expire", why)]
    if not sample.keys:
        return [ok(name, "The source holds no keys in our database.")]
    share = sample.without_ttl / sample.keys
    sentence = f"{share:.0%} of {sample.keys:,} keys that were looked at on the source never expire."
    if share > _UNEXPIRING_RATIO:
        advice = f"They are data and no cache: {either(LEAVING)} leaves them behind, and nothing brings them back."
        return [warning(name, sentence, advice)]
    return [ok(name, sentence)]
