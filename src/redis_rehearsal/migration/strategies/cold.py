"""`cold`: switch to an empty target."""

from typing import Final

from redis_rehearsal.migration.remedies import CARRY_THE_CACHE
from redis_rehearsal.migration.strategy import Carries, Running, Strategy

_COPIES_NOTHING: Final = "cold copies nothing: use replicate or copy."


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import cold

    return cold


COLD: Final = Strategy(
    name="cold",
    place=10,
    summary="switch to an empty target",
    goes_wrong="every counter starts at zero, and the database takes every query",
    carries=Carries.NOTHING,
    running=_running,
    whole_by_freeze=False,
    advice={
        "lost": _COPIES_NOTHING,
        "wrong_reports": "the target held reports before the migration: clear it with --clear-target.",
        "counter_regressions": "cold starts every counter at zero: use replicate or copy.",
        "structures": _COPIES_NOTHING,
        "comparison": _COPIES_NOTHING,
        "cutover_p99": CARRY_THE_CACHE,
        "recovery": CARRY_THE_CACHE,
    },
)
