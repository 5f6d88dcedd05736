"""Until when the writes of some tenants are held."""

import asyncio
from collections.abc import Callable

from redis_rehearsal.clock import monotonic


class Holds:
    """Ends each hold at its bound, whatever became of who ordered it.

    Args:
        end: lets the writes of tenants go.

    Attributes:
        lapsed: tenants whose hold ended at its bound and was not released since.
    """

    def __init__(self, end: Callable[[set[int]], None]) -> None:
        self._end = end
        self._until: dict[int, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.lapsed: set[int] = set()

    def extend(self, tenants: set[int], until_seconds: float) -> None:
        """Hold tenants until a time on the monotonic clock, instead of until what was said before."""
        self._until.update(dict.fromkeys(tenants, until_seconds))
        self._watch()

    def released(self, tenants: set[int] | None) -> set[int]:
        """Forget the holds of some tenants, None for all; returns those that had lapsed."""
        found = self.lapsed if tenants is None else self.lapsed & tenants
        self.lapsed = self.lapsed - found
        for tenant in list(self._until) if tenants is None else tenants:
            self._until.pop(tenant, None)
        self._watch()
        return found

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._until:
            delay = max(0.0, min(self._until.values()) - monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_bound)

    def _on_bound(self) -> None:
        now = monotonic()
        over = {tenant for tenant, until in self._until.items() if until <= now}
        for tenant in over:
            del self._until[tenant]
        if over:
            self.lapsed |= over
            self._end(over)
        self._watch()
