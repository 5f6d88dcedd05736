"""The JSON Schema of a part, from its types and docstrings."""

import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import docstring_parser
import msgspec

from redis_rehearsal.document.base import ALWAYS, Part

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final = {int: "integer", float: "number", str: "string", bool: "boolean"}


def schema(kind: type[Part], references: str = "#/$defs/") -> dict[str, Any]:
    """The schema of a document.

    Args:
        kind: of the document.
        references: where the schemas of its parts are, such as in a description of an API.

    Returns:
        Its schema, with those of its parts under `$defs`. Fields that a newer version adds are allowed.
    """
    parts: dict[str, Any] = {}
    _add(kind, parts, references)
    whole = parts.pop(kind.__name__)
    return {"$schema": DIALECT, "title": kind.__name__, **whole, "$defs": dict(sorted(parts.items()))}


def described(kind: type[Part]) -> tuple[str, dict[str, str]]:
    """What a part is, and what each of its fields means, by the name that it has in JSON."""
    meanings: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each is not Part and issubclass(each, Part):
            parsed = docstring_parser.parse(inspect.getdoc(each) or "", docstring_parser.DocstringStyle.GOOGLE)
            meanings |= {param.arg_name: _line(param.description) for param in parsed.params}
    said = docstring_parser.parse(inspect.getdoc(kind) or "", docstring_parser.DocstringStyle.GOOGLE)
    whole = _line(" ".join(filter(None, (said.short_description, said.long_description))))
    return whole, {field.encode_name: meanings[field.name] for field in msgspec.structs.fields(kind)}


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _add(kind: type[Part], parts: dict[str, Any], references: str) -> None:
    if kind.__name__ in parts:
        return
    parts[kind.__name__] = {}  # a part of itself would not end
    hints = get_type_hints(kind, include_extras=True)
    meaning, meanings = described(kind)
    fields = msgspec.structs.fields(kind)
    parts[kind.__name__] = {
        "description": meaning,
        "type": "object",
        "properties": {
            field.encode_name: {
                "description": meanings[field.encode_name],
                **_of(hints[field.name], parts, references),
            }
            for field in fields
        },
        "required": [field.encode_name for field in fields],
    }


def _of(hint: Any, parts: dict[str, Any], references: str) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if origin is Annotated:
        inner, *marks = arguments
        return _of(_without_none(inner) if ALWAYS in marks else inner, parts, references)
    if origin in (Union, types.UnionType):
        return _or_null(_of(_without_none(hint), parts, references))
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is Sequence:
        return {"type": "array", "items": _of(arguments[0], parts, references)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _of(arguments[1], parts, references)}
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    _add(hint, parts, references)
    return {"$ref": f"{references}{hint.__name__}"}


def _without_none(hint: Any) -> Any:
    (inner,) = (each for each in get_args(hint) if each is not types.NoneType)
    return inner


def _or_null(made: dict[str, Any]) -> dict[str, Any]:
    if "type" in made:
        return {**made, "type": [made["type"], "null"]}
    return {"anyOf": [made, {"type": "null"}]}
