"""What was asked of the database."""

from dataclasses import dataclass, field

from redis_rehearsal.telemetry.counts import Counts
from redis_rehearsal.telemetry.histogram import Histogram


@dataclass(slots=True)
class ReportCounts(Counts):
    """Reports that were asked for, by queries and to warm up.

    Attributes:
        asked: all of them.
        failed: those that failed.
        duration: of those that were answered, the wait for a connection included.
    """

    asked: int = 0
    failed: int = 0
    duration: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class RowCounts(Counts):
    """Event rows.

    Attributes:
        written: known to be committed.
        dropped: given up because too many waited, or because the run ended without the database.
    """

    written: int = 0
    dropped: int = 0
