"""What the simulated platform's owner would look at."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import Metric

from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.web.metrics.families import number, numbers
from redis_rehearsal.workload.events import EVENT_TYPES

_NAMES: Final = [kind.name for kind in EVENT_TYPES]
_PAGE_VIEW: Final = _NAMES.index("page_view")
_CLICK: Final = _NAMES.index("click")
_CONVERSION: Final = _NAMES.index("conversion")


def business(view: RunView) -> Iterator[Metric]:
    """Activity of organisations and users; ratios over the last seconds that all workers have reported."""
    totals = view.totals
    yield numbers(
        "rehearsal_events_by_type", [(name, totals.counts.events.by_type[at]) for at, name in enumerate(_NAMES)]
    )
    active = totals.active_organizations
    yield number("rehearsal_active_organizations", active)
    recent: Counter[int] = Counter()
    for second in totals.recent:
        recent.update(second.events_by_type)
    views, events = recent[_PAGE_VIEW], recent.total()
    yield number("rehearsal_conversion_ratio", recent[_CONVERSION] / views if views else None)
    yield number("rehearsal_engagement_ratio", recent[_CLICK] / views if views else None)
    rate = events / len(totals.recent) / active if events and active else None
    yield number("rehearsal_organization_event_rate", rate)
