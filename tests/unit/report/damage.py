"""Documents in which something is missing, of another kind, or hostile."""

import copy
from typing import Any

from hypothesis import strategies as st

from tests.unit.report.made_migration import document

JUNK: tuple[Any, ...] = (
    None,
    0,
    -1,
    True,
    1e300,
    float("nan"),
    10**5000,
    "",
    "\x1b[31mred\nand\tmore\ud800",
    "x" * 200,
    "宽" * 90,
    [],
    {},
    [None],
    [[{}]],
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of a document."""
    inside: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [found for name, each in inside for found in [(*path, name), *places(each, (*path, name))]]


PLACES = places(document())


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    made = copy.deepcopy(document(draw(st.sampled_from(("pass", "fail", "unknown"))), lost="failed"))
    for path in draw(st.lists(st.sampled_from(PLACES), max_size=30)):
        holder: Any = made
        try:
            for name in path[:-1]:
                holder = holder[name]
            if draw(st.booleans()):
                del holder[path[-1]]
            else:
                holder[path[-1]] = draw(st.sampled_from(JUNK))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier damage took it away
    return made
