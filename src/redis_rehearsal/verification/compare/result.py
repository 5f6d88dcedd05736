"""What a comparison came to. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from redis_rehearsal.verification.compare.classify import Difference, Kind
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.not_carried import NotCarried

EXAMPLES: Final = 10
"""So many differences are kept to be shown."""


class Outcome(StrEnum):
    """Whether two databases are equal."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a comparison is.

    Attributes:
        round: number of the round, from 1.
        keys: so many keys this round has read.
        total: so many it will read, about; None where that is not known.
        differences: so many keys differ by now.
        seconds: since the round began.
    """

    round: int
    keys: int
    total: int | None
    differences: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """What one round showed.

    Attributes:
        keys: that it read.
        counts: of the keys that differed at its end, by class, benign or not.
        seconds: that it took.
    """

    keys: int
    counts: dict[str, int]
    seconds: float


@dataclass(slots=True)
class Comparison:
    """Two databases, compared.

    Attributes:
        keys_compared: different keys that were read; one that SCAN gave twice may count twice.
        counts: of the differences that nothing explains, by class.
        benign: how many keys differed for a good reason, by reason.
        unsettled: keys that still differed in the last round, and kept changing on both, or took too long to read.
        evicted: keys that differed when they were last seen on both servers, one of which can have evicted them since.
        unreadable: keys whose values a server has no command for; only their types and times to live were compared.
        unreadable_types: the types of those.
        rounds: one after the other.
        examples: the first differences that nothing explains, by key.
        not_carried: what the source has and the target cannot hold.
        max_not_carried: so many such things may be.
        notes: what was not compared, since no copy can carry it.
        sampled: whether only some keys were compared.
        seconds: that it took.
        drift: of the times to live of keys that are the same in all else, those that differ by it included.
    """

    keys_compared: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {kind.value: 0 for kind in Kind})
    benign: dict[str, int] = field(default_factory=dict)
    unsettled: int = 0
    evicted: int = 0
    unreadable: int = 0
    unreadable_types: set[str] = field(default_factory=set)
    rounds: list[Round] = field(default_factory=list)
    examples: list[Difference] = field(default_factory=list)
    not_carried: NotCarried = field(default_factory=NotCarried)
    max_not_carried: int = 0
    notes: set[str] = field(default_factory=set)
    sampled: bool = False
    seconds: float = 0.0
    drift: Drift = field(default_factory=Drift)

    @property
    def unexplained(self) -> int:
        """How many keys differ for no reason that is known."""
        return sum(self.counts.values())

    @property
    def outcome(self) -> Outcome:
        """Different where one key surely is, or the target cannot hold all; else unknown where one could not be told.

        So it is where there was none.
        """
        if self.unexplained or self.not_carried.things > self.max_not_carried:
            return Outcome.DIFFERENT
        untold = self.unreadable or self.unsettled or self.evicted or not self.keys_compared
        return Outcome.UNKNOWN if untold else Outcome.EQUAL

    def document(self) -> dict[str, Any]:
        """As JSON: missing, extra, type, value and ttl add up to `unexplained`; benign ones are not among them."""
        return {
            "outcome": self.outcome.value,
            "keys_compared": self.keys_compared,
            **self.counts,
            "benign": sum(self.benign.values()),
            "benign_reasons": dict(sorted(self.benign.items())),
            "unexplained": self.unexplained,
            "ttl_drift": self.drift.document(),
            "unsettled": self.unsettled,
            "evicted": self.evicted,
            "not_carried": self.not_carried.things,
            "not_carried_keys": list(self.not_carried.keys),
            "notes": sorted(self.notes),
            "unreadable": self.unreadable,
            "unreadable_types": sorted(self.unreadable_types),
            "sampled": self.sampled,
            "seconds": round(self.seconds, 3),
            "rounds": [{"keys": part.keys, **part.counts, "seconds": round(part.seconds, 3)} for part in self.rounds],
        }
