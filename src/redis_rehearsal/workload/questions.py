"""Which question is asked next, and which event happens next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.workload.events import EVENT_TYPES, PAGES
from redis_rehearsal.workload.queries import SLOTS
from redis_rehearsal.workload.tenants import zipf_shares

PAGE_SKEW: Final = 0.8
"""Zipf exponent of the visits to an organisation's pages."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """How many of the questions are ones that nobody asked before, which therefore miss.

    Attributes:
        filtered: share of filtered queries, 0 to 1.
        dashboard: share of all other cacheable queries, 0 to 1.
    """

    filtered: float = 0.0
    dashboard: float = 0.0


@dataclass(frozen=True, slots=True)
class QuestionBlock:
    """Questions in the order they are asked; arrays of one shape (n,).

    Attributes:
        tenants: index of the tenant among those given.
        slots: index into `SLOTS`.
        novel: whether it is one that nobody asked before.
    """

    tenants: NDArray[np.int64]
    slots: NDArray[np.int64]
    novel: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Events in the order they happen; arrays of one shape (n,).

    Attributes:
        tenants: index of the tenant among those given.
        types: index into `EVENT_TYPES`.
        users: number of the user within its organisation, from 1.
        pages: index into `PAGES`.
    """

    tenants: NDArray[np.int64]
    types: NDArray[np.int64]
    users: NDArray[np.int64]
    pages: NDArray[np.int64]


class _Choice:
    """Draws indices by given weights."""

    def __init__(self, weights: NDArray[np.float64]) -> None:
        cumulative = np.cumsum(weights)
        self._cumulative = cumulative / cumulative[-1]

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        return np.searchsorted(self._cumulative, rng.random(count), side="right")


class QuestionStream:
    """An endless stream of questions; the same seed asks the same ones.

    Args:
        tenant_shares: of the load, of each tenant; any scale.
        rng: the source of randomness.
        novelty: how many questions are new.
    """

    def __init__(self, tenant_shares: NDArray[np.float64], rng: np.random.Generator, novelty: Novelty) -> None:
        self._rng = rng
        self._tenant = _Choice(tenant_shares)
        self._slot = _Choice(np.array([slot.share for slot in SLOTS]))
        self.set_novelty(novelty)

    def set_novelty(self, novelty: Novelty) -> None:
        """Change how many questions are new, from the next block on."""
        self._novel_by_slot = np.array(
            [
                (novelty.filtered if slot.filter_number else novelty.dashboard) if slot.kind.cacheable else 0.0
                for slot in SLOTS
            ]
        )

    def set_slot_shares(self, shares: Sequence[float]) -> None:
        """Change how often each of `SLOTS` is asked, from the next block on; any scale."""
        self._slot = _Choice(np.array(shares))

    def draw(self, count: int) -> QuestionBlock:
        """The next `count` questions."""
        tenants = self._tenant.draw(self._rng, count)
        slots = self._slot.draw(self._rng, count)
        novel = self._rng.random(count) < self._novel_by_slot[slots]
        return QuestionBlock(tenants, slots, novel)


class EventStream:
    """An endless stream of events; the same seed makes the same ones.

    Args:
        tenant_shares: of the load, of each tenant; any scale.
        users_per_tenant: how many users each has.
        rng: the source of randomness.
    """

    def __init__(self, tenant_shares: NDArray[np.float64], users_per_tenant: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._users_per_tenant = users_per_tenant
        self._tenant = _Choice(tenant_shares)
        self._type = _Choice(np.array([kind.share for kind in EVENT_TYPES]))
        self._page = _Choice(zipf_shares(len(PAGES), PAGE_SKEW))

    def set_type_shares(self, shares: Sequence[float]) -> None:
        """Change how often each of `EVENT_TYPES` happens, from the next block on; any scale."""
        self._type = _Choice(np.array(shares))

    def draw(self, count: int) -> EventBlock:
        """The next `count` events."""
        return EventBlock(
            self._tenant.draw(self._rng, count),
            self._type.draw(self._rng, count),
            self._rng.integers(1, self._users_per_tenant, count, endpoint=True),
            self._page.draw(self._rng, count),
        )
