"""When a migration is to be given up because live traffic is hurt too much."""

import re
from dataclasses import dataclass
from typing import Final, Literal

CONDITION_PATTERN: Final = r"(p99)=([0-9]+(?:\.[0-9]+)?)(ms|s)|(failed)=([0-9]+(?:\.[0-9]+)?)%"
"""How a condition is written."""
_CONDITION: Final = re.compile(CONDITION_PATTERN)
_MOST_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Condition:
    """A bound on one second of live traffic.

    Attributes:
        measure: `p99` of queries in seconds, or the `failed` share of all operations.
        bound: what it must not exceed.
        text: as it was given.
    """

    measure: Literal["p99", "failed"]
    bound: float
    text: str

    def holds(self, p99_seconds: float | None, failed_ratio: float) -> bool:
        """Whether a second with these figures is worse than the bound.

        Args:
            p99_seconds: of the queries answered in it; None where there was none.
            failed_ratio: of all operations that ended in it.
        """
        if self.measure == "p99":
            return p99_seconds is not None and p99_seconds > self.bound
        return failed_ratio > self.bound


def parse_condition(text: str) -> Condition:
    """Read a condition such as `p99=500ms` or `failed=1%`.

    Raises:
        ValueError: it is neither, or its bound is none that can be exceeded.
    """
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no condition; it must be as p99=500ms or failed=1%")
    if match[1]:
        condition = Condition("p99", float(match[2]) * (0.001 if match[3] == "ms" else 1.0), text)
        most, words = _MOST_SECONDS, "an hour"
    else:
        condition = Condition("failed", float(match[5]) / 100, text)
        most, words = 1.0, "100%"
    if not condition.bound < most:
        raise ValueError(f"{text[:40]!r} is no condition; its bound must be below {words}")
    return condition
