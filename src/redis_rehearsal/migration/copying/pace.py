"""How fast keys are copied, and how far the copying is."""

import asyncio
from dataclasses import dataclass, field

from redis_rehearsal.clock import monotonic


class TokenBucket:
    """Lets so many keys a second through, evenly.

    Args:
        per_second: keys; None for as many as there are.
    """

    def __init__(self, per_second: float | None) -> None:
        if per_second is not None and per_second <= 0:
            raise ValueError("a rate of keys must be above 0")
        self.per_second = per_second
        self._free_seconds = 0.0

    def delay_seconds(self, keys: int, now_seconds: float) -> float:
        """How long to wait before these keys; they are accounted for at once.

        What was not used earlier is not made up for, so that the servers see no bursts.
        """
        if self.per_second is None:
            return 0.0
        begin = max(now_seconds, self._free_seconds)
        self._free_seconds = begin + keys / self.per_second
        return begin - now_seconds

    async def take(self, keys: int) -> None:
        """Wait until these keys may be copied."""
        delay = self.delay_seconds(keys, monotonic())
        if delay > 0:
            await asyncio.sleep(delay)


@dataclass(slots=True)
class Progress:
    """How far the copying is.

    Attributes:
        keys: that were seen to, whatever became of them; one that was seen to twice counts twice.
        bytes: of values that were written.
        total_keys: how many there may be at most; 0 while that is not known.
        began_seconds: when the first key was seen to, on the monotonic clock; None before.
    """

    keys: int = 0
    bytes: int = 0
    total_keys: int = 0
    began_seconds: float | None = field(default=None)

    def add(self, keys: int, value_bytes: int) -> None:
        """Account for keys that were seen to."""
        self.keys += keys
        self.bytes += value_bytes

    def eta_seconds(self, now_seconds: float) -> float | None:
        """How much longer it will take at the mean rate so far; None while that cannot be said."""
        if self.began_seconds is None or not self.keys or not self.total_keys:
            return None
        elapsed = now_seconds - self.began_seconds
        return max(0, self.total_keys - self.keys) * elapsed / self.keys
