"""Reads a document however damaged: what is not there, or is something else, is None or empty, and never an error."""

import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from redis_rehearsal.document.base import Part

P = TypeVar("P", bound=Part)

_MOST: Final = 1e18
"""No figure of a run is as large; one that is comes from a damaged document, and would not fit a line."""


def read(kind: type[P], value: object) -> P:
    """A part as far as it is there.

    Args:
        kind: of the part.
        value: as JSON has it.
    """
    found = value if isinstance(value, Mapping) else {}
    return kind(**{name: _read(hint, found.get(written)) for name, written, hint in _fields(kind)})


@cache
def _fields(kind: type[Part]) -> list[tuple[str, str, Any]]:
    hints = get_type_hints(kind)
    return [(each.name, each.encode_name, hints[each.name]) for each in msgspec.structs.fields(kind)]


def _read(hint: Any, value: object) -> Any:
    if hint is Any:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _read(arguments[0], value)
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in arguments if each is not types.NoneType)
        # A part that need not be there is not there where it is empty.
        there = bool(value) and isinstance(value, Mapping) if _is_part(inner) else value is not None
        return _read(inner, value) if there else None
    if origin is Literal:
        return value if value in arguments else None
    if origin is Sequence:
        return [_read(arguments[0], each) for each in value] if isinstance(value, list) else []
    if origin is Mapping:
        found = value.items() if isinstance(value, Mapping) else ()
        return {name: _read(arguments[1], each) for name, each in found if isinstance(name, str)}
    if _is_part(hint):
        return read(hint, value)
    return _scalar(hint, value)


def _is_part(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Part)


def _scalar(kind: type, value: object) -> object:
    if kind in (int, float):
        return _number(kind, value)
    return value if isinstance(value, kind) else None


def _number(kind: type, value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        return None
    if kind is float:
        return float(value)
    return int(value) if value == int(value) else None
