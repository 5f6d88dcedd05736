"""The kinds of query and how often each is asked. To change the mix or add a kind, start here.

A new kind needs an entry in `QUERY_KINDS` and its SQL in `redis_rehearsal.database.reports`.
"""

from dataclasses import dataclass
from typing import Final, Literal

from redis_rehearsal.workload.events import EVENT_TYPES, PAGES

StoredType = Literal["string", "json", "hash", "list", "set", "sorted-set"]
"""A Redis data type in which a report can be stored."""
DataType = Literal[StoredType, "mixed"]
"""What REDIS_DATA_TYPE can be: one type for all reports, or for each kind the one that suits it."""


@dataclass(frozen=True, slots=True)
class QueryKind:
    """One kind of analytics query.

    Attributes:
        name: as it stands in keys.
        share: of all queries, 0 to 1.
        saved_filters: how many filters every organisation has saved and asks again and again; 0 for a
            kind that is asked without a filter.
        cacheable: whether its report is cached; a real-time query reads live counters instead.
        suited: in which types its reports are stored where each kind has its own; saved filters take turns.
    """

    name: str
    share: float
    saved_filters: int = 0
    cacheable: bool = True
    suited: tuple[StoredType, ...] = ("string",)


QUERY_KINDS: Final[tuple[QueryKind, ...]] = (
    QueryKind("overview", 0.175, suited=("hash",)),
    QueryKind("hourly_series", 0.175, suited=("list",)),
    QueryKind("top_pages", 0.175, suited=("sorted-set",)),
    QueryKind("event_distribution", 0.175, suited=("json",)),
    QueryKind("filtered", 0.20, saved_filters=8, suited=("string", "set")),
    QueryKind("real_time", 0.10, cacheable=False),
)

INVALIDATED_KINDS: Final = ("overview", "event_distribution")
"""The kinds whose report an invalidating event makes obsolete."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a query is narrowed to. Number 0 is no filter; every other number is another filter.

    Attributes:
        number: identifies the filter in keys.
        types: bit i is set where events of type i count.
        pages: bit i is set where events on page i count.
        from_bucket: oldest bucket that counts, in buckets before the current one.
        to_bucket: newest bucket that counts, in buckets before the current one; at most `from_bucket`.
    """

    number: int
    types: int
    pages: int
    from_bucket: int
    to_bucket: int

    @classmethod
    def numbered(cls, number: int, time_buckets: int) -> "Filter":
        """The filter of that number, where `time_buckets` buckets are kept.

        Its parts are scattered over all possible ones by multiplicative (Fibonacci) hashing, Knuth,
        The Art of Computer Programming, volume 3, section 6.4.
        """
        all_types, all_pages = (1 << len(EVENT_TYPES)) - 1, (1 << len(PAGES)) - 1
        if number == 0:
            return cls(0, all_types, all_pages, time_buckets - 1, 0)
        scattered = number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        # The highest bits, of which there are as many as types.
        types = (scattered >> 64 - len(EVENT_TYPES)) & all_types or all_types
        pages = (scattered >> 39) & all_pages or all_pages
        ends = (scattered >> 31) % time_buckets, (scattered >> 23) % time_buckets
        return cls(number, types, pages, max(ends), min(ends))


@dataclass(frozen=True, slots=True)
class Slot:
    """One question that every organisation asks again and again.

    Attributes:
        kind: what is asked.
        filter_number: 0, or the number of a saved filter.
        share: of all queries, 0 to 1.
    """

    kind: QueryKind
    filter_number: int
    share: float


SLOTS: Final[tuple[Slot, ...]] = tuple(
    Slot(kind, number, kind.share / max(1, kind.saved_filters))
    for kind in QUERY_KINDS
    for number in (range(1, kind.saved_filters + 1) if kind.saved_filters else (0,))
)
"""All standing questions; a question is an organisation's index times `len(SLOTS)` plus a slot's index."""

REAL_TIME_SLOT: Final = next(i for i, slot in enumerate(SLOTS) if not slot.kind.cacheable)
INVALIDATED_SLOTS: Final = tuple(i for i, slot in enumerate(SLOTS) if slot.kind.name in INVALIDATED_KINDS)
CACHEABLE_SHARE: Final = sum(slot.share for slot in SLOTS if slot.kind.cacheable)
FIRST_NOVEL_FILTER: Final = 1 << 20
"""Filters from this number on are asked once and never again; the numbers below are saved ones."""
