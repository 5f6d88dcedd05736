"""Figures and texts of a document as words; None, and what is none, was not measured."""

from typing import Final

NOT_MEASURED: Final = "not measured"
NONE: Final = "-"
_MOST: Final = 1e18
"No figure of a run is as large; one that is comes from a damaged document, and would not fit a line."
_LARGE: Final = 1000
DIGITS: Final = 4
_SAME_SECONDS: Final = 0.001


def number(value: object) -> float | None:
    """A figure; None for everything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        return None
    return value


def words(value: object, otherwise: str = NOT_MEASURED) -> str:
    """A text in one line, without what a terminal would obey."""
    if not isinstance(value, str):
        return otherwise
    return " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in value).split()) or otherwise


def count(value: object, otherwise: str = NOT_MEASURED) -> str:
    """How many."""
    found = number(value)
    if found is None:
        return otherwise
    return f"{int(found):,}" if found == int(found) else f"{found:,.3f}"


def duration(value: object, otherwise: str = NOT_MEASURED, digits: int = DIGITS) -> str:
    """Seconds, below one as milliseconds."""
    found = number(value)
    if found is None:
        return otherwise
    if abs(found) >= 1:
        # A long run's seconds would otherwise turn into powers of ten.
        return f"{found:,.{digits - 1}f}".rstrip("0").rstrip(".") + " s"
    return f"{found * 1000:.{digits}g} ms" if found else "0 s"


def between(least: object, most: object) -> str:
    """Seconds of which a lower and an upper figure are known; one of them where there is next to nothing between."""
    lower, upper = number(least), number(most)
    if lower is None or upper is None or upper - lower <= _SAME_SECONDS:
        return duration(most)
    return f"{duration(least)} to {duration(most)}"


def percent(value: object, otherwise: str = NOT_MEASURED, digits: int = DIGITS) -> str:
    """A ratio as a percentage."""
    found = number(value)
    return otherwise if found is None else f"{found * 100:.{digits}g}%"


def figure(value: object, otherwise: str = NOT_MEASURED, digits: int = 1) -> str:
    """A figure with so many decimals."""
    found = number(value)
    # What is large needs no decimals, and a row of a table has 80 columns.
    return otherwise if found is None else f"{found:,.{digits if abs(found) < _LARGE else 0}f}"


def milliseconds(value: object) -> str:
    """Seconds as milliseconds, without the unit."""
    found = number(value)
    return NONE if found is None else figure(found * 1000, digits=2)


def clock(value: object) -> str:
    """The time of day in a UTC time."""
    moment = words(value, NONE)
    return moment.rpartition("T")[2].removesuffix("Z") or NONE
