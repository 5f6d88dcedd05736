"""The ledgers of a worker, and the memory in which they lie."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.live import LiveStructure, structures_of


@dataclass(frozen=True, slots=True)
class LedgerMemory:
    """Where they lie on one machine: descriptors that a worker inherits.

    Attributes:
        counters: of the ledger of counters.
        live: of those of live structures, by name of the structure.
    """

    counters: int
    live: dict[str, int]

    @property
    def descriptors(self) -> list[int]:
        """All of them."""
        return [self.counters, *self.live.values()]

    def close(self) -> None:
        """Give the descriptors back; who has it in memory keeps it."""
        for descriptor in self.descriptors:
            os.close(descriptor)

    @property
    def arguments(self) -> list[str]:
        """As a command line has them."""
        return [str(self.counters), *(f"{name}={descriptor}" for name, descriptor in self.live.items())]

    @classmethod
    def of(cls, arguments: Sequence[str]) -> "LedgerMemory":
        """From a command line."""
        parted = (argument.partition("=") for argument in arguments[1:])
        return cls(int(arguments[0]), {name: int(descriptor) for name, _, descriptor in parted})


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What a worker keeps account in.

    Attributes:
        counters: of its counters.
        live: of its live structures.
    """

    counters: Ledger
    live: dict[LiveStructure, Ledger]

    @classmethod
    def in_memory(cls, memory: LedgerMemory, plan: WorkerPlan) -> "Ledgers":
        """Those of a plan; the descriptors are of no use afterwards."""
        tenants, slots = len(plan.organizations), plan.ledger_slots
        return cls(
            Ledger(memory.counters, tenants, len(EVENT_TYPES), slots),
            {
                structure: Ledger(memory.live[structure.name], tenants, structure.width(plan.users_per_org), slots)
                for structure in structures_of(plan.data_types)
            },
        )
