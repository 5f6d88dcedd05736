"""Which servers there are in a migration, and where operations go. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["source", "target"]
ROLES: Final[tuple[Role, Role]] = ("source", "target")


@dataclass(frozen=True, slots=True)
class Route:
    """Where reads and writes go.

    Attributes:
        reads: the server that answers reads.
        writes: the server whose answer to a write counts.
        mirror: a second server that gets every write too, whose answer is kept beside; None for none.
    """

    reads: Role = "source"
    writes: Role = "source"
    mirror: Role | None = None
