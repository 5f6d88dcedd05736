"""What of a second of the timeline may be the generator's own, which stood still in it."""

from typing import Final

from redis_rehearsal.engine.stalls import united
from redis_rehearsal.fleet.row import Row
from redis_rehearsal.migration.assessment.evidence import Evidence

MOST_STALLED_RATIO: Final = 0.05
"""A second of which the generator stood still for longer than this share says nothing of a server."""


def stood_still(row: Row, evidence: Evidence) -> bool:
    """Whether what a second of the timeline shows may be the generator's own."""
    began = evidence.began_seconds + row.second
    stalls = [(max(start, began), min(end, began + 1)) for start, end in evidence.stalls]
    stalled = sum(end - start for start, end in united(each for each in stalls if each[0] < each[1]))
    return stalled > MOST_STALLED_RATIO


def held_up_seconds(row: Row, evidence: Evidence) -> float:
    """For how long the generator's own stalls held up, at most, what was answered in a second of the timeline.

    What waits when one ends takes as long again, and is answered in the next second where the stall ended with one.
    """
    began = evidence.began_seconds + row.second
    near = (each for each in evidence.stalls if each[0] < began + 1 and 2 * each[1] - each[0] > began)
    return sum(2 * (end - start) for start, end in united(near))
