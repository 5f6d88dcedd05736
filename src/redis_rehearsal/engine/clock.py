"""Time of day that never jumps."""

from dataclasses import dataclass
from time import monotonic, time


@dataclass(frozen=True, slots=True)
class WallClock:
    """Unix time as it was at the start of the run plus what has passed on the monotonic clock.

    All processes of a run share one, so that a step of the system's clock makes no report stale.

    Attributes:
        offset_seconds: Unix time less monotonic time.
    """

    offset_seconds: float

    @classmethod
    def start(cls) -> "WallClock":
        """The clock of a run that starts now."""
        return cls(time() - monotonic())

    def now(self) -> float:
        """Unix time in seconds."""
        return monotonic() + self.offset_seconds

    def at(self, monotonic_seconds: float) -> float:
        """Unix time in seconds at a time of the monotonic clock."""
        return monotonic_seconds + self.offset_seconds
