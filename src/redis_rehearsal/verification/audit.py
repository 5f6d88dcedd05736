"""What came of holding ledgers against servers. Pure."""

from dataclasses import dataclass, field

from redis_rehearsal.verification.reasons import NO_REASON, Reason
from redis_rehearsal.verification.reconcile import Reconciliation, Wrong

WORST: int = 10


def _badness(row: tuple[str, int, Wrong]) -> int:
    wrong = row[2]
    return -(wrong.lost + wrong.duplicated + wrong.stranded)


@dataclass(slots=True)
class Audit:
    """All ledgers held against the servers.

    Attributes:
        result: the sums.
        worst: the counters with most of them, at most ten, each with its key and organisation.
        verified: keys of the counters and structures that are as the ledger predicts, but for those that expired.
        unsettled: keys of structures that were written to whenever they were read, so that nobody knows.
        structures: the sums of each kind of live structure, by name; counters are structures there.
        error: why counters could not be read; empty if they could.
    """

    result: Reconciliation = field(default_factory=Reconciliation)
    worst: list[tuple[str, int, Wrong]] = field(default_factory=list)
    verified: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    structures: dict[str, Reconciliation] = field(default_factory=dict)
    error: Reason = NO_REASON

    def merge(self, part: "Audit") -> None:
        """Add what came of other counters."""
        self.result.merge(part.result)
        self.worst = sorted(self.worst + part.worst, key=_badness)[:WORST]
        self.verified |= part.verified
        self.unsettled |= part.unsettled
        for name, result in part.structures.items():
            self.structures.setdefault(name, Reconciliation()).merge(result)
        self.error = self.error or part.error
