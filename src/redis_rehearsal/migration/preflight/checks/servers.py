"""What the servers are, and what they hold beside keys."""

from collections.abc import Collection
from typing import Final

from redis_rehearsal.migration.preflight.facts import CORE_TYPES, Facts, Plan
from redis_rehearsal.migration.preflight.finding import (
    ALL,
    COPYING,
    REPLICATE,
    SWITCHING,
    Finding,
    blocker,
    ok,
    unseen,
    warning,
)
from redis_rehearsal.migration.preflight.needs import can_restore
from redis_rehearsal.migration.versions import can_replicate

_SHOWN: Final = 5
_OF_THE_CORE: Final = frozenset({"vectorset"})
"""Modules that every server of a version has, so that their being there says nothing of the data."""

_TYPES_OF_MODULES: Final = {
    "vectorset": ("vectorset",),
    "ReJSON": ("ReJSON-RL",),
    "bf": ("MBbloom--", "MBbloomCF", "CMSk-TYPE", "TopK-TYPE", "TDIS-TYPE"),
    "timeseries": ("TSDB-TYPE",),
    "graph": ("graphdata",),
    "json": ("ReJSON-RL",),
}
"""What TYPE says of the keys of well-known modules; the last is Valkey's own."""


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
    return [blocker(name, "Source and target are databases of one server.", advice, REPLICATE)]


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
    for server, blocks in ((source, ALL), (target, SWITCHING)):
        shown = server.info.get("role")
        if shown is None:
            found.append(unseen("role", f"The role of {server}", server.why("info")))
        elif shown != "master":
            primary = f"{server.info.get('master_host', '?')}:{server.info.get('master_port', '?')}"
            advice = f"Give the address of its primary ({primary}), or promote it (REPLICAOF NO ONE)."
            found.append(blocker("role", f"{server.title} is a replica of {primary}.", advice, blocks))
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
        return [blocker(name, sentence, "Use a strategy that copies keys, or a newer target.", REPLICATE)]
    if target.config.get("rdb-version-check") == "relaxed":
        return [ok(name, "The target reads the RDB that the source sends, since its rdb-version-check is relaxed.")]
    denied = target.denied or frozenset()
    if denied & {"CONFIG GET", "CONFIG SET"}:
        advice = "Set it in the target's configuration, and allow CONFIG GET; or use a strategy that copies keys."
        return [blocker(name, f"{sentence[:-1]}, and CONFIG is denied there.", advice, REPLICATE)]
    return [warning(name, sentence, "`replicate` sets it for the migration and puts it back.")]


def payloads(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether keys can be copied whole."""
    name = "copy format"
    if can_restore(source, target):
        return [ok(name, "The target takes what DUMP gives on the source.")]
    return [
        warning(
            name,
            "The target does not take what DUMP gives on the source, so that keys are copied type by type.",
            "Expect it to take longer, and consumer groups of streams to need a look afterwards.",
        )
    ]


def modules(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target has every module that the source has."""
    name = "modules"
    if source.modules is None or target.modules is None:
        hidden = source if source.modules is None else target
        return [unseen(name, f"The modules of {hidden}", hidden.why("modules"))]
    missing = sorted(source.modules - target.modules)
    if not missing:
        return [ok(name, f"The target has the modules of the source ({_listed(sorted(source.modules)) or 'none'}).")]
    types = sorted(source.sample.types - CORE_TYPES - _types_of(target.modules)) if source.sample else []
    sentence = f"The target lacks modules of the source: {_listed(missing)}"
    if types:
        advice = "Load them on the target, or remove the keys of their types."
        return [blocker(name, f"{sentence}; there are keys of {_listed(types)}.", advice, REPLICATE | COPYING)]
    none = f"none of {source.sample.keys:,} keys that were looked at is of theirs" if source.sample else ""
    sentence = f"{sentence}{f'; {none}' if none else ''}."
    if _OF_THE_CORE.issuperset(missing):
        return [warning(name, sentence, "See that the application uses nothing of theirs.")]
    advice = "Load them on the target, or unload them from the source if nothing uses them (MODULE UNLOAD)."
    return [blocker(name, f"{sentence[:-1]}, but an RDB may hold what only they read.", advice, REPLICATE)]


def _types_of(modules: Collection[str]) -> set[str]:
    return {name for module in modules for name in _TYPES_OF_MODULES.get(module, ())}


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
            "Only `replicate` carries them; else carry them by FUNCTION DUMP and FUNCTION RESTORE.",
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
