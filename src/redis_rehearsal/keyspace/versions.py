"""Which server can read what another one writes. Pure; see docs/strategies.md for what was tried."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from redis_rehearsal.cache.client import Identity

_FIELD_TTLS: Final = ("subexpiry", "keys_with_volatile_items")
"""What INFO keyspace calls the number of hashes with fields that expire: Redis', and Valkey's word for it."""


@dataclass(frozen=True, slots=True)
class _Format:
    """Versions of the format in which a server writes values, for RDB and DUMP alike.

    Attributes:
        writes: the one in which it writes them.
        reads: up to which it reads those of Redis, and those of Valkey up to 8.
        own_from: from which on it reads those that Valkey alone writes; None where it reads none.
    """

    writes: int
    reads: int
    own_from: int | None = None


_FORMATS: Final[Mapping[str, tuple[tuple[tuple[int, int], _Format], ...]]] = {
    # A later Redis of the same generation may write more than 12.
    "redis": (
        ((7, 4), _Format(writes=12, reads=79)),
        ((7, 2), _Format(writes=11, reads=11)),
        ((7, 0), _Format(writes=10, reads=10)),
        ((0, 0), _Format(writes=9, reads=9)),
    ),
    "valkey": (
        ((9, 0), _Format(writes=80, reads=11, own_from=80)),
        ((0, 0), _Format(writes=11, reads=11)),
    ),
}
"""By product, from which version on it has which, the latest first."""


@dataclass(frozen=True, slots=True)
class Replication:
    """Whether a target can follow a source.

    Attributes:
        possible: `yes`, `no`, or `relaxed` where only with `rdb-version-check relaxed` on the target.
        reason: why not.
    """

    possible: Literal["yes", "no", "relaxed"]
    reason: str = ""


def version_numbers(identity: Identity) -> tuple[int, int]:
    """The first two numbers of a version."""
    major, minor, *_ = [int(part) if part.isdigit() else 0 for part in identity.version.split(".")] + [0]
    return major, minor


def has_field_ttls(server: Identity) -> bool:
    """Whether fields of its hashes can expire by themselves."""
    return version_numbers(server) >= ((9, 0) if server.product == "valkey" else (7, 4))


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


def can_restore(source: Identity, target: Identity) -> bool:
    """Whether the target takes what DUMP on the source gives, from their versions."""
    return _reads(_format(target), _format(source).writes)


def can_replicate(source: Identity, target: Identity) -> Replication:
    """Whether the target can follow the source by REPLICAOF, from their versions."""
    ours, theirs = _format(source), _format(target)
    # A Valkey writes to a replica that is none, or an older one, as Valkey up to 8 does.
    rdb = _OLD_VALKEY.writes if source.product == "valkey" and theirs.own_from is None else ours.writes
    if _reads(theirs, rdb):
        return Replication("yes")
    what = f"{source.product} {source.version} sends RDB version {rdb}, which {target.product} {target.version}"
    if theirs.own_from is not None:
        return Replication("relaxed", f"{what} takes only with `rdb-version-check relaxed`")
    if target.product == "valkey":
        return Replication("no", f"{what} refuses")
    why = f"cannot read (it reads up to {theirs.reads}), and it would lose its own data in trying"
    return Replication("no", f"{what} {why}")


_OLD_VALKEY: Final = _FORMATS["valkey"][-1][1]


def _format(server: Identity) -> _Format:
    version = version_numbers(server)
    return next(found for since, found in _FORMATS[server.product] if version >= since)


def _reads(reader: _Format, rdb: int) -> bool:
    return rdb <= reader.reads or (reader.own_from is not None and rdb >= reader.own_from)
