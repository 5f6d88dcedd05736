"""The ledgers of a worker, and the memory in which they lie."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from redis_rehearsal.engine.ledger import Ledger, create_memory
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.live import LiveStructure, structures_of

COUNTERS: Final = ""
"""Names the ledger of counters among those of live structures."""


class LedgerStore(Protocol):
    """The ledgers of all workers, as the coordinator reads them while the workers write in them."""

    def make(self, worker: int, name: str, tenants: int, width: int, slots: int) -> Ledger:
        """A ledger for a worker, before that starts.

        Args:
            worker: its index.
            name: `COUNTERS`, or that of a live structure.
            tenants: how many tenants the worker has.
            width: how many things of a tenant are accounted for in each bucket.
            slots: how many buckets it holds.
        """
        ...

    def close(self) -> None:
        """No worker is started any more; what is in the ledgers can still be read."""
        ...


@dataclass(slots=True)
class LedgerMemory:
    """Where those of a worker lie on one machine: descriptors that it inherits.

    Attributes:
        counters: of the ledger of counters.
        live: of those of live structures, by name of the structure.
    """

    counters: int = -1
    live: dict[str, int] = field(default_factory=dict)

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


class SharedLedgers:
    """Ledgers in memory that is shared with workers on the same machine, see `LedgerStore`.

    Attributes:
        memories: by index of the worker.
    """

    def __init__(self) -> None:
        self.memories: dict[int, LedgerMemory] = {}

    def make(self, worker: int, name: str, tenants: int, width: int, slots: int) -> Ledger:
        """See `LedgerStore`."""
        descriptor = create_memory(Ledger.size_bytes(tenants, width, slots))
        memory = self.memories.setdefault(worker, LedgerMemory())
        if name == COUNTERS:
            memory.counters = descriptor
        else:
            memory.live[name] = descriptor
        return Ledger(descriptor, tenants, width, slots)

    def close(self) -> None:
        """See `LedgerStore`."""
        for memory in self.memories.values():
            memory.close()
        self.memories.clear()


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
        tenants, slots = len(plan.share.organizations), plan.ledger_slots
        users = plan.settings.users_per_org
        return cls(
            Ledger(memory.counters, tenants, len(EVENT_TYPES), slots),
            {
                structure: Ledger(memory.live[structure.name], tenants, structure.width(users), slots)
                for structure in structures_of(plan.data_types)
            },
        )
