"""Why a figure proves nothing, in the words that people read and that advice goes by."""

from typing import Final

from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.assessment.evidence import Evidence

SATURATED: Final = "the generator itself was the bottleneck"
STALLED: Final = "the generator itself stood still meanwhile"
NO_CUTOVER: Final = "there was no cutover"
WORKER_LOST: Final = "a worker of the load ended by itself, and what it saw in its last second is not known"
STALLED_BASELINE: Final = "the generator itself stood still in the baseline, on which the limit rests"
COMPARED_LATER: Final = "the servers are compared once the recovery is over"


def on_time(evidence: Evidence) -> str:
    """Why times prove nothing; empty where they do."""
    if evidence.workers_lost:
        return WORKER_LOST
    return SATURATED if evidence.saturated else ""


MOST_STALLED_RATIO: Final = 0.05
"""A second of which the generator stood still for longer than this share says nothing of a server."""


def stood_still(row: Row, evidence: Evidence) -> bool:
    """Whether what a second of the timeline shows may be the generator's own."""
    began = evidence.began_seconds + row.second
    stalled = sum(max(0.0, min(end, began + 1) - max(start, began)) for start, end in evidence.stalls)
    return stalled > MOST_STALLED_RATIO
