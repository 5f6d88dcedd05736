"""Recovery: how long after the cutover all was as before. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TOLERANCE_RATIO: Final = 0.2
"""A second is as before where it is no worse than the worst of the baseline by more than this share."""
UNNOTICED: Final = {"p99": 0.01}
"""What no user notices is as before, whatever the baseline was: a p99 of some milliseconds is mostly chance."""
STEADY_SECONDS: Final = 3
"""So many seconds running must be as before."""
SHORT_BASELINE: Final = f"the baseline had fewer than {STEADY_SECONDS} whole seconds"

Measures = dict[str, float | None]
"""Of one second: figures of which a higher one is worse, by name; None where nothing was measured."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long it took.

    Attributes:
        seconds: from the cutover until every measure was as before; None where that was not seen, 0 where none left.
        measures: the same for each measure by itself.
        reason: why it is not known; empty where it is.
    """

    seconds: float | None
    measures: dict[str, float | None]
    reason: str = ""


def recovery(baseline: Sequence[Measures], after: Sequence[Measures]) -> Recovery:
    """Compare the seconds since the cutover began with those of the baseline.

    Args:
        baseline: its seconds.
        after: the seconds since the one in which the cutover began, that one included.
    """
    names = sorted({name for second in baseline for name in second})
    if len(baseline) < STEADY_SECONDS:
        unknown: dict[str, float | None] = dict.fromkeys(names)
        return Recovery(None, unknown, SHORT_BASELINE)
    found: dict[str, float | None] = {}
    for name in names:
        known = [value for second in baseline if (value := second.get(name)) is not None]
        bound = max(max(known, default=0.0) * (1 + TOLERANCE_RATIO), UNNOTICED.get(name, 0.0))
        found[name] = _back_after([_is_within(second.get(name), bound) for second in after])
    late = [name for name, seconds in found.items() if seconds is None]
    if late:
        return Recovery(None, found, f"not as in the baseline again when the observation ended: {', '.join(late)}")
    return Recovery(max((seconds for seconds in found.values() if seconds is not None), default=0.0), found)


def _is_within(value: float | None, bound: float) -> bool:
    # A second in which nothing was answered is not as before.
    return value is not None and value <= bound


def _back_after(within: list[bool]) -> float | None:
    if all(within):
        return 0.0 if len(within) >= STEADY_SECONDS else None
    first_out = within.index(False)
    steady = 0
    for number, inside in enumerate(within[first_out:], first_out):
        steady = steady + 1 if inside else 0
        if steady == STEADY_SECONDS:
            return float(number + 1 - STEADY_SECONDS)
    return None
