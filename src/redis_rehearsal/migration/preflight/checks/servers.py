"""What the servers are, and what they hold beside keys."""

from collections.abc import Collection
from typing import Final

from redis_rehearsal.keyspace.census import Census
from redis_rehearsal.keyspace.types import CORE_TYPES, JSON, KEYED_MODULES, TYPES_OF_MODULES
from redis_rehearsal.keyspace.versions import can_replicate
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import (
    ALL,
    COPYING,
    ELSEWHERE,
    FOLLOWING,
    SWITCHING,
    Finding,
    blocker,
    ok,
    unseen,
    warning,
)
from redis_rehearsal.migration.preflight.needs import why_not_whole
from redis_rehearsal.migration.strategies import either

_SHOWN: Final = 5
_NOTHING: Final = Census((), complete=False)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def versions(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target is at least as new."""
    old, new = source.identity, target.identity
    move = f"{old.product} {old.version} to {new.product} {new.version}"
    if old.product == new.product and target.version < source.version:
        advice = "See that the application uses no command that the target lacks."
        return [warning("versions", f"The move is from {move}, which is older.", advice)]
    # Up to Redis 7.2 Valkey has all that Redis has.
    if old.product != new.product and (old.product == "valkey" or source.version >= (7, 4)):
        advice = "See that the application uses no command of the source's own (COMMAND LIST shows them)."
        return [warning("versions", f"The move is from {move}, which has other commands of its own.", advice)]
    return [ok("versions", f"The move is from {move}.")]


def one_server(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether they are two servers."""
    name = "two servers"
    if not source.identity.run_id or source.identity.run_id != target.identity.run_id:
        return [ok(name, "Source and target are two servers.")]
    if source.endpoint.database == target.endpoint.database:
        advice = "Give the address of another server; behind a proxy or a name both may lead to one."
        return [blocker(name, "Source and target are one and the same database.", advice, SWITCHING)]
    advice = "Give the address of another server, or use a strategy that copies keys."
    return [blocker(name, "Source and target are databases of one server.", advice, FOLLOWING)]


def mode(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether both are single servers."""
    found = []
    for server in (source, target):
        kind = server.identity.mode
        if server.info.get("cluster_enabled") == "1":
            kind = "cluster"
        if kind != "standalone":
            advice = (
                "Give the address of the primary that the sentinel watches."
                if kind == "sentinel"
                else "Clusters are not supported yet; use a single server."
            )
            found.append(blocker("mode", f"{server.title} is a {kind} endpoint.", advice, ALL))
    return found or [ok("mode", "Both are single servers.")]


def role(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether both are primaries, and how many follow them."""
    found: list[Finding] = []
    for server, blocks in ((source, ALL), (target, SWITCHING - ELSEWHERE)):
        shown = server.info.get("role")
        if shown is None:
            found.append(unseen("role", f"The role of {server}", server.why("info")))
        elif shown != "master":
            primary = f"{server.info.get('master_host', '?')}:{server.info.get('master_port', '?')}"
            advice = f"Give the address of its primary ({primary}), or promote it (REPLICAOF NO ONE)."
            found.append(blocker("role", f"{server.title} is a replica of {primary}.", advice, blocks))
            if server is target:
                sentence = f"{either(ELSEWHERE)} can move to a replica only once the tool has promoted it."
                found.append(warning("role", sentence, "Let the tool say REPLICAOF NO ONE before it is ready."))
    if found:
        return found
    before, after = source.number("connected_slaves") or 0, target.number("connected_slaves") or 0
    if after < before:
        advice = "Attach replicas to the target after the move, if failover or reads need them."
        return [warning("role", f"The source has {before} replicas, and the target {after}.", advice)]
    return [ok("role", f"Both are primaries; the source has {before} replicas, and the target {after}.")]


def rdb(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target can follow the source."""
    name = "replication format"
    replication = can_replicate(source.identity, target.identity)
    sentence = f"{replication.reason[:1].upper()}{replication.reason[1:]}."
    if replication.possible == "yes":
        return [ok(name, "The target reads the RDB that the source sends.")]
    if replication.possible == "no":
        return [blocker(name, sentence, "Use a strategy that copies keys, or a newer target.", FOLLOWING)]
    if target.config.get("rdb-version-check") == "relaxed":
        return [ok(name, "The target reads the RDB that the source sends, since its rdb-version-check is relaxed.")]
    denied = target.denied or frozenset()
    if denied & {"CONFIG GET", "CONFIG SET"}:
        advice = "Set it in the target's configuration, and allow CONFIG GET; or use a strategy that copies keys."
        return [blocker(name, f"{sentence[:-1]}, and CONFIG is denied there.", advice, FOLLOWING)]
    return [warning(name, sentence, f"{either(FOLLOWING)} sets it for the migration and puts it back.")]


def payloads(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether keys can be copied whole."""
    name = "copy format"
    reason = why_not_whole(source, target)
    if plan.copy_method == "dump" and reason:
        advice = "Let the method be auto or types (--copy-method)."
        return [blocker(name, f"{reason}, which --copy-method dump needs.", advice, COPYING)]
    if plan.copy_method == "types":
        reason = "Keys are copied type by type (--copy-method types)"
    whole = _only_whole(source, target) if reason else []
    if whole:
        advice = "Remove the keys of these types, or use a target of the same kind."
        sentence = f"{reason}, and keys of {_listed(whole)} can only be copied whole."
        return [blocker(name, sentence, advice, COPYING)]
    if plan.copy_method == "types":
        return [ok(name, f"{reason}.")]
    if not reason:
        return [ok(name, "The target takes what DUMP gives on the source.")]
    return [
        warning(
            name,
            f"{reason}, so that keys are copied type by type.",
            "Expect it to take longer, and consumer groups of streams to need a look afterwards.",
        )
    ]


def _only_whole(source: Facts, target: Facts) -> list[str]:
    """Types of keys that would be copied, though not type by type, and that the target knows."""
    held = _own_types(source) & _types_of(target.modules or ())
    # Both have its module, and its own commands read and write it.
    json = all("ReJSON" in (server.modules or ()) or "json" in (server.modules or ()) for server in (source, target))
    return sorted(held - ({JSON.decode()} if json else set()))


def modules(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target has every module that the source has, and that matters."""
    name = "modules"
    if source.modules is None or target.modules is None:
        hidden = source if source.modules is None else target
        return [unseen(name, f"The modules of {hidden}", hidden.why("modules"))]
    # What is built in and has no type of its own, as the engine of Lua, is in other servers under no name.
    parts = frozenset(each for each in source.parts if each not in KEYED_MODULES)
    missing = sorted(source.modules - target.modules - parts)
    if not missing:
        has = _listed(sorted(source.modules - source.parts)) or "none"
        return [ok(name, f"The target has the modules of the source ({has}).")]
    sentence = f"The target lacks modules of the source: {_listed(missing)}"
    held, known = _types_held(source), CORE_TYPES | _types_of(target.modules or ())
    foreign = sorted(held - known)
    if foreign:
        shown = [key for kind in foreign for key in source.censuses.get(kind, _NOTHING).names]
        keys = f", as {_listed(shown)}" if shown else ""
        advice = "Load them on the target, or remove the keys of their types."
        # Others' keys are no concern of what copies ours.
        blocks = FOLLOWING | COPYING if _own_types(source) - known else FOLLOWING
        found = [blocker(name, f"{sentence}; there are keys of {_listed(foreign)}{keys}.", advice, blocks)]
        if not blocks & COPYING and not all(source.own_censuses.get(kind, _NOTHING).complete for kind in foreign):
            said = f"Not all keys under {plan.key_prefix} could be looked at for those of {_listed(foreign)}."
            found.append(warning(name, said, "See that there are none: what copies keys would fail at them."))
        return found
    unknown = [each for each in missing if each not in KEYED_MODULES]
    if unknown:
        advice = "Load them on the target, or unload them from the source if nothing uses them (MODULE UNLOAD)."
        of_them = "" if unknown == missing else f" ({_listed(unknown)})"
        reason = f"an RDB may hold what only they read{of_them}, at which the target would end itself"
        return [blocker(name, f"{sentence}, and {reason}.", advice, FOLLOWING)]
    kinds = [kind for module in missing for kind in KEYED_MODULES[module]]
    if "censuses" not in source.unseen and all(source.censuses.get(kind, _NOTHING).complete for kind in kinds):
        there = sorted(held.intersection(kinds))
        # Another module of the target's has a type of the same name.
        holds = (
            f"of which the target has the types ({_listed(there)})" if there else "of which the source holds no keys"
        )
        return [ok(name, f"{sentence}, {holds}.")]
    why = f": {source.why('censuses')}" if "censuses" in source.unseen else ""
    advice = "See that there are none, at which a target that follows would end itself, and that nothing uses them."
    return [warning(name, f"{sentence}; not all keys could be looked at for those of their types{why}.", advice)]


def _types_held(source: Facts) -> set[str]:
    """Types of the source's keys, in whatever database."""
    held = {kind for kind, census in source.censuses.items() if census.names}
    return held | _own_types(source) | (source.sample.types if source.sample else set())


def _own_types(source: Facts) -> set[str]:
    """Types of the keys that strategies that copy carry."""
    held = {kind for kind, census in source.own_censuses.items() if census.names}
    return held | (source.sample.own_types if source.sample else set())


def _types_of(modules: Collection[str]) -> set[str]:
    return {name for module in modules for name in TYPES_OF_MODULES.get(module, ())}


def functions(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target has the functions of the source."""
    name = "functions"
    if source.functions is None:
        return [unseen(name, "The functions of the source", source.why("functions"))]
    if not source.functions:
        return [ok(name, "The source has no functions.")]
    missing = [each for each in source.functions if each not in (target.functions or ())]
    if not missing:
        return [ok(name, "The target has function libraries of the same names.")]
    return [
        warning(
            name,
            f"The source has function libraries that the target lacks: {_listed(missing)}.",
            f"Only {either(FOLLOWING)} carries them; else carry them by FUNCTION DUMP and FUNCTION RESTORE.",
        )
    ]


def scripts(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether clients may rely on scripts that are cached at the source."""
    count = source.number("number_of_cached_scripts")
    if count is None:
        return [unseen("scripts", "The number of cached scripts of the source", source.why("info"))]
    if not count:
        return [ok("scripts", "The source has no cached scripts.")]
    return [
        warning(
            "scripts",
            f"The source has scripts in its cache ({count:,}), which nothing carries over.",
            "See that clients answer NOSCRIPT with EVAL or SCRIPT LOAD.",
        )
    ]


def users(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the users of the source can log in at the target."""
    name = "users"
    if source.users is None or target.users is None:
        hidden = source if source.users is None else target
        return [unseen(name, f"The users of {hidden}", hidden.why("users"))]
    missing = sorted(set(source.users) - set(target.users))
    if not missing:
        return [ok(name, "The target has a user of each name that the source has; rights were not compared.")]
    advice = "Make them there with the same rights (ACL SETUSER): no strategy carries users."
    return [warning(name, f"The target lacks users of the source: {_listed(missing)}.", advice)]
