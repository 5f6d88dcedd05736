"""How often operations are due, while that is changed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

_EVER = float("inf")


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one kind of operation.

    Attributes:
        changes: since when, on the monotonic clock, and how many are due in a second from then on; in the order of
            time. Before the first it is as after it, and where there is none, nothing is due.
    """

    changes: tuple[tuple[float, float], ...]

    @classmethod
    def steady(cls, per_second: float) -> Self:
        """One that nobody changes."""
        return cls(((-_EVER, per_second),))

    def lowest(self, span: tuple[float, float]) -> float:
        """The lowest of a time, per second; that at its beginning included."""
        return min((rate for start, end, rate in self._pieces() if start < span[1] and end > span[0]), default=0.0)

    def is_steady(self, span: tuple[float, float]) -> bool:
        """Whether it was the same all the time."""
        return len({rate for start, end, rate in self._pieces() if start < span[1] and end > span[0]}) <= 1

    def due(self, span: tuple[float, float]) -> float:
        """How many are due in a time."""
        return sum(
            rate * (min(end, span[1]) - max(start, span[0]))
            for start, end, rate in self._pieces()
            if start < span[1] and end > span[0]
        )

    def _pieces(self) -> Iterator[tuple[float, float, float]]:
        for place, ((start, rate), (end, _)) in enumerate(pairwise([*self.changes, (_EVER, 0.0)])):
            yield start if place else -_EVER, end, rate
