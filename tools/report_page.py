"""Writes the tables of docs/report.md from the types of the run's document."""

import re
from pathlib import Path
from typing import Any, Final

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.schema import schema

PAGE: Final = Path(__file__).parents[1] / "docs" / "report.md"
_BEGINS, _ENDS = "<!-- made from the code, from here -->", "<!-- to here -->"
_MOST_PLACES: Final = 4
_WORDS: Final[dict[str, str]] = {"array": "list", "string": "text"}


def page_text(text: str) -> str:
    """The page with its tables as they are to be.

    Args:
        text: of the page.
    """
    made = f"{_BEGINS}\n\n{_tables()}\n{_ENDS}"
    return re.sub(f"{_BEGINS}.*?{_ENDS}", lambda _: made, text, flags=re.DOTALL)


def _tables() -> str:
    whole = schema(RunDocument)
    parts = whole["$defs"]
    places: dict[str, list[str]] = {}
    _find(whole, "", parts, places)
    blocks = [_table(whole)]
    for name, found in places.items():
        shown = ", ".join(f"`{place}`" for place in found[:_MOST_PLACES])
        more = " and others" if len(found) > _MOST_PLACES else ""
        blocks.append(f"**{shown}{more}**: {_lower(parts[name]['description'])}\n\n{_table(parts[name])}")
    return "\n".join(blocks)


def _find(part: dict[str, Any], at: str, parts: dict[str, Any], places: dict[str, list[str]]) -> None:
    """Where parts are, depth first; each kind is described at its first place."""
    for name, field in part["properties"].items():
        inner, place = field, f"{at}{name}"
        while "$ref" not in inner:
            if "anyOf" in inner:
                inner = inner["anyOf"][0]
            elif "items" in inner:
                inner, place = inner["items"], f"{place}[]"
            elif inner.get("additionalProperties"):
                inner, place = inner["additionalProperties"], f"{place}.…"
            else:
                break
        if "$ref" in inner:
            kind = inner["$ref"].rpartition("/")[2]
            places.setdefault(kind, []).append(place)
            _find(parts[kind], f"{place}.", parts, places)


def _table(part: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {field['description'].rstrip('.')} |"
        for name, field in part["properties"].items()
    ]
    return "\n".join(["| field | is | meaning |", "|---|---|---|", *rows, ""])


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{each}`" if each else "empty" for each in field["enum"])
    if "anyOf" in field:
        return f"{_kind(field['anyOf'][0])} or null"
    kind = field.get("type", "object" if "$ref" in field else "any")
    kinds = kind if isinstance(kind, list) else [kind]
    return " or ".join(_WORDS.get(str(each), str(each)) for each in kinds)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page_text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
