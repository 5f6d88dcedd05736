"""The SQL of each report. A new kind of query needs its entry in `QUERIES`.

Reports are computed from roll-ups that are kept beside the event rows, as a platform of this kind does; with
QUERY_COMPLEXITY 2 and 3 also from the rows of the last minute themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from redis_rehearsal.clock import utc
from redis_rehearsal.workload.events import EVENT_TYPES, PAGES
from redis_rehearsal.workload.queries import Filter

RECENT_SECONDS: Final = 60

Entries = dict[str, int]
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The buckets that a report covers.

    Attributes:
        current_start: Unix time at which the current bucket begins.
        bucket_seconds: length of a bucket.
        kept: how many buckets are kept, the current one included.
    """

    current_start: int
    bucket_seconds: int
    kept: int

    @classmethod
    def at(cls, unix_seconds: float, bucket_seconds: int, kept: int) -> "Window":
        """The window at a time."""
        return cls(int(unix_seconds) // bucket_seconds * bucket_seconds, bucket_seconds, kept)

    def start(self, buckets_ago: int) -> int:
        """Unix time at which the bucket so many before the current one begins."""
        return self.current_start - buckets_ago * self.bucket_seconds


def _overview(rows: list[_Row], window: Window) -> Entries:
    totals = {row[0]: (row[1], row[2]) for row in rows}
    entries = {"total": sum(total for total, _ in totals.values())}
    for number, kind in enumerate(EVENT_TYPES):
        entries[kind.name], entries[f"{kind.name}_now"] = totals.get(number, (0, 0))
    views = entries["page_view"]
    entries["conversion_permille"] = 1000 * entries["conversion"] // views if views else 0
    return entries


def _series(rows: list[_Row], window: Window) -> Entries:
    entries = _empty_series(window.kept).copy()
    current, length = window.current_start, window.bucket_seconds
    for start, events in rows:
        if start is None:
            entries["on_pages"] = events or 0
        else:
            entries[str((start - current) // length)] = events
    return entries


@cache
def _empty_series(buckets: int) -> Entries:
    return {str(-ago): 0 for ago in range(buckets - 1, -1, -1)}


def _top_pages(rows: list[_Row], window: Window) -> Entries:
    return {PAGES[row[0]]: row[1] for row in rows}


def _distribution(rows: list[_Row], window: Window) -> Entries:
    found = {row[0]: (row[1], row[2]) for row in rows}
    total = sum(count for count, _ in found.values()) or 1
    entries: Entries = {}
    for number, kind in enumerate(EVENT_TYPES):
        count, peak = found.get(number, (0, 0))
        entries |= {
            kind.name: count,
            f"{kind.name}_permille": 1000 * count // total,
            f"{kind.name}_peak": peak,
        }
    return entries


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """How one kind of report is computed.

    Attributes:
        sql: with $1 the organisation, $2 and $3 the starts of the oldest and the newest bucket, $4 a bit for
            each type and $5 a bit for each page that counts.
        shape: makes entries of the rows.
        by_pages: whether $4 is the pages and there is no $5.
        by_both: whether there is a $5.
    """

    sql: str
    shape: Callable[[list[_Row], Window], Entries]
    by_pages: bool = False
    by_both: bool = False

    def arguments(self, organization: int, asked: Filter, window: Window) -> tuple[Any, ...]:
        """The values of the SQL's parameters."""
        oldest, newest = window.start(asked.from_bucket), window.start(asked.to_bucket)
        if self.by_both:
            return organization, oldest, newest, asked.types, asked.pages
        return organization, oldest, newest, asked.pages if self.by_pages else asked.types


_WHERE: Final = "WHERE organization_id = $1 AND bucket_start BETWEEN $2 AND $3"

QUERIES: Final[dict[str, ReportQuery]] = {
    "overview": ReportQuery(
        "SELECT type, sum(events)::bigint, "  # noqa: S608 # constants
        "coalesce(sum(events) FILTER (WHERE bucket_start = $3), 0)::bigint "
        f"FROM analytics.hourly_events {_WHERE} AND $4::integer >> type & 1 = 1 GROUP BY type",
        _overview,
    ),
    "hourly_series": ReportQuery(
        "SELECT bucket_start, sum(events)::bigint "  # noqa: S608 # constants
        f"FROM analytics.hourly_events {_WHERE} AND $4::integer >> type & 1 = 1 GROUP BY bucket_start",
        _series,
    ),
    "top_pages": ReportQuery(
        "SELECT page, sum(events)::bigint AS events "  # noqa: S608 # constants
        f"FROM analytics.hourly_pages {_WHERE} AND $4::integer >> page & 1 = 1 "
        "GROUP BY page ORDER BY events DESC, page LIMIT 12",
        _top_pages,
        by_pages=True,
    ),
    "event_distribution": ReportQuery(
        "SELECT type, sum(events)::bigint, max(events) "  # noqa: S608 # constants
        f"FROM analytics.hourly_events {_WHERE} AND $4::integer >> type & 1 = 1 GROUP BY type",
        _distribution,
    ),
    "filtered": ReportQuery(
        "SELECT bucket_start, sum(events)::bigint "  # noqa: S608 # constants
        f"FROM analytics.hourly_events {_WHERE} AND $4::integer >> type & 1 = 1 GROUP BY bucket_start "
        "UNION ALL SELECT NULL, sum(events)::bigint "
        f"FROM analytics.hourly_pages {_WHERE} AND $5::integer >> page & 1 = 1",
        _series,
        by_both=True,
    ),
}

_RECENT_ROWS: Final = """
SELECT count(*), count(DISTINCT user_id) FROM analytics.events
WHERE organization_id = $1 AND occurred_at >= $2"""

_RECENT_SEGMENTS: Final = """
SELECT segment, count(*) FROM analytics.events e
JOIN analytics.users u ON u.organization_id = e.organization_id AND u.id = e.user_id
WHERE e.organization_id = $1 AND e.occurred_at >= $2 GROUP BY segment ORDER BY segment"""


async def compute(
    connection: Any, kind: str, organization: int, asked: Filter, window: Window, complexity: int
) -> Entries:
    """Compute a report from the rows in PostgreSQL.

    Args:
        connection: an asyncpg connection.
        kind: name of the query kind.
        organization: its number.
        asked: what it is narrowed to.
        window: the buckets that are kept.
        complexity: see QUERY_COMPLEXITY.

    Returns:
        The entries of the report, at least 12.
    """
    query = QUERIES[kind]
    rows = await connection.fetch(query.sql, *query.arguments(organization, asked, window))
    entries = query.shape(rows, window)
    if complexity >= 2:
        since = utc() - timedelta(seconds=RECENT_SECONDS)
        recent = await connection.fetchrow(_RECENT_ROWS, organization, since)
        entries |= {"recent_events": recent[0], "recent_users": recent[1]}
        if complexity >= 3:
            segments = await connection.fetch(_RECENT_SEGMENTS, organization, since)
            entries |= {f"recent_segment_{row[0]}": row[1] for row in segments}
    return entries
