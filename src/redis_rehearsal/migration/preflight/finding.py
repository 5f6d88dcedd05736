"""What a check came to, and what all of them leave to choose from. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from redis_rehearsal.migration.strategies import STRATEGIES, carrying
from redis_rehearsal.migration.strategy import Carries

Level = Literal["ok", "warning", "blocker"]

STRATEGY_NAMES: Final = tuple(STRATEGIES)
"""Every way of migrating that is judged."""
COPYING: Final = carrying(Carries.KEYS)
"""Those that read keys from the source and write them to the target one by one."""
FOLLOWING: Final = carrying(Carries.SERVER)
"""Those with which the target follows the source."""
CARRYING: Final = COPYING | FOLLOWING
"""Those with which this tool moves the data."""
ELSEWHERE: Final = carrying(Carries.ELSEWHERE)
"""Those with which something else moves the data, of which it is not known here what it can do."""
SWITCHING: Final = frozenset(name for name, strategy in STRATEGIES.items() if strategy.switches)
"""Those that move the application from one server to the other."""
LEAVING: Final = SWITCHING & carrying(Carries.NOTHING)
"""Those that leave the data behind."""
ALL: Final = frozenset(STRATEGY_NAMES)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to.

    Attributes:
        name: of the check.
        level: `blocker` where it keeps at least one strategy from being used.
        sentence: what was found.
        advice: what to do about it; empty where there is nothing to do.
        blocks: the strategies that cannot be used.
    """

    name: str
    level: Level
    sentence: str
    advice: str = ""
    blocks: frozenset[str] = field(default_factory=frozenset)


def ok(name: str, sentence: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "ok", sentence)


def warning(name: str, sentence: str, advice: str) -> Finding:
    """To be known before it begins."""
    return Finding(name, "warning", sentence, advice)


def blocker(name: str, sentence: str, advice: str, blocks: Iterable[str]) -> Finding:
    """Keeps strategies from being used."""
    return Finding(name, "blocker", sentence, advice, frozenset(blocks))


def unseen(name: str, what: str, reason: str, advice: str = "") -> Finding:
    """A server does not show what would have to be known.

    Args:
        name: of the check.
        what: begins the sentence, for example `The modules of the source`.
        reason: why, in the server's words or ours.
        advice: how it would be seen; as a rule by a permission.
    """
    return warning(name, f"{what} could not be seen: {reason}.", advice or "Look yourself, or let the user see it.")


def remaining_strategies(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The strategies that no finding blocks."""
    blocked = frozenset().union(*(finding.blocks for finding in findings))
    return tuple(name for name in STRATEGY_NAMES if name not in blocked)


def stands_in_the_way(findings: Sequence[Finding], strategy: str | None) -> list[Finding]:
    """The blockers for which a migration is not to be begun; none where it may.

    Args:
        findings: all of them.
        strategy: the one that is wanted; without one, any that carries the data over will do.
    """
    remaining = remaining_strategies(findings)
    if strategy is None:
        return [] if CARRYING.intersection(remaining) else [each for each in findings if each.blocks & CARRYING]
    return [each for each in findings if strategy in each.blocks]
