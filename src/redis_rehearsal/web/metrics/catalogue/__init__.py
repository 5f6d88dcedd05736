"""Every metric that there is. What is exposed, and docs/metrics.md, come from here."""

from typing import Final

from redis_rehearsal.web.metrics.catalogue import business, infrastructure, migration, performance
from redis_rehearsal.web.metrics.catalogue.entry import Entry, Group

__all__ = ["CATALOGUE", "ENTRIES", "Entry", "Group"]

ENTRIES: Final[tuple[Entry, ...]] = (
    *performance.ENTRIES,
    *business.ENTRIES,
    *infrastructure.ENTRIES,
    *migration.ENTRIES,
)
CATALOGUE: Final = {entry.name: entry for entry in ENTRIES}
