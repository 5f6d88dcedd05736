"""What a source has and a target cannot hold. Pure."""

from dataclasses import dataclass
from typing import Final

NAMED: Final = 10
"""So many keys are named."""


@dataclass(frozen=True, slots=True)
class NotCarried:
    """What the target could not hold, each thing counted once.

    Attributes:
        things: how many: times to live of fields, counts of streams and of their groups.
        keys: the names of the first keys that had them.
    """

    things: int = 0
    keys: tuple[str, ...] = ()

    def and_then(self, later: "NotCarried | None") -> "NotCarried":
        """This and what was not carried on another way, together."""
        if later is None:
            return self
        return NotCarried(self.things + later.things, tuple(dict.fromkeys(self.keys + later.keys))[:NAMED])
