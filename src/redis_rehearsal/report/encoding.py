"""JSON of whatever a document holds: what JSON cannot hold is replaced and named, since a document must be written."""

from typing import Any, Final

import orjson

from redis_rehearsal.document.base import Part, as_json

UNENCODABLE: Final = "unencodable"
"""The key of a document under which stands what was replaced in it, as paths such as `migration.options.command`."""

_LEAST: Final = -(2**63)
_MOST: Final = 2**64 - 1
_DEPTH: Final = 100


def encode(content: Any, option: int = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE) -> bytes:
    """A document, or a list of some, as JSON.

    Args:
        content: what dict, list, str, int, float, bool, None and parts of documents make; whatever else is in it is
            replaced by its text, and what is no character by a question mark.
        option: of orjson.
    """
    try:
        return orjson.dumps(content, _part, option)
    except (TypeError, ValueError, RecursionError):
        replaced: list[str] = []
        content = _plain(content, "", replaced, _DEPTH)
        if isinstance(content, dict):
            content[UNENCODABLE] = replaced
        return orjson.dumps(content, option=option)


def _part(value: object) -> object:
    if isinstance(value, Part):
        return as_json(value)
    raise TypeError


def _plain(value: Any, path: str, replaced: list[str], depth: int) -> Any:
    if isinstance(value, Part):
        value = as_json(value)
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        if _LEAST <= value <= _MOST:
            return int(value)
    elif isinstance(value, str):
        text = value.encode("utf-8", "replace").decode()
        if text != value:
            replaced.append(path)
        return text
    elif depth and isinstance(value, dict):
        return {
            _plain(str(name), f"{path} (its name)", replaced, depth): _plain(
                each, f"{path}.{_text(name)}" if path else _text(name), replaced, depth - 1
            )
            for name, each in value.items()
        }
    elif depth and isinstance(value, list | tuple):
        return [_plain(each, f"{path}[{place}]", replaced, depth - 1) for place, each in enumerate(value)]
    replaced.append(path)
    return _text(value)


def _text(value: object) -> str:
    try:
        text = str(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits has no text
        text = f"a value of the type {type(value).__name__}"
    return text[:1000].encode("utf-8", "replace").decode()
