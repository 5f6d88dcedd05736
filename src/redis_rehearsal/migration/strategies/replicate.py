"""`replicate`: let the target follow the source, then promote it."""

from typing import Final

from redis_rehearsal.migration.strategy import Carries, Running, Strategy


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import replicate

    return replicate


REPLICATE: Final = Strategy(
    name="replicate",
    place=20,
    summary="let the target follow the source by REPLICAOF, freeze, wait for the offset, promote, switch, thaw",
    goes_wrong="refused between incompatible RDB versions; needs a target without any key",
    carries=Carries.SERVER,
    running=_running,
    suggested=True,
    needs={"source": ("PSYNC", "REPLCONF"), "target": ("REPLICAOF", "EXISTS")},
    acts_on=("target",),
    advice={
        "migration": "replicate needs an empty target that can read the source's RDB, and on a server of yours "
        "--allow-server-wide; copy works across versions too.",
        "ttl_drift": "what waits on its way from a Redis before 7.0 lives longer: shorten the first copy, or allow it "
        "(--max-ttl-drift).",
    },
)
