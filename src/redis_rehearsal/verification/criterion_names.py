"""The names of all criteria, in the order in which a verdict is read: what each is about, and the limit that it has.

A verdict with another one cannot be made; advice, documentation, limits and metrics are held against this by tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

About = Literal["run", "data", "time"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A criterion.

    Attributes:
        about: whether the run came to its end, what became of the data, or what it cost the application.
        limit: the option that says what is allowed; None where there is nothing to allow.
    """

    about: About
    limit: str | None = None


CRITERIA: Final[Mapping[str, Declared]] = {
    "migration": Declared("run"),
    "lost": Declared("data", "max_lost"),
    "duplicated": Declared("data", "max_duplicated"),
    "stranded": Declared("data", "max_stranded"),
    "wrong_reports": Declared("data", "max_wrong_reports"),
    "counter_regressions": Declared("data", "max_counter_regressions"),
    "structures": Declared("data", "max_wrong_elements"),
    "comparison": Declared("data", "max_unexplained"),
    "ttl_drift": Declared("data", "max_ttl_drift"),
    "not_carried": Declared("data", "max_not_carried"),
    "run": Declared("run"),
    "failed_queries": Declared("time", "max_failed_queries"),
    "failed_events": Declared("time", "max_failed_events"),
    "sync_p99": Declared("time", "max_sync_p99"),
    "event_sync_p99": Declared("time", "max_sync_p99"),
    "sync_query_downtime": Declared("time", "max_sync_downtime"),
    "sync_event_downtime": Declared("time", "max_sync_downtime"),
    "query_downtime": Declared("time", "max_query_downtime"),
    "event_downtime": Declared("time", "max_event_downtime"),
    "cutover_p99": Declared("time", "max_cutover_p99"),
    "event_cutover_p99": Declared("time", "max_event_cutover_p99"),
    "recovery": Declared("time", "max_recovery"),
}


def about(kind: About) -> frozenset[str]:
    """The criteria that are about something."""
    return frozenset(name for name, declared in CRITERIA.items() if declared.about == kind)
