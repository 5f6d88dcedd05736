"""The classes of differences, and what time tells about them. Pure: summaries in, judgements out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """How a key differs; the first that applies, in this order."""

    MISSING = "missing"
    EXTRA = "extra"
    TYPE = "type"
    VALUE = "value"
    TTL = "ttl"


EXPIRED: Final = "expired"
"""Benign: its time to live ran out while it was compared, and neither server has it any more."""
CHANGED: Final = "changed"
"""Benign: it was written to while it was compared, and is equal now."""
UNREAD: Final = ("unread on the source", "unread on the target")
"""Stand for the digests of a value that never stood still while it was read."""
TRIES: Final = 3
"""So often is read again what was made or replaced meanwhile, or took too long."""
QUICK_MS: Final = 250
"""Times to live that were read within it are as near to each other as they seem, but for the time that it took."""
Policies = tuple[str, str]
"""What the source and the target evict by, as `maxmemory_policy` of INFO names it; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a server holds under a key.

    Attributes:
        type: as TYPE names it.
        length: bytes of a string, else elements; None where the type has no length that is known here.
        ttl_ms: how long it has to live; None for ever.
        digest: of its value; None where values were not compared or cannot be read.
    """

    type: str
    length: int | None = None
    ttl_ms: int | None = None
    digest: str | None = None

    def document(self) -> dict[str, Any]:
        """As it is written for a reader."""
        return {"type": self.type, "length": self.length, "ttl_ms": self.ttl_ms, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that is not the same on both servers.

    Attributes:
        key: its name.
        kind: how it differs.
        source: what the source holds; None where there is no such key.
        target: what the target holds; None where there is no such key.
        seen_seconds: when it was read, on the monotonic clock.
        unsettled: whether it kept changing on both servers, or took too long to read: nothing can be said of it.
        evictable: whether the server that lacks it had it in an earlier round, in which it differed, and can have
            evicted it since: whether it would have become equal is not known.
        source_moved: whether it was seen to be written to on the source.
        benign: why nothing is wrong, which is known at the end only; empty where it is not.
    """

    key: bytes
    kind: Kind
    source: Summary | None
    target: Summary | None
    seen_seconds: float = 0.0
    unsettled: bool = False
    evictable: bool = False
    source_moved: bool = False
    benign: str = ""


def classify(source: Summary | None, target: Summary | None, tolerance_ms: int) -> Kind | None:
    """How two summaries of one key differ.

    Args:
        source: None where there is no such key.
        target: None where there is no such key.
        tolerance_ms: by so much times to live may differ.

    Returns:
        The first class that applies; None where they are equal.
    """
    if source is None or target is None:
        if source is target:
            return None
        return Kind.EXTRA if source is None else Kind.MISSING
    if source.type != target.type:
        return Kind.TYPE
    if source.digest != target.digest:
        return Kind.VALUE
    return Kind.TTL if ttl_differs(source.ttl_ms, target.ttl_ms, tolerance_ms) else None


def ttl_differs(source_ms: int | None, target_ms: int | None, tolerance_ms: int) -> bool:
    """Whether two times to live differ by more than the tolerance; for ever differs from any time."""
    if source_ms is None or target_ms is None:
        return source_ms is not target_ms
    return abs(source_ms - target_ms) > tolerance_ms


def runs_out_seconds(difference: Difference, within_ms: int) -> float | None:
    """When a key that only one server has is gone there too, on the monotonic clock; None where not so soon.

    Until it was seen to be gone it is there on one server and not on the other, whatever its time to live: it may be
    renewed, or never have been copied.

    Args:
        difference: of the key.
        within_ms: so long after it was read, at most.
    """
    holder = difference.source or difference.target
    if difference.kind not in (Kind.MISSING, Kind.EXTRA) or holder is None or holder.ttl_ms is None:
        return None
    return difference.seen_seconds + holder.ttl_ms / 1000 if holder.ttl_ms <= within_ms else None


def judge(now: Difference, before: Difference | None, tolerance_ms: int, policies: Policies = ("", "")) -> Difference:
    """What is to be held of a key that still differs.

    Args:
        now: as it was read last.
        before: as it was read in the round before; None in the first.
        tolerance_ms: by so much times to live may differ.
        policies: of both servers.

    Returns:
        The difference that counts, with what is known of it by now.
    """
    if before is not None and before.kind is Kind.TTL and now.kind in (Kind.MISSING, Kind.EXTRA):
        here, gone = (now.source, before.target) if now.kind is Kind.MISSING else (now.target, before.source)
        # One of two different times to live has run out: the difference is the one in time, not that it is gone now.
        if here is not None and _ran_out(gone, now.seen_seconds - before.seen_seconds, tolerance_ms):
            return before
    unsettled = now.unsettled or (now.source is not None and now.source.digest == UNREAD[0])
    if before is None:
        return replace(now, unsettled=True) if unsettled else now
    moved = _moved(before.source, now.source), _moved(before.target, now.target)
    return replace(
        now,
        # Where only one server is written to, the other does not follow, and that is no coincidence of reading.
        unsettled=unsettled or all(moved),
        evictable=_may_have_been_evicted(now, before, policies),
        # What is gone may have expired, which nobody wrote.
        source_moved=before.source_moved or (now.source is not None and moved[0]),
    )


def may_evict(policy: str, held: Summary) -> bool:
    """Whether a server with a policy can evict a key."""
    return policy.startswith("allkeys-") or (policy.startswith("volatile-") and held.ttl_ms is not None)


def _may_have_been_evicted(now: Difference, before: Difference, policies: Policies) -> bool:
    if now.kind not in (Kind.MISSING, Kind.EXTRA):
        return False
    was, policy = (before.target, policies[1]) if now.kind is Kind.MISSING else (before.source, policies[0])
    # A key that was never there was not evicted, whatever else was.
    return may_evict(policy, was) if was is not None else before.evictable and before.kind is now.kind


def converged(before: Difference, now_seconds: float, *, gone: bool) -> str:
    """Why a key that differed in the round before is equal now.

    Args:
        before: as it was then.
        now_seconds: when it was read again, on the monotonic clock.
        gone: whether neither server has it any more.
    """
    elapsed = now_seconds - before.seen_seconds
    held = [summary for summary in (before.source, before.target) if summary is not None]
    if gone and any(_ran_out(summary, elapsed, 0) for summary in held):
        return EXPIRED
    return CHANGED


def _ran_out(summary: Summary | None, elapsed_seconds: float, tolerance_ms: int) -> bool:
    return (
        summary is not None and summary.ttl_ms is not None and summary.ttl_ms <= elapsed_seconds * 1000 + tolerance_ms
    )


def _moved(before: Summary | None, now: Summary | None) -> bool:
    if before is None or now is None:
        return before is not now
    if before.digest is None or now.digest is None:
        return (before.type, before.length) != (now.type, now.length)
    return (before.type, before.digest) != (now.type, now.digest)


def tally(kinds: Iterable[tuple[Kind, int]]) -> dict[str, int]:
    """How many there are of each class, those of which there is none included."""
    counts = {kind.value: 0 for kind in Kind}
    for kind, count in kinds:
        counts[kind.value] += count
    return counts
