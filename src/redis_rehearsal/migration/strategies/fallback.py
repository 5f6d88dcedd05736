"""`fallback`: switch at once; what the target does not have yet is fetched from the source."""

from typing import Final

from redis_rehearsal.migration.remedies import CARRY_THE_CACHE
from redis_rehearsal.migration.strategy import Carries, Running, Strategy


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import fallback

    return fallback


FALLBACK: Final = Strategy(
    name="fallback",
    place=50,
    summary="switch at once; reads that miss go to the source, counters are moved before they are written to, a sweep",
    goes_wrong="an increment of a counter that was not moved yet would restart at one",
    carries=Carries.KEYS,
    running=_running,
    whole_by_freeze=False,
    uses=("copy_method", "copy_rate"),
    refuses={"rollout": "which switches all tenants at once"},
    advice={
        "lost": "an INCR on a key not yet moved restarts at one: move counters by replicate or copy.",
        "counter_regressions": "move counters before reads: use replicate or copy.",
        "cutover_p99": CARRY_THE_CACHE,
    },
)
