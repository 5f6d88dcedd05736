"""What the catalogue says of a metric."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from redis_rehearsal.cache.route import ROLES

Kind = Literal["counter", "gauge", "histogram", "info"]
Unit = Literal["", "seconds", "bytes", "ratio", "per second"]


class Group(StrEnum):
    """What a metric tells of."""

    PERFORMANCE = "performance"
    BUSINESS = "business"
    INFRASTRUCTURE = "infrastructure"
    MIGRATION = "migration"


@dataclass(frozen=True, slots=True)
class Entry:
    """A metric.

    Attributes:
        name: without the `_total` of a counter, and the `_info` of an info.
        kind: of it.
        group: of it.
        help: what it is, in a sentence.
        labels: its labels, with all values, or with one that says what they are.
        unit: of its values; empty for numbers of things and for 0 or 1.
        when: when it has samples; empty where it always does.
    """

    name: str
    kind: Kind
    group: Group
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: Unit = ""
    when: str = ""

    @property
    def full_name(self) -> str:
        """As expressions and pages write it."""
        suffixes = {"counter": "_total", "info": "_info"}
        return f"{self.name}{suffixes.get(self.kind, '')}"


DATABASE: Final = "database"
OTHERS: Final = "others"
KINDS: Final = {"kind": ("queries", "events")}
REDIS: Final = {"server": ROLES}
SERVERS: Final = {"server": (*ROLES, DATABASE)}
