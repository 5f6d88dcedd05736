"""Figures of a stretch of time that add up, over workers and over time."""

import copy
from dataclasses import fields
from typing import Any, Protocol, Self, cast


class _Mergeable(Protocol):
    def merge(self, other: Any) -> None: ...


class Counts:
    """The base of dataclasses of which every field has a default, which is no count at all.

    A field is a number, a list, a mapping of such fields, or has a `merge` of its own. So a new count is a new field.
    """

    __slots__ = ()

    def merge(self, other: Self) -> None:
        """Add what another one has, which stays as it is: exact, in any order but that of lists."""
        for field in fields(cast("Any", self)):
            setattr(self, field.name, _merged(getattr(self, field.name), getattr(other, field.name)))

    def take(self) -> Self:
        """Hand over what there is, and begin anew."""
        taken, fresh = copy.copy(self), type(self)()
        for field in fields(cast("Any", self)):
            setattr(self, field.name, getattr(fresh, field.name))
        return taken


def _merged(mine: Any, other: Any) -> Any:
    if isinstance(mine, int | float):
        return mine + other
    if isinstance(mine, list):
        mine += other
    elif isinstance(mine, dict):
        for key, value in other.items():
            # A copy, since what is added to it later is none of the other's.
            mine[key] = _merged(mine[key], value) if key in mine else copy.deepcopy(value)
    else:
        cast("_Mergeable", mine).merge(other)
    return mine
