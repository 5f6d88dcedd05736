"""What the checks of answers found."""

from dataclasses import dataclass

from redis_rehearsal.telemetry.counts import Counts


@dataclass(slots=True)
class Checks(Counts):
    """Findings about answers.

    Attributes:
        reports_checked: hits whose report was checked.
        wrong: reports that were damaged or answered another question.
        stale: reports older than their TTL plus OPERATION_TIMEOUT.
        resurrected: reports served although their deletion had been acknowledged.
        misplaced: misses because something was there that never was a report.
        counters_checked: real-time reads whose counters were checked.
        counter_regressions: counters that were read lower than what had been acknowledged.
    """

    reports_checked: int = 0
    wrong: int = 0
    stale: int = 0
    resurrected: int = 0
    misplaced: int = 0
    counters_checked: int = 0
    counter_regressions: int = 0

    def since(self, before: "Checks") -> "Checks":
        """What was found after an earlier state of these."""
        return Checks(**{name: getattr(self, name) - getattr(before, name) for name in self.__slots__})
