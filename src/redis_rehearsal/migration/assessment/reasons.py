"""Why a figure proves nothing, in the words that people read and that advice goes by."""

from typing import Final

from redis_rehearsal.migration.assessment.evidence import Evidence

SATURATED: Final = "the generator itself was the bottleneck"
STALLED: Final = "the generator itself stood still meanwhile"
NO_CUTOVER: Final = "there was no cutover"
WORKER_LOST: Final = "a worker of the load ended by itself, and what it saw in its last second is not known"
COMPARED_LATER: Final = "the servers are compared once the recovery is over"


def on_time(evidence: Evidence) -> str:
    """Why times prove nothing; empty where they do."""
    if evidence.workers_lost:
        return WORKER_LOST
    return SATURATED if evidence.saturated else ""
