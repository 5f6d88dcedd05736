"""When operations are due: an open loop, whose schedule does not wait for answers."""

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.workload.presets import ArrivalKind


class Arrivals:
    """An endless schedule of intended starts at a rate.

    Args:
        kind: `poisson` draws exponential gaps, as independent users do; `constant` spaces evenly.
        rate_per_second: above 0.
        start_seconds: no arrival is due before; on whatever clock the caller uses.
        rng: the source of randomness.
    """

    def __init__(
        self, kind: ArrivalKind, rate_per_second: float, start_seconds: float, rng: np.random.Generator
    ) -> None:
        self._kind = kind
        self._gap_seconds = 1.0 / rate_per_second
        self._last_seconds = start_seconds
        self._rng = rng

    def draw(self, count: int) -> NDArray[np.float64]:
        """The next `count` intended starts in seconds, ascending, shape (count,)."""
        if self._kind == "poisson":
            gaps = self._rng.exponential(self._gap_seconds, count)
            intended = np.asarray(self._last_seconds + np.cumsum(gaps), dtype=np.float64)
        else:
            intended = self._last_seconds + self._gap_seconds * np.arange(1, count + 1, dtype=np.float64)
        self._last_seconds = float(intended[-1])
        return intended
