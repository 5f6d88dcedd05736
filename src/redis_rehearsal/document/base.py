"""What the parts of a document have in common."""

from typing import Annotated, Any, Final, TypeVar

import msgspec

T = TypeVar("T")

ALWAYS: Final = "always"
"""Marks what is never null in a document that this version has written."""
Given = Annotated[T | None, ALWAYS]
"""What is always given where a document is written; None only where one that is read is damaged, or of another version.

Parts, lists and objects need no such mark: where they are damaged they are empty.
"""
Seconds = float
"""A duration."""
UtcTime = str
"""A moment, as `2026-11-28T12:33:49.988Z`."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document, of which each field must be given; None is what was not measured, or does not apply."""


def as_json(part: Part) -> dict[str, Any]:
    """As JSON would hold it: dict, list, str, int, float, bool and None."""
    made: dict[str, Any] = msgspec.to_builtins(part, enc_hook=_text)
    return made


def _text(value: object) -> str:
    """A text with more to it, such as a reason with its cause."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no place in a document")
