"""The metrics of the simulated platform's business."""

from typing import Final

from redis_rehearsal.web.metrics.catalogue.entry import Entry, Group
from redis_rehearsal.workload.events import EVENT_TYPES

_ASKED: Final = "while events were due in the last 10 s"
_VIEWED: Final = "while there were page views in the last 10 s"

ENTRIES: Final = (
    Entry(
        "rehearsal_events_by_type",
        "counter",
        Group.BUSINESS,
        "Events that were due, by type.",
        {"type": tuple(kind.name for kind in EVENT_TYPES)},
    ),
    Entry(
        "rehearsal_active_organizations",
        "gauge",
        Group.BUSINESS,
        "Active organisations: with an event in the last 60 s.",
    ),
    Entry(
        "rehearsal_conversion_ratio",
        "gauge",
        Group.BUSINESS,
        "Conversion rate: conversions by page view, over the last 10 s.",
        {},
        "ratio",
        _VIEWED,
    ),
    Entry(
        "rehearsal_engagement_ratio",
        "gauge",
        Group.BUSINESS,
        "User engagement: clicks by page view, over the last 10 s.",
        {},
        "ratio",
        _VIEWED,
    ),
    Entry(
        "rehearsal_organization_event_rate",
        "gauge",
        Group.BUSINESS,
        "User engagement: events a second by active organisation, over the last 10 s.",
        {},
        "per second",
        _ASKED,
    ),
)
