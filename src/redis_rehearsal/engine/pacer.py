"""Hands out operations when the schedule says that they are due."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.workload.arrivals import Arrivals


class Block(Protocol):
    """Operations that were drawn together, in the order in which they are due."""

    intended: list[float]


BlockT = TypeVar("BlockT", bound=Block)


class Pacer(Generic[BlockT]):
    """An endless schedule of operations.

    Args:
        arrivals: when operations are due.
        build: makes a block of operations for given intended starts, shape (n,).
        block_size: how many operations are drawn at once.
    """

    def __init__(self, arrivals: Arrivals, build: Callable[[NDArray[np.float64]], BlockT], block_size: int) -> None:
        self._arrivals = arrivals
        self._build = build
        self._block_size = block_size
        self._block = build(arrivals.draw(block_size))
        self._position = 0

    @property
    def next_seconds(self) -> float:
        """When the next operation is due."""
        return self._block.intended[self._position]

    def take(self, now_seconds: float) -> list[tuple[BlockT, int, int]]:
        """All operations that are due by now and were not handed out yet, as ranges of blocks."""
        due: list[tuple[BlockT, int, int]] = []
        block, start = self._block, self._position
        while True:
            stop = bisect_right(block.intended, now_seconds, start)
            if stop > start:
                due.append((block, start, stop))
            if stop < len(block.intended):
                self._position = stop
                return due
            block = self._block = self._build(self._arrivals.draw(self._block_size))
            start = self._position = 0
