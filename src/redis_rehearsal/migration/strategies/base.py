"""What a strategy is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis_rehearsal.migration.context import Context


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way of migrating.

    Attributes:
        name: as people ask for it.
        summary: how it goes, in one sentence.
        goes_wrong: what is expected to go wrong with it, in one sentence.
        check: sees, before anything is touched, that it can be done; raises MigrationError where it cannot.
        run: does it, phases included; returns when the application is on the target.
        switches: whether it is the tool that moves the application.
    """

    name: str
    summary: str
    goes_wrong: str
    check: Callable[[Context], Awaitable[None]]
    run: Callable[[Context], Awaitable[None]]
    switches: bool = True
