"""What became of keys that were to be copied."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class CopyResult:
    """What became of keys; each key is in exactly one of the first five.

    Attributes:
        copied: now on the target as they were on the source.
        deleted: gone on the source, and now on the target too.
        absent: gone on the source, with nothing on the target that was to be deleted.
        skipped: left as they are on the target, which has them, since nothing was to be replaced.
        failed: not copied, with the reason for each.
        bytes: of values that were written.
        not_carried: what copied keys lost, and how many times.
    """

    copied: int = 0
    deleted: int = 0
    absent: int = 0
    skipped: int = 0
    failed: list[tuple[bytes, str]] = field(default_factory=list)
    bytes: int = 0
    not_carried: Counter[str] = field(default_factory=Counter)

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
        self.not_carried += other.not_carried
