"""By how much times to live are apart where keys are the same in all else. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

_EXACT_MS: Final = 1000


@dataclass(slots=True)
class Drift:
    """Times to live that are apart, each by what remains once the time that reading both took is taken off.

    Attributes:
        largest_ms: the largest; 0 where there is none.
        counts: how many keys there are by how far they are apart in milliseconds, above a second to a hundredth of it.
    """

    largest_ms: int = 0
    counts: Counter[int] = field(default_factory=Counter)

    def add(self, apart_ms: int) -> None:
        """A key whose times to live are apart by this much; of nothing, and less, nothing is kept."""
        if apart_ms > 0:
            self.largest_ms = max(self.largest_ms, apart_ms)
            self.counts[_coarse(apart_ms)] += 1

    def merge(self, other: "Drift") -> None:
        """Add what was found elsewhere."""
        self.largest_ms = max(self.largest_ms, other.largest_ms)
        self.counts.update(other.counts)

    @property
    def count(self) -> int:
        """Of how many keys the times to live are apart."""
        return self.counts.total()

    @property
    def median_seconds(self) -> float | None:
        """The median, None where there is none."""
        left = (self.count + 1) // 2
        for apart_ms, count in sorted(self.counts.items()):
            left -= count
            if left <= 0:
                return apart_ms / 1000
        return None

    @property
    def max_seconds(self) -> float | None:
        """The largest; None where there is none."""
        return self.largest_ms / 1000 if self.largest_ms else None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"count": self.count, "median_seconds": self.median_seconds, "max_seconds": self.max_seconds}


def _coarse(apart_ms: int) -> int:
    """Rounded above a second, so that memory does not grow with the number of keys."""
    step = 1
    while apart_ms // step >= _EXACT_MS:
        step *= 10
    return apart_ms // step * step
