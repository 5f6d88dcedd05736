"""A log-linear histogram of durations, made to be filled from arrays and merged by addition."""

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUB_BUCKET_BITS: Final = 7
"""Every power of two is split into 2**7 equal parts, so that a value is known to better than 0.8%."""
HIGHEST_NANOSECONDS: Final = 3_600_000_000_000
"""One hour. Longer durations are recorded as this one and counted in `clipped`."""

_SUB_BUCKETS: Final = 1 << SUB_BUCKET_BITS


def _bucket_of(nanoseconds: NDArray[np.int64]) -> NDArray[np.int64]:
    # Below 2**8 a bucket holds one value. Above, float64 carries 53 bits, so frexp finds the top bit exactly.
    exponent = np.frexp(nanoseconds.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(exponent - (SUB_BUCKET_BITS + 1), 0)
    return np.asarray((nanoseconds >> shift) + (shift << SUB_BUCKET_BITS))


BUCKETS: Final = int(_bucket_of(np.array([HIGHEST_NANOSECONDS]))[0]) + 1


def _highest_of(bucket: int) -> int:
    shift = max(0, (bucket >> SUB_BUCKET_BITS) - 1)
    return ((bucket - (shift << SUB_BUCKET_BITS) + 1) << shift) - 1


_HIGHEST: Final = np.array([_highest_of(bucket) for bucket in range(BUCKETS)], dtype=np.int64)


class Histogram:
    """Counts of durations, from 1 ns to an hour, each known to better than 0.8%.

    Attributes:
        counts: int64 array of shape (BUCKETS,).
        sum_seconds: of all durations.
        max_seconds: the longest duration, exactly; 0 where there is none.
        clipped: how many were longer than an hour.
    """

    __slots__ = ("clipped", "counts", "max_seconds", "sum_seconds")

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(BUCKETS, dtype=np.int64)
        self.sum_seconds = 0.0
        self.max_seconds = 0.0
        self.clipped = 0

    def record(self, durations_seconds: ArrayLike) -> None:
        """Count durations in seconds, any shape; negative ones, which clocks can make, count as 0."""
        durations = np.asarray(durations_seconds, dtype=np.float64)
        if durations.size == 0:
            return
        nanoseconds = np.rint(durations * 1e9).astype(np.int64).ravel()
        self.clipped += int(np.count_nonzero(nanoseconds > HIGHEST_NANOSECONDS))
        buckets = _bucket_of(nanoseconds.clip(0, HIGHEST_NANOSECONDS))
        if buckets.size < 256:
            np.add.at(self.counts, buckets, 1)
        else:
            self.counts += np.bincount(buckets, minlength=BUCKETS)
        self.sum_seconds += float(durations.sum())
        self.max_seconds = max(self.max_seconds, float(durations.max()))

    def record_many(self, durations_seconds: ArrayLike, counts: ArrayLike) -> None:
        """Count durations as `record` does, each as often as `counts` says; two arrays of shape (durations,)."""
        durations, times = np.asarray(durations_seconds, dtype=np.float64), np.asarray(counts, dtype=np.int64)
        if durations.size == 0:
            return
        nanoseconds = np.rint(durations * 1e9).astype(np.int64)
        self.clipped += int(times[nanoseconds > HIGHEST_NANOSECONDS].sum())
        np.add.at(self.counts, _bucket_of(nanoseconds.clip(0, HIGHEST_NANOSECONDS)), times)
        self.sum_seconds += float(durations @ times)
        self.max_seconds = max(self.max_seconds, float(durations.max()))

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return int(self.counts.sum())

    def merge(self, other: "Histogram") -> None:
        """Add another histogram's counts to this one: exact, in any order."""
        self.counts += other.counts
        self.sum_seconds += other.sum_seconds
        self.max_seconds = max(self.max_seconds, other.max_seconds)
        self.clipped += other.clipped

    def quantile(self, ratio: float) -> float | None:
        """The duration in seconds that a share of `ratio` of all durations does not exceed.

        The highest value of the bucket in which the nearest rank falls, as HdrHistogram reports it, but
        never more than the longest duration.

        Returns:
            None where nothing was recorded.
        """
        total = self.count
        if total == 0:
            return None
        rank = max(1, int(np.ceil(ratio * total - 1e-9)))
        bucket = int(np.searchsorted(np.cumsum(self.counts), rank))
        return min(float(_HIGHEST[bucket]) / 1e9, self.max_seconds)

    def percentiles(self, ticks_per_half_distance: int = 5) -> list[tuple[float, float, int]]:
        """The whole distribution as HdrHistogram lists it: ever closer quantiles, as many on each half of what is left.

        Args:
            ticks_per_half_distance: how many quantiles are listed before the distance to 1 has halved.

        Returns:
            Quantile, the duration in seconds that it does not exceed, and how many durations do not exceed that; the
            last is quantile 1 with the longest duration. Empty where nothing was recorded.
        """
        up_to = np.cumsum(self.counts)
        total = int(up_to[-1])
        found: list[tuple[float, float, int]] = []
        place = 0
        while total:
            halvings, tick = divmod(place, ticks_per_half_distance)
            ratio = round(1 - (1 - tick / (2 * ticks_per_half_distance)) / 2**halvings, 12)
            bucket = int(np.searchsorted(up_to, max(1, int(np.ceil(ratio * total - 1e-9)))))
            count = int(up_to[bucket])
            found.append((ratio, min(float(_HIGHEST[bucket]) / 1e9, self.max_seconds), count))
            if count >= total:
                found.append((1.0, self.max_seconds, total))
                break
            place += 1
        return found

    def count_at_most(self, bound_seconds: float) -> int:
        """How many durations fell into buckets that end at or below the bound, for cumulative buckets."""
        end = int(np.searchsorted(_HIGHEST, round(bound_seconds * 1e9), side="right"))
        return int(self.counts[:end].sum())

    def counts_at_most(self, bounds_seconds: Sequence[float]) -> list[int]:
        """The same for many bounds."""
        ends = np.searchsorted(_HIGHEST, np.rint(np.array(bounds_seconds) * 1e9).astype(np.int64), side="right")
        sums = np.concatenate(([0], np.cumsum(self.counts)))
        found: list[int] = sums[ends].tolist()
        return found

    def packed(self) -> tuple[bytes, bytes, float, float, int]:
        """All that is in it, with the buckets that are filled only; for `unpacked`."""
        filled = np.flatnonzero(self.counts)
        return (
            filled.astype(np.int32).tobytes(),
            self.counts[filled].tobytes(),
            self.sum_seconds,
            self.max_seconds,
            self.clipped,
        )

    @classmethod
    def unpacked(cls, packed: Sequence[Any]) -> Self:
        """The histogram that was packed.

        Raises:
            TypeError, ValueError, IndexError: it is none.
        """
        filled, counts, sum_seconds, max_seconds, clipped = packed
        found = cls()
        found.counts[np.frombuffer(filled, dtype=np.int32)] = np.frombuffer(counts, dtype=np.int64)
        found.sum_seconds, found.max_seconds, found.clipped = float(sum_seconds), float(max_seconds), int(clipped)
        return found

    def copy(self) -> Self:
        """An independent histogram with the same counts."""
        twin = type(self)()
        twin.merge(self)
        return twin
