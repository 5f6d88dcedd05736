"""The generator's own account of what the servers acknowledged, counter by counter.

It lies in shared memory, so that it outlives its worker. A write is entered as sent before its command
leaves; whatever was sent and neither acknowledged nor failed may or may not have been applied: it is unknown
once its connection broke, and in flight before.
"""

import mmap
import os
import tempfile
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.cache.route import ROLES, Role

_WORD_BYTES: Final = 8
_LANES: Final = ("baseline", "sent", "acknowledged", "failed", "unknown", "stranded", "doubtful")
UNKNOWN_BASELINE: Final = -1
"""Stands for a baseline that could not be read before the first write."""


def create_memory(size_bytes: int) -> int:
    """A descriptor of memory that other processes can map, and that is gone with the last of them."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("redis-rehearsal-ledger")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size_bytes)
    return descriptor


class Ledger:
    """The account of one worker's counters over a ring of time buckets.

    Args:
        descriptor: of memory of `size_bytes`.
        tenants: how many tenants the worker has.
        types: how many counters a tenant has in each bucket.
        slots: how many buckets the ring holds.

    Attributes:
        counters: how many counters there are in a bucket.
        sent: writes that were sent, by place in the ring.
        acknowledged: writes that the server acknowledged.
        failed: writes that the server surely did not apply.
        unknown: writes whose reply never came.
        stranded: of those acknowledged, the ones that a server acknowledged that was not the truth any more.
        doubtful: of those acknowledged, the ones that may be stranded, since it is not known which server answered, or
            whether it still was the truth.
        truth: which server is each tenant's truth, as an index into `ROLES`.
        baseline: value of the counter before the first write; `UNKNOWN_BASELINE` where it was not read.
    """

    def __init__(self, descriptor: int, tenants: int, types: int, slots: int) -> None:
        self.counters = tenants * types
        self.slots = slots
        self._types = types
        words = memoryview(mmap.mmap(descriptor, self.size_bytes(tenants, types, slots))).cast("q")
        self._bucket_in = words[:slots]
        self.truth = words[slots : slots + tenants]
        first, lane = slots + tenants, slots * self.counters
        views = {name: words[first + i * lane : first + (i + 1) * lane] for i, name in enumerate(_LANES)}
        self.baseline, self.sent = views["baseline"], views["sent"]
        self.acknowledged, self.failed = views["acknowledged"], views["failed"]
        self.unknown, self.stranded = views["unknown"], views["stranded"]
        self.doubtful = views["doubtful"]

    @staticmethod
    def size_bytes(tenants: int, types: int, slots: int) -> int:
        """How much memory a ledger needs; only what is touched is taken."""
        return _WORD_BYTES * (tenants + slots * (1 + len(_LANES) * tenants * types))

    def place(self, bucket: int) -> int:
        """Where a bucket's first counter is in the lanes; its number is its start divided by its length."""
        return bucket % self.slots * self.counters

    def buckets(self) -> list[int]:
        """The numbers of the buckets that are in the ring, ascending."""
        return sorted(number - 1 for number in self._bucket_in if number)

    def has(self, bucket: int) -> bool:
        """Whether the bucket is in the ring."""
        return self._bucket_in[bucket % self.slots] == bucket + 1

    def begins_at_zero(self, bucket: int) -> bool:
        """Whether all counters of a bucket in the ring were zero, or not known, before the first write."""
        return not (self.lane("baseline", bucket) > 0).any()

    def open_bucket(self, bucket: int, baseline: NDArray[np.int64] | np.int64 | None) -> None:
        """Put a bucket into the ring, in place of the one that was there.

        Args:
            bucket: its number.
            baseline: of each counter, shape (counters,), or of all; None where it is not known.
        """
        start = self.place(bucket)
        stop = start + self.counters
        for lane in (self.sent, self.acknowledged, self.failed, self.unknown, self.stranded, self.doubtful):
            np.frombuffer(lane, dtype=np.int64)[start:stop] = 0
        known = UNKNOWN_BASELINE if baseline is None else baseline
        np.frombuffer(self.baseline, dtype=np.int64)[start:stop] = known
        self._bucket_in[bucket % self.slots] = bucket + 1

    def set_truth(self, tenants: Iterable[int], role: Role) -> None:
        """Note which server is the truth of some tenants from now on."""
        index = ROLES.index(role)
        for tenant in tenants:
            self.truth[tenant] = index

    def truths(self) -> NDArray[np.int64]:
        """A copy of `truth`, shape (tenants,)."""
        return np.frombuffer(self.truth, dtype=np.int64).copy()

    def lane(self, name: str, bucket: int) -> NDArray[np.int64]:
        """A copy of a lane's values for a bucket, shape (tenants, types)."""
        start = self.place(bucket)
        view = np.frombuffer(getattr(self, name), dtype=np.int64)
        return view[start : start + self.counters].reshape(-1, self._types).copy()
