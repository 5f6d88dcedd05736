"""The commands that there are, each with what is to be known of it before it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

Handler = Callable[["SimulatedRedis", "Session", list[bytes]], Any]
"""Carries a command out, the whole of which it is given, and returns the reply.

Raises:
    Refused: the reply is an error.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        name: of it, in capitals.
        handler: carries it out.
        least: words of it, at least.
        most: words of it, at most.
        writes: whether it may change data.
        grows: whether it may take more memory.
        while_loading: whether a server does it that reads its data.
        while_stale: whether a replica does it that serves nothing for want of its primary.
        while_subscribed: whether a connection takes it that listens.
        at_once: whether it is carried out in a transaction, rather than put off to its end.
        since: which version has it first.
        parts: what its second word may be, in capitals; none where it may be anything.
    """

    name: str
    handler: Handler
    least: int
    most: int
    writes: bool
    grows: bool
    while_loading: bool
    while_stale: bool
    while_subscribed: bool
    at_once: bool
    since: tuple[int, int]
    parts: tuple[bytes, ...]


COMMANDS: Final[dict[bytes, Command]] = {}
"""By name in capitals."""
_MANY: Final = 1 << 30


def command(
    name: str,
    least: int,
    most: int | None = None,
    *,
    writes: bool = False,
    grows: bool = False,
    always: bool = False,
    while_stale: bool = False,
    while_subscribed: bool = False,
    at_once: bool = False,
    since: tuple[int, int] = (0, 0),
    parts: str = "",
) -> Callable[[Handler], Handler]:
    """Put a command into the table; arguments as of `Command`.

    Args:
        name: of it.
        least: words.
        most: words; None for as many as one likes.
        writes: see there.
        grows: see there; it writes then.
        always: `while_loading` and `while_stale`.
        while_stale: see there.
        while_subscribed: see there.
        at_once: see there.
        since: see there.
        parts: see there; with spaces between them.
    """

    def enter(handler: Handler) -> Handler:
        COMMANDS[name.encode()] = Command(
            name=name,
            handler=handler,
            least=least,
            most=_MANY if most is None else most,
            writes=writes or grows,
            grows=grows,
            while_loading=always,
            while_stale=always or while_stale,
            while_subscribed=while_subscribed,
            at_once=at_once,
            since=since,
            parts=tuple(part.encode() for part in parts.split()),
        )
        return handler

    return enter


def find(name: bytes, version: tuple[int, int]) -> Command | None:
    """A command by its name; None where a version has none of it."""
    found = COMMANDS.get(name) or COMMANDS.get(name.upper())
    return found if found is not None and found.since <= version else None
