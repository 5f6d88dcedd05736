"""`dual-write`: write to both servers, fill the target up, move reads, then writes."""

from typing import Final

from redis_rehearsal.migration.strategy import Carries, Running, Strategy


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import dual_write

    return dual_write


DUAL_WRITE: Final = Strategy(
    name="dual-write",
    place=40,
    summary="write to both, fill the target up while the writes to each batch are held, move reads, then writes",
    goes_wrong="where it holds no writes, increments mirrored before the backfill are counted twice or overwritten",
    carries=Carries.KEYS,
    running=_running,
    uses=("copy_method", "copy_rate", "naive"),
    advice={
        "duplicated": "increments mirrored before the backfill are counted twice: backfill first, or use replicate.",
    },
)
