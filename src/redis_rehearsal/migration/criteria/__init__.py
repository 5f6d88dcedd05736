"""What is asked of a migration: files by what is asked, each of which declares its criteria.

Whatever is in this folder, or declared by another package, is a criterion: limits, verdicts, advice and documents read
it here.
"""

from typing import Final

from redis_rehearsal.migration.criterion import About, DeclaredCriterion
from redis_rehearsal.migration.declaring import declared_in
from redis_rehearsal.migration.plugins import with_others

ENTRY_POINTS: Final = "redis_rehearsal.criteria"
GENERATOR: Final = "generator"
"""Stands beside criteria where the generator itself was the bottleneck, and is none."""

CRITERIA: Final[dict[str, DeclaredCriterion]] = with_others(
    declared_in(__name__, __path__, DeclaredCriterion), DeclaredCriterion, ENTRY_POINTS, "[a-z][a-z0-9_]*", GENERATOR
)
"""All of them by name, in the order in which a verdict is read."""


def about(kind: About) -> frozenset[str]:
    """The criteria that are about something."""
    return frozenset(name for name, declared in CRITERIA.items() if declared.about == kind)
