"""The verdict: what was measured against what is allowed. Pure.

A criterion that could not be measured is unknown, not passed. One failed criterion fails the whole; else one that
is unknown makes it unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from redis_rehearsal.verification.reasons import NO_REASON, Cause, Reason

Unit = Literal["count", "ratio", "seconds", ""]


class Status(StrEnum):
    """Of a criterion."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


BADNESS: Final = (Status.PASSED, Status.UNKNOWN, Status.FAILED)
"""From good to bad: of several the last one counts."""


class VerdictStatus(StrEnum):
    """Of the whole."""

    PASS = "pass"  # noqa: S105 # no password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that is asked of a migration.

    Attributes:
        name: of it.
        limit: what is allowed.
        measured: what was found; None where it could not be measured.
        status: what follows.
        unit: of both figures.
        reason: why it failed or is unknown; empty where it passed.
        causes: what it is unknown for; none where it is not.

    Raises:
        ValueError: it is unknown for nothing, so that nobody could say what to do about it.
    """

    name: str
    limit: float | None
    measured: float | None
    status: Status
    unit: Unit = "count"
    reason: str = ""
    causes: tuple[Cause, ...] = ()

    def __post_init__(self) -> None:
        if self.status is Status.UNKNOWN and not self.causes:
            raise ValueError(f"{self.name} is unknown for no cause that is declared in reasons.py: {self.reason}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all criteria come to.

    Raises:
        ValueError: one is there twice.
    """

    criteria: list[Criterion] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = [criterion.name for criterion in self.criteria]
        if len(set(names)) < len(names):
            raise ValueError(f"each criterion must be there once: {', '.join(names)}")

    @property
    def status(self) -> VerdictStatus:
        """Fail where one failed; else unknown where one is, or where there is none."""
        found = {criterion.status for criterion in self.criteria}
        if Status.FAILED in found:
            return VerdictStatus.FAIL
        return VerdictStatus.UNKNOWN if Status.UNKNOWN in found or not found else VerdictStatus.PASS


def unknown(name: str, limit: float | None, measured: float | None, unit: Unit, reason: Reason) -> Criterion:
    """A criterion of which nothing is known; arguments as the attributes of `Criterion`."""
    return Criterion(name, limit, measured, Status.UNKNOWN, unit, reason, reason.causes)


def at_most(
    name: str,
    limit: float | None,
    measured: float | None,
    unit: Unit,
    *,
    unless: Reason = NO_REASON,
    unmeasured: Reason,
    failed: str,
) -> Criterion:
    """A figure that must not exceed its limit.

    Args:
        name: of the criterion.
        limit: None where it could not be computed.
        measured: None where it could not be measured.
        unit: of both.
        unless: why the measurement proves nothing; empty where it does.
        unmeasured: why there is none.
        failed: why it is too high.
    """
    if measured is None or limit is None:
        return unknown(name, limit, None, unit, unmeasured)
    if unless:
        return unknown(name, limit, measured, unit, unless)
    if measured > limit:
        return Criterion(name, limit, measured, Status.FAILED, unit, failed)
    return Criterion(name, limit, measured, Status.PASSED, unit)


def bounded(name: str, limit: int, least: int | None, most: int | None, *, reason: Reason, failed: str) -> Criterion:
    """A count that is known by its bounds: too much for sure is failed, perhaps too much is unknown.

    Args:
        name: of the criterion.
        limit: what is allowed.
        least: so many for sure; None where it could not be counted.
        most: no more than that; None where there is no bound.
        reason: why there is no count or no bound.
        failed: what too much means.
    """
    if least is None:
        return unknown(name, limit, None, "count", reason)
    if least > limit:
        return Criterion(name, limit, least, Status.FAILED, "count", failed)
    if most is None:
        return unknown(name, limit, least, "count", reason)
    if most > limit:
        return unknown(name, limit, least, "count", Cause.OUTCOME_UNKNOWN.because(most=most))
    return Criterion(name, limit, least, Status.PASSED, "count")


def judge(criteria: Iterable[Criterion]) -> Verdict:
    """All criteria together."""
    return Verdict(list(criteria))
