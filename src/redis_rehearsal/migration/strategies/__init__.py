"""The ways of migrating: a file each, which declares one; what it does is in `running/`.

Whatever is in this folder, or declared by another package, is a strategy: the command line, the models of options, the
preflight, the page and the documents read it here.
"""

from typing import Final

from redis_rehearsal.migration.declaring import declared_in
from redis_rehearsal.migration.plugins import with_others
from redis_rehearsal.migration.strategy import Carries, Strategy

ENTRY_POINTS: Final = "redis_rehearsal.strategies"
ALL: Final = "all"
"""Asked for instead of a name: every strategy that can be rehearsed by itself."""

STRATEGIES: Final[dict[str, Strategy]] = with_others(
    declared_in(__name__, __path__, Strategy), Strategy, ENTRY_POINTS, "[a-z][a-z0-9-]*", ALL
)
"""All of them by name, in the order in which they are shown."""
SUGGESTED: Final = next(name for name, strategy in STRATEGIES.items() if strategy.suggested)
"""The one that is offered to who does not know yet."""


def carrying(*what: Carries) -> frozenset[str]:
    """The strategies that bring one of these to the target."""
    return frozenset(name for name, strategy in STRATEGIES.items() if strategy.carries in what)


def using(option: str) -> tuple[str, ...]:
    """The strategies that have a use for an option that is not for all; none for one that is for all."""
    return tuple(name for name, strategy in STRATEGIES.items() if option in strategy.options_used)


def either(names: frozenset[str]) -> str:
    """Some strategies as a sentence names them, one of which it speaks of."""
    return " or ".join(f"`{name}`" for name in STRATEGIES if name in names)


def listed(names: frozenset[str]) -> str:
    """Some strategies as a sentence names them, all of which it speaks of."""
    *others, last = (name for name in STRATEGIES if name in names)
    return f"{', '.join(others)} and {last}" if others else last
