"""Numbers as people type them: plain ones, counts, shares and durations, each with its range."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from redis_rehearsal.groups import DURATION

MOST: Final = 1_000_000_000_000_000
"""No count is higher: a million increments a second for thirty years, and every reader of JSON has it exactly."""

DURATION_PATTERN: Final = r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|)"
"""How a duration with a unit is written."""
_DURATION = re.compile(DURATION_PATTERN)
_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def is_plain(text: str) -> bool:
    """Whether a text is a number to people, too: Python reads more as one, such as 1_000."""
    return _NUMBER.fullmatch(text) is not None


def _no_truth_value(value: object) -> None:
    if isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 # pydantic's validators raise this one


def _duration_seconds(value: object) -> object:
    _no_truth_value(value)
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(value)
        return float(match[1]) * _DURATION_UNITS[match[2]]
    return value


def _plain_number(value: object) -> object:
    _no_truth_value(value)
    if isinstance(value, str) and not is_plain(value):
        raise ValueError(value)
    return value


def _share(value: object) -> object:
    if isinstance(value, str) and value.strip().endswith("%"):
        number = value.strip().removesuffix("%").strip()
        if not is_plain(number):
            raise ValueError(value)
        return float(number) / 100
    return _plain_number(value)


SECONDS: Final = BeforeValidator(_duration_seconds)
"""Marks a number of seconds that can be given with a unit."""
PLAIN: Final = BeforeValidator(_plain_number)
"""Marks a number without a unit."""
SHARE: Final = BeforeValidator(_share)
"""Marks a share that can be given in percent."""
SHARE_PATTERN: Final = r"[0-9]+(?:\.[0-9]+)?\s*%"
"""How a share in percent is written."""

Seconds = Annotated[float, Field(ge=0, le=86_400), SECONDS, DURATION]
Ratio = Annotated[float, Field(ge=0, le=1), SHARE]
Count = Annotated[int, Field(ge=0, le=MOST), PLAIN]
