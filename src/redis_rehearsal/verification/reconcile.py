"""The ledger's formulas. Pure: arrays in, counts out."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.engine.ledger import UNKNOWN_BASELINE


class Wrong(NamedTuple):
    """A counter that is not as the ledger predicts, and how that adds up; the letters are those of `reconcile`.

    Attributes:
        place: among those that were compared.
        lost: of its writes.
        duplicated: of its writes.
        stranded: of its writes.
        before: B.
        acknowledged: A.
        unknown: U.
        too_late: S, acknowledged by a server that was not the truth any more.
        on_truth: T.
    """

    place: int
    lost: int
    duplicated: int
    stranded: int
    before: int
    acknowledged: int
    unknown: int
    too_late: int
    on_truth: int


@dataclass(slots=True)
class Reconciliation:
    """What comparing the ledger with the servers' counters showed.

    Attributes:
        counters: that were compared.
        unverified_counters: that were written to and could not be, because their baseline or value is not known.
        acknowledged: writes that were acknowledged.
        unknown: writes that may or may not have been applied.
        missing: writes acknowledged and surely not on the truth, whatever became of them.
        missing_at_most: as many may be.
        lost: of those, the ones that no other server acknowledged too late.
        lost_at_most: as many may be lost.
        stranded: writes acknowledged by a server that was not the truth any more, and surely missing on the truth.
        stranded_at_most: as many may be.
        duplicated: writes surely counted more often than they were sent.
        duplicated_at_most: as many may be.
        disordered: elements of lists surely not in the order in which they were acknowledged.
        forgotten: elements of lists that the ledger does not remember any more, since many writes after them have no
            known outcome; they may be missing too.
        wrong: places of all counters with any of them.
        verified: places of those that were compared and have none of it.
        worst: the counters with most of them, at most ten.
    """

    counters: int = 0
    unverified_counters: int = 0
    acknowledged: int = 0
    unknown: int = 0
    missing: int = 0
    missing_at_most: int = 0
    lost: int = 0
    lost_at_most: int = 0
    stranded: int = 0
    stranded_at_most: int = 0
    duplicated: int = 0
    duplicated_at_most: int = 0
    disordered: int = 0
    forgotten: int = 0
    worst: list[Wrong] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    verified: list[int] = field(default_factory=list)

    @property
    def surely_wrong(self) -> int:
        """How many are surely lost, duplicated, stranded or out of order."""
        return self.lost + self.duplicated + self.stranded + self.disordered

    def merge(self, other: "Reconciliation") -> None:
        """Add another reconciliation's counts; of the worst counters each keeps its own."""
        for name in (
            "counters",
            "unverified_counters",
            "acknowledged",
            "unknown",
            "missing",
            "missing_at_most",
            "lost",
            "lost_at_most",
            "stranded",
            "stranded_at_most",
            "duplicated",
            "duplicated_at_most",
            "disordered",
            "forgotten",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def reconcile(
    baseline: NDArray[np.int64],
    acknowledged: NDArray[np.int64],
    possible: NDArray[np.int64],
    final: NDArray[np.int64] | None,
    stranded: NDArray[np.int64] | None = None,
    doubtful: NDArray[np.int64] | None = None,
) -> Reconciliation:
    """Compare what was acknowledged with what the servers hold, counter by counter.

    With B the baseline, A acknowledged, A + U possible, S stranded, D doubtful and T final, of each counter:
    missing = max(0, B + A - T), at most max(0, B + A + U - T);
    stranded = min(missing, S), at most min(most missing, S + D);
    lost = missing - min(missing, S + D), at most most missing - min(most missing, S);
    duplicated = max(0, T - B - A - U), at most max(0, T - B - A).

    While writes are under way it still holds, if `acknowledged` was taken before and `possible` after the
    counters were read.

    Args:
        baseline: value before the first write; `UNKNOWN_BASELINE` where it was not read.
        acknowledged: writes that were acknowledged.
        possible: writes that were acknowledged or may have been applied.
        final: value on the truth, 0 where the counter is missing; None where it could not be read.
        stranded: of those acknowledged, the ones by a server that was not the truth any more; None for none.
        doubtful: of those acknowledged, the ones that may be by one; None for none.

    All arrays have one shape.
    """
    total_acknowledged = int(acknowledged.sum())
    total_unknown = int((possible - acknowledged).sum())
    if final is None:
        return Reconciliation(
            unverified_counters=int((possible > 0).sum()), acknowledged=total_acknowledged, unknown=total_unknown
        )
    known = baseline != UNKNOWN_BASELINE
    # A counter that was never written to is compared too: somebody else may have written.
    low, high, value = (array[known] for array in (baseline + acknowledged, baseline + possible, final))
    first = baseline[known]
    late, perhaps = (np.zeros_like(value) if lane is None else lane[known] for lane in (stranded, doubtful))
    missing, missing_at_most = np.maximum(0, low - value), np.maximum(0, high - value)
    left, left_at_most = np.minimum(missing, late), np.minimum(missing_at_most, late + perhaps)
    lost, duplicated = missing - np.minimum(missing, late + perhaps), np.maximum(0, value - high)
    lost_at_most = missing_at_most - np.minimum(missing_at_most, late)
    places = np.flatnonzero(known.ravel())
    badness = missing + duplicated
    order = np.argsort(-badness, kind="stable")[:10]
    return Reconciliation(
        counters=int(known.sum()),
        unverified_counters=int((~known & (possible > 0)).sum()),
        acknowledged=total_acknowledged,
        unknown=total_unknown,
        missing=int(missing.sum()),
        missing_at_most=int(missing_at_most.sum()),
        lost=int(lost.sum()),
        lost_at_most=int(lost_at_most.sum()),
        stranded=int(left.sum()),
        stranded_at_most=int(left_at_most.sum()),
        duplicated=int(duplicated.sum()),
        duplicated_at_most=int(np.maximum(0, value - low).sum()),
        wrong=places[badness > 0].tolist(),
        verified=places[badness == 0].tolist(),
        worst=[
            Wrong(
                *(
                    int(array[i])
                    for array in (places, lost, duplicated, left, first, low - first, high - low, late, value)
                )
            )
            for i in order
            if badness[i]
        ],
    )
