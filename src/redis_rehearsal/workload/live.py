"""The live structures that events keep beside their counters, one for each organisation and time bucket.

What each is and how many things in it the ledger keeps an account of. A sixth is an entry here, its commands in
`engine.live_writes`, and its reading in `verification.live_reading`.
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from redis_rehearsal.workload.events import EVENT_TYPES, PAGES

RECENT_KEPT: Final = 200
"""Recent events that a list is cut to."""
RECENT_ACCOUNTED: Final = 300
"""Recent events that the ledger remembers: more than are kept, since some may never have arrived."""
RECENT_WIDTH: Final = RECENT_ACCOUNTED + 2
"""Places that the ledger has for each list: beside the events, what the replies to them told."""
DROPPED: Final = RECENT_ACCOUNTED
"""The place of how many elements were found to be missing as events were added."""
LENGTH: Final = RECENT_ACCOUNTED + 1
"""The place of how long the list was when an event was last added."""
_CODE_BITS: Final = 32
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
                return RECENT_WIDTH
            case _:
                return len(EVENT_TYPES)


def recent_code(number: int, element: bytes) -> int:
    """What the ledger remembers of a recent event: its number, in the order of sending, and its content."""
    return number << _CODE_BITS | crc32(element)


def number_of(code: int) -> int:
    """The number of a recent event."""
    return code >> _CODE_BITS


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
