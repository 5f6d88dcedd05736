"""How many new questions it takes to hold a hit ratio."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.workload.events import INVALIDATING_SHARE
from redis_rehearsal.workload.queries import CACHEABLE_SHARE, INVALIDATED_SLOTS, SLOTS, Slot
from redis_rehearsal.workload.questions import Novelty

TTL_JITTER_RATIO: Final = 0.1
"""A report's TTL is drawn uniformly from this much below to this much above the setting."""

_FILTERED_SHARE: Final = sum(slot.share for slot in SLOTS if slot.filter_number) / CACHEABLE_SHARE
_DASHBOARD_SHARE: Final = 1.0 - _FILTERED_SHARE


@dataclass(frozen=True, slots=True)
class HitRatioModel:
    """The steady state of the cache, as far as the settings determine it.

    A standing report is absent from when it expires or is invalidated (at rate h) until it is asked for
    again (at rate q); over the long run it is missed once in 1/h + 1/q seconds.

    Attributes:
        tenant_shares: of the load, shape (tenants,), summing to 1.
        queries_per_second: of all kinds.
        events_per_second: of all types.
        ttl_seconds: the setting, before jitter.
        refresh_seconds: how often standing reports are written anew; 0 for never.
    """

    tenant_shares: NDArray[np.float64]
    queries_per_second: float
    events_per_second: float
    ttl_seconds: float
    refresh_seconds: float

    def _expiries_per_second(self) -> float:
        low, high = (self.ttl_seconds * (1 + sign * TTL_JITTER_RATIO) for sign in (-1, 1))
        if self.refresh_seconds == 0 or self.refresh_seconds >= high:
            return 1.0 / self.ttl_seconds
        expires_before_refresh = max(0.0, (self.refresh_seconds - low) / (high - low))
        return expires_before_refresh / self.refresh_seconds

    @property
    def expires(self) -> bool:
        """Whether standing reports expire; else they are always refreshed before."""
        return self._expiries_per_second() > 0

    def presence(self, novelty: Novelty) -> NDArray[np.float64]:
        """The share of time for which each standing report is in the cache, shape (tenants, slots); 0 to 1.

        It is also the share of questions for it that hit.
        """
        found = np.zeros((len(self.tenant_shares), len(SLOTS)))
        expiries = self._expiries_per_second()
        invalidations = self.events_per_second * INVALIDATING_SHARE * self.tenant_shares
        for index, slot in enumerate(SLOTS):
            if not slot.kind.cacheable:
                continue
            asked = self.queries_per_second * slot.share * _standing(slot, novelty) * self.tenant_shares
            ends = expiries + (invalidations if index in INVALIDATED_SLOTS else 0.0)
            found[:, index] = np.where(ends == 0, 1.0, asked / np.maximum(asked + ends, 1e-300))
        return found

    def predict(self, novelty: Novelty) -> float:
        """The hit ratio over cacheable queries, 0 to 1, with that much novelty."""
        shares = np.array([slot.share * _standing(slot, novelty) if slot.kind.cacheable else 0.0 for slot in SLOTS])
        return float(self.tenant_shares @ self.presence(novelty) @ shares) / CACHEABLE_SHARE

    def novelty_for(self, target_ratio: float) -> Novelty:
        """The novelty with which the hit ratio is nearest to the target; none where that is out of reach."""
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            if self.predict(split_novelty(middle)) > target_ratio:
                low = middle
            else:
                high = middle
        return split_novelty(low if low > 1e-9 else 0.0)


def _standing(slot: Slot, novelty: Novelty) -> float:
    """The share of a slot's questions that is not new."""
    return 1.0 - (novelty.filtered if slot.filter_number else novelty.dashboard)


def split_novelty(share: float) -> Novelty:
    """Spread a share of new questions over the kinds: filtered queries vary first, then dashboards too.

    Args:
        share: of all cacheable queries, clipped to 0 to 1.
    """
    share = min(1.0, max(0.0, share))
    filtered = min(1.0, share / _FILTERED_SHARE)
    dashboard = max(0.0, share - _FILTERED_SHARE) / _DASHBOARD_SHARE
    return Novelty(filtered, min(1.0, dashboard))


def joined_novelty(novelty: Novelty) -> float:
    """The share of all cacheable queries that are new: the inverse of `split_novelty`."""
    return novelty.filtered * _FILTERED_SHARE + novelty.dashboard * _DASHBOARD_SHARE
