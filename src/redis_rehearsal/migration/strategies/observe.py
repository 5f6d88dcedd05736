"""`observe`: nothing is switched, the endpoint moves by itself."""

from typing import Final

from redis_rehearsal.migration.strategy import Carries, Running, Strategy


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import observe

    return observe


OBSERVE: Final = Strategy(
    name="observe",
    place=70,
    summary="watch while the endpoint moves by itself: a proxy, DNS, a managed failover",
    goes_wrong="stale connections; where nothing is seen to move, the verdict is unknown",
    carries=Carries.NOTHING,
    running=_running,
    switches=False,
    # Nothing moves by itself where nobody moves it.
    in_all=False,
    no_return="something else moves the endpoint, and back",
    whole_by_freeze=False,
    advice={
        "migration": "begin the move of the endpoint while the rehearsal watches, or observe longer.",
        "lost": "the failover drops what was not replicated yet: ask its operator for a synchronous one.",
        "stranded": "old connections still write to the old server: fence it, or end its connections.",
        "query_downtime": "clients keep stale connections or names: shorten the DNS time to live, or end old "
        "connections.",
    },
)
