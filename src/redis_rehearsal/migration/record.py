"""What is kept of a migration."""

from dataclasses import dataclass

from redis_rehearsal.engine.checks import Checks
from redis_rehearsal.migration.assessment.assess import Assessment
from redis_rehearsal.migration.migration import Migration
from redis_rehearsal.verification.audit import Audit


@dataclass(slots=True)
class Record:
    """A migration and what came of it.

    Attributes:
        migration: itself.
        checks_before: what the checks of answers had found before it.
        first_segment: place of its first segment among those of the run.
        audit: the ledger held against the servers at its end.
        assessment: once it was judged.
        ended_seconds: when it ended, on the monotonic clock; what came later is not part of it.
        ended: whether nothing more will become of it.
    """

    migration: Migration
    checks_before: Checks
    first_segment: int
    audit: Audit | None = None
    assessment: Assessment | None = None
    ended_seconds: float = 0.0
    ended: bool = False
