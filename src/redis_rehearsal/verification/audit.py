"""What came of holding ledgers against servers. Pure."""

from dataclasses import dataclass, field

from redis_rehearsal.verification.reconcile import Reconciliation

WORST: int = 10


@dataclass(slots=True)
class Audit:
    """All ledgers held against the servers.

    Attributes:
        result: the sums.
        worst: the counters with most of them, at most ten: key, lost, duplicated, stranded.
        verified: keys of the counters and structures that are as the ledger predicts, but for those that expired.
        structures: the sums of each kind of live structure, by name; counters are structures there.
        error: why counters could not be read; empty if they could.
    """

    result: Reconciliation = field(default_factory=Reconciliation)
    worst: list[tuple[str, int, int, int]] = field(default_factory=list)
    verified: set[str] = field(default_factory=set)
    structures: dict[str, Reconciliation] = field(default_factory=dict)
    error: str = ""

    def merge(self, part: "Audit") -> None:
        """Add what came of other counters."""
        self.result.merge(part.result)
        self.worst = sorted(self.worst + part.worst, key=lambda row: -sum(row[1:]))[:WORST]
        self.verified |= part.verified
        for name, result in part.structures.items():
            self.structures.setdefault(name, Reconciliation()).merge(result)
        self.error = self.error or part.error
