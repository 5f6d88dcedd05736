"""Which server can read what another one sends. Pure; see docs/strategies.md for what was tried.

Versions of the RDB format: Redis up to 6.2 writes 9, 7.0 writes 10, 7.2 writes 11, 7.4 and later 12 or more; Valkey up
to 8 writes 11, 9 writes 80 or more, but 11 to a replica that is not one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from redis_rehearsal.cache.control import Identity

_FIELD_TTLS: Final = ("subexpiry", "keys_with_volatile_items")
"""What INFO keyspace calls the number of hashes with fields that expire: Redis', and Valkey's word for it."""


@dataclass(frozen=True, slots=True)
class Replication:
    """Whether a target can follow a source.

    Attributes:
        possible: `yes`, `no`, or `relaxed` where only with `rdb-version-check relaxed` on the target.
        reason: why not.
    """

    possible: Literal["yes", "no", "relaxed"]
    reason: str = ""


def _number(identity: Identity) -> tuple[int, int]:
    parts = [int(part) if part.isdigit() else 0 for part in identity.version.split(".")[:2]]
    return parts[0], parts[1] if len(parts) > 1 else 0


def has_field_ttls(server: Identity) -> bool:
    """Whether fields of its hashes can expire by themselves."""
    return _number(server) >= ((9, 0) if server.product == "valkey" else (7, 4))


def replicates_field_ttls(source: Identity, target: Identity) -> bool:
    """Whether a full synchronisation brings hashes over of which fields expire by themselves.

    Redis and Valkey write them differently, and neither reads what the other writes.
    """
    return source.product == target.product and has_field_ttls(source) and has_field_ttls(target)


def count_field_ttls(databases: Collection[Mapping[str, Any]]) -> int | None:
    """How many hashes of a server have fields that expire by themselves; None where it does not tell.

    Args:
        databases: the values of each line of INFO keyspace.
    """
    found = [int(each[name]) for each in databases for name in _FIELD_TTLS if name in each]
    return sum(found) if len(found) == len(databases) else None


def _writes(source: Identity, target: Identity) -> int:
    version = _number(source)
    if source.product == "valkey":
        return 80 if version >= (9, 0) and target.product == "valkey" and _number(target) >= (9, 0) else 11
    for since, rdb in (((7, 4), 12), ((7, 2), 11), ((7, 0), 10)):
        if version >= since:
            return rdb
    return 9


def can_replicate(source: Identity, target: Identity) -> Replication:
    """Whether the target can follow the source by REPLICAOF, from their versions."""
    rdb, version = _writes(source, target), _number(target)
    what = f"{source.product} {source.version} sends RDB version {rdb}, which {target.product} {target.version}"
    if target.product == "valkey":
        if rdb <= 11 or (rdb >= 80 and version >= (9, 0)):
            return Replication("yes")
        if version >= (9, 0):
            return Replication("relaxed", f"{what} takes only with `rdb-version-check relaxed`")
        return Replication("no", f"{what} refuses")
    reads = next((rdb for since, rdb in (((7, 4), 79), ((7, 2), 11), ((7, 0), 10)) if version >= since), 9)
    if rdb <= reads:
        return Replication("yes")
    return Replication("no", f"{what} cannot read (it reads up to {reads}), and it would lose its own data in trying")
