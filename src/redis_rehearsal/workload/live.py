"""The live structures that events keep beside their counters, one for each organisation and time bucket.

What each is and how many things in it the ledger keeps an account of. A sixth is an entry here, its commands in
`engine.live_writes`, and its reading in `verification.live_reading`.
"""

from dataclasses import dataclass
from typing import Final

from redis_rehearsal.workload.events import EVENT_TYPES, PAGES

RECENT_KEPT: Final = 200
"""Recent events that a list is cut to."""
RECENT_CHECKED: Final = 100
"""Of those, the newest ones that are surely not cut off, whatever the order in which connections deliver."""
_MOST_USERS: Final = 1000


@dataclass(frozen=True, slots=True)
class LiveStructure:
    """One kind of structure.

    Attributes:
        name: as it stands in keys.
        data_type: with which it is kept.
        counts: whether things in it are counted; else they are there or not.
    """

    name: str
    data_type: str
    counts: bool

    def width(self, users_per_org: int) -> int:
        """How many things in it are accounted for."""
        match self.name:
            case "pages":
                return len(PAGES)
            case "users":
                return min(users_per_org, _MOST_USERS)
            case "recent":
                return RECENT_CHECKED
            case _:
                return len(EVENT_TYPES)


LIVE_STRUCTURES: Final = (
    LiveStructure("totals", "hash", counts=True),
    LiveStructure("pages", "sorted-set", counts=True),
    LiveStructure("document", "json", counts=True),
    LiveStructure("users", "set", counts=False),
    LiveStructure("recent", "list", counts=False),
)


def structures_of(data_types: tuple[str, ...]) -> tuple[LiveStructure, ...]:
    """The live structures that are kept where reports are of some types; none for strings, which counters are."""
    return tuple(structure for structure in LIVE_STRUCTURES if structure.data_type in data_types)
