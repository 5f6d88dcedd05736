"""A ledger's lanes at one moment, to be held against what a server had then."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.engine.ledger import Ledger


@dataclass(slots=True)
class Lanes:
    """Of one bucket; each of shape (tenants, width), with a place for each thing that is accounted for.

    Attributes:
        baseline: what was there before the first write; of recent events their numbers.
        sent: writes that were sent.
        acknowledged: writes that were acknowledged.
        failed: writes that were surely not applied.
        unknown: writes that may have been.
        stranded: of those acknowledged, the ones by a server that was not the truth any more.
        doubtful: of those acknowledged, the ones that may be by one.
    """

    baseline: NDArray[np.int64]
    sent: NDArray[np.int64]
    acknowledged: NDArray[np.int64]
    failed: NDArray[np.int64]
    unknown: NDArray[np.int64]
    stranded: NDArray[np.int64]
    doubtful: NDArray[np.int64]

    @classmethod
    def of(cls, ledger: Ledger, bucket: int) -> "Lanes":
        """As they are now."""
        # Outcomes before what was sent, so that nothing seems to have ended before it began; what is in doubt before
        # what is stranded, which it may become, so that it is not missed by both.
        names = ("doubtful", "stranded", "acknowledged", "failed", "unknown", "sent", "baseline")
        return cls(**{name: ledger.lane(name, bucket) for name in names})

    @property
    def possible(self) -> NDArray[np.int64]:
        """Writes that were applied or may have been."""
        return self.sent - self.failed

    @property
    def at_most_stranded(self) -> NDArray[np.int64]:
        """Writes that are stranded or may be."""
        return self.stranded + self.doubtful

    def is_quiet(self, before: "Lanes") -> NDArray[np.bool_]:
        """Whether nothing was on its way to a place from then to now, shape (tenants, width)."""
        ended = self.acknowledged + self.failed + self.unknown
        quiet = (self.sent == before.sent) & (self.baseline == before.baseline) & (self.sent == ended)
        quiet &= (self.acknowledged == before.acknowledged) & (self.failed == before.failed)
        return np.asarray(quiet, dtype=np.bool_)

    def take(self, tenants: NDArray[np.int64], other: "Lanes") -> None:
        """Take over some tenants' places."""
        for name in self.__slots__:
            getattr(self, name)[tenants] = getattr(other, name)[tenants]
