"""`copy`: copy all keys, then freeze, and copy again what may have changed."""

from typing import Final

from redis_rehearsal.migration.strategy import Carries, Running, Strategy


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import copy

    return copy


COPY: Final = Strategy(
    name="copy",
    place=30,
    summary="copy all keys (DUMP and RESTORE, or type by type), freeze, copy again what may have changed, switch",
    goes_wrong="without the final pass, what was written during the copy is lost",
    carries=Carries.KEYS,
    running=_running,
    uses=("copy_method", "copy_rate", "final_pass"),
    advice={
        "lost": "see what else removes or changes keys on the servers: the final pass had carried what was there.",
    },
)
