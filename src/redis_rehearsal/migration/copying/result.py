"""What became of keys that were to be copied."""

from collections import Counter
from dataclasses import dataclass, field

_Key = bytes


@dataclass(slots=True)
class CopyResult:
    """What became of keys; each key is in exactly one of the first five.

    Attributes:
        copied: now on the target as they were on the source.
        deleted: gone on the source, and now on the target too.
        absent: gone on the source, with nothing on the target that was to be deleted.
        skipped: left as they are on the target, which has them, since nothing was to be replaced.
        failed: not copied, with the reason for each.
        streams: which of the keys were streams.
        bytes: of values that were written.
        not_carried: of each copied key that lost something, what, and how many of that.
    """

    copied: int = 0
    deleted: int = 0
    absent: int = 0
    skipped: int = 0
    failed: list[tuple[bytes, str]] = field(default_factory=list)
    streams: set[bytes] = field(default_factory=set)
    bytes: int = 0
    not_carried: dict[_Key, Counter[str]] = field(default_factory=dict)

    @property
    def keys(self) -> int:
        """How many keys were seen to."""
        return self.copied + self.deleted + self.absent + self.skipped + len(self.failed)

    def add(self, other: "CopyResult") -> None:
        """Take in what became of other keys."""
        self.copied += other.copied
        self.deleted += other.deleted
        self.absent += other.absent
        self.skipped += other.skipped
        self.failed += other.failed
        self.bytes += other.bytes
        # A key that is copied again loses the same things again.
        self.not_carried |= other.not_carried
        self.streams |= other.streams

    def lose(self, key: _Key, what: str, count: int = 1) -> None:
        """Account for what a key loses."""
        self.not_carried.setdefault(key, Counter())[what] += count

    @property
    def losses(self) -> Counter[str]:
        """What copied keys lost, and how many of that."""
        return sum(self.not_carried.values(), Counter())
