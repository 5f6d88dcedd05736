"""The verdict of a run's document and its criteria, as words."""

from typing import Final

from redis_rehearsal.document.verdict import Criterion, Verdict
from redis_rehearsal.report.reading import DIGITS, NONE, NOT_MEASURED, count, duration, percent, words

_ALL_DIGITS: Final = 12


def verdict_status(verdict: Verdict | None) -> str:
    """`pass`, `fail` or `unknown`; what was not judged is unknown."""
    return (verdict.status if verdict else None) or "unknown"


def verdict_sentence(verdict: Verdict | None) -> str:
    """Why the verdict is what it is.

    The criteria are what was found; where they do not bear the verdict out, the sentence says so.
    """
    if verdict is None:
        return "No verdict was reached: the run ended before it, or the document is damaged."
    status, criteria = verdict_status(verdict), verdict.criteria
    failed = [_named(each) for each in criteria if criterion_status(each) == "failed"]
    unknown = [words(each.name) for each in criteria if criterion_status(each) == "unknown"]
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


def criterion_status(criterion: Criterion) -> str:
    """`passed`, `failed` or `unknown`; a criterion that says none of them is unknown."""
    return criterion.status or "unknown"


def limit_and_measured(criterion: Criterion) -> tuple[str, str]:
    """Both figures in the criterion's unit, with enough digits to tell them apart."""
    limit, measured, unit = criterion.limit, criterion.measured, criterion.unit
    if limit is None and measured is None and not unit:
        return NONE, NONE  # it is met or not, such as that the migration ended as it should
    shown = _in_unit(limit, unit, "none", DIGITS), _in_unit(measured, unit, NOT_MEASURED, DIGITS)
    if limit != measured and shown[0] == shown[1]:
        return _in_unit(limit, unit, "none", _ALL_DIGITS), _in_unit(measured, unit, NOT_MEASURED, _ALL_DIGITS)
    return shown


def _in_unit(value: float | None, unit: str | None, otherwise: str, digits: int) -> str:
    if unit == "seconds":
        return duration(value, otherwise, digits)
    return percent(value, otherwise, digits) if unit == "ratio" else count(value, otherwise)


def _of(some: int, all_of_them: int) -> str:
    return f"{some} of {all_of_them} criteri{'on' if all_of_them == 1 else 'a'}"


def _named(criterion: Criterion) -> str:
    limit, measured = limit_and_measured(criterion)
    name = words(criterion.name)
    if measured != NONE:
        return f"{name} ({measured}, limit {limit})"
    reason = words(criterion.reason, "").rstrip(".")
    return f"{name} ({reason})" if reason else name
