"""The verdict of a run's document and its criteria, as words."""

from typing import Any, Final

from redis_rehearsal.report.reading import (
    DIGITS,
    NONE,
    NOT_MEASURED,
    count,
    duration,
    number,
    part,
    parts,
    percent,
    words,
)

_ALL_DIGITS: Final = 12
_STATUSES: Final = ("passed", "failed", "unknown")


def verdict_status(document: object) -> str:
    """`pass`, `fail` or `unknown`; what was not judged is unknown."""
    status = part(document, "verdict").get("status")
    return status if status in ("pass", "fail") else "unknown"


def verdict_sentence(document: object) -> str:
    """Why the verdict is what it is.

    The criteria are what was found; where they do not bear the verdict out, the sentence says so.
    """
    status = verdict_status(document)
    criteria = parts(part(document, "verdict"), "criteria")
    failed = [_named(each) for each in criteria if criterion_status(each) == "failed"]
    unknown = [words(each.get("name")) for each in criteria if criterion_status(each) == "unknown"]
    if not part(document, "verdict"):
        return "No verdict was reached: the run ended before it, or the document is damaged."
    if not criteria:
        return f"The document names no criteria, so that nothing in it bears out {status.upper()}."
    if failed:
        contradiction = "" if status == "fail" else f", although the document says {status.upper()}"
        return f"{_of(len(failed), len(criteria))} failed{contradiction}: {'; '.join(failed)}."
    if unknown:
        contradiction = "" if status == "unknown" else f", although the document says {status.upper()}"
        return f"{_of(len(unknown), len(criteria))} could not be measured{contradiction}: {', '.join(unknown)}."
    contradiction = "" if status == "pass" else f", although the document says {status.upper()}"
    return f"All {len(criteria)} criteria passed{contradiction}."


def criterion_status(criterion: dict[str, Any]) -> str:
    """`passed`, `failed` or `unknown`; a criterion that says none of them is unknown."""
    status = criterion.get("status")
    return status if isinstance(status, str) and status in _STATUSES else "unknown"


def limit_and_measured(criterion: dict[str, Any]) -> tuple[str, str]:
    """Both figures in the criterion's unit, with enough digits to tell them apart."""
    limit, measured, unit = number(criterion.get("limit")), number(criterion.get("measured")), criterion.get("unit")
    if limit is None and measured is None and not unit:
        return NONE, NONE  # it is met or not, such as that the migration ended as it should
    shown = _in_unit(limit, unit, "none", DIGITS), _in_unit(measured, unit, NOT_MEASURED, DIGITS)
    if limit != measured and shown[0] == shown[1]:
        return _in_unit(limit, unit, "none", _ALL_DIGITS), _in_unit(measured, unit, NOT_MEASURED, _ALL_DIGITS)
    return shown


def _in_unit(value: float | None, unit: object, otherwise: str, digits: int) -> str:
    if unit == "seconds":
        return duration(value, otherwise, digits)
    return percent(value, otherwise, digits) if unit == "ratio" else count(value, otherwise)


def _of(some: int, all_of_them: int) -> str:
    return f"{some} of {all_of_them} criteri{'on' if all_of_them == 1 else 'a'}"


def _named(criterion: dict[str, Any]) -> str:
    limit, measured = limit_and_measured(criterion)
    name = words(criterion.get("name"))
    if measured != NONE:
        return f"{name} ({measured}, limit {limit})"
    reason = words(criterion.get("reason"), "").rstrip(".")
    return f"{name} ({reason})" if reason else name
