"""The event types of the platform and how often each occurs. To change the mix, change it here."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of user activity.

    Attributes:
        name: as it stands in keys and reports.
        share: of all events, 0 to 1.
        invalidates: whether it makes the organisation's cached overview and distribution obsolete at once.
    """

    name: str
    share: float
    invalidates: bool = False


EVENT_TYPES: Final[tuple[EventType, ...]] = (
    EventType("page_view", 0.60),
    EventType("click", 0.28),
    EventType("conversion", 0.10),
    EventType("sign_up", 0.015, invalidates=True),
    EventType("purchase", 0.005, invalidates=True),
)
"""In the order of their numbers in PostgreSQL and of the counters of an organisation."""

INVALIDATING_TYPES: Final = tuple(number for number, kind in enumerate(EVENT_TYPES) if kind.invalidates)
"""The numbers of the types of events that invalidate cached reports."""

INVALIDATING_SHARE: Final = sum(kind.share for kind in EVENT_TYPES if kind.invalidates)
"""Share of all events that invalidate cached reports."""

PAGES: Final[tuple[str, ...]] = (
    *("/", "/pricing", "/docs", "/blog", "/login", "/signup", "/features", "/about", "/contact", "/careers"),
    *(
        "/dashboard",
        "/settings",
        "/billing",
        "/team",
        "/reports",
        "/export",
        "/api",
        "/status",
        "/help",
        "/terms",
    ),
)
"""The pages of every organisation's site, most visited first."""
