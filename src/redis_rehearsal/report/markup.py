"""HTML that is safe by the way it is made: whatever is not markup of this module's own is escaped."""

import html
import re
from collections.abc import Iterable
from typing import Final

VOID: Final = frozenset({"meta", "wbr"})
"""Elements that have no end tag."""
_ENDING: Final = re.compile(r"<(/script|/style|!--)", re.IGNORECASE)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Text as it may stand in an element or an attribute; what is no character for a file is a question mark."""
    return text if isinstance(text, Markup) else Markup(html.escape(text.encode("utf-8", "replace").decode()))


def joined(parts: Iterable[str]) -> Markup:
    """Parts one after the other, escaped where they are not markup."""
    return Markup("".join(escaped(part) for part in parts))


def element(name: str, /, *children: str, **attributes: str | None) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: what stands in it; text is escaped, markup is not.
        attributes: by name, an underscore for a hyphen and one at the end left out (`class_`, `aria_label`); those
            that are None are left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def raw(name: str, text: str, /, **attributes: str | None) -> Markup:
    """A script or style element, whose text no parser unescapes: nothing in it may end it.

    The text must be of our own making: within a string of JavaScript a backslash before the slash changes nothing.
    """
    return element(name, Markup(harmless(text)), **attributes)


def harmless(text: str) -> str:
    """A script's or a style's text without what would end its element."""
    return _ENDING.sub(r"<\\\1", text)
