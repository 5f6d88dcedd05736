"""Whether somebody asks for metrics regularly, and should see the last of them."""

from collections.abc import Sequence
from typing import Final

SCRAPES_KEPT: Final = 8
"""So many tell somebody who asks regularly, also where somebody else looks in meanwhile."""
_LONGEST_INTERVAL_SECONDS: Final = 20.0
_SHORT_INTERVAL_SECONDS: Final = 5.0
_UNEVEN: Final = 0.2
_INTERVALS_MISSED: Final = 3
_MISSED_SECONDS: Final = 10.0
"""Who has not asked for longer than both asks no more; a busy machine keeps some from asking, or us from answering."""
_INTERVALS_WAITED: Final = 2


def scrapes_to_wait_for(times_seconds: Sequence[float], now_seconds: float) -> tuple[int, float]:
    """How many times metrics should be asked for before a run may end, and how long that is waited for at most.

    None and 0 where nobody asks regularly, and often. Two where they come so often that the second costs nothing: what
    was asked for while nobody could answer is answered late, and is not taken any more.

    Args:
        times_seconds: when they were last asked for, oldest first.
        now_seconds: the time.
    """
    for place, last in reversed(list(enumerate(times_seconds))):
        for middle in reversed(times_seconds[:place]):
            gap = last - middle
            if gap > _LONGEST_INTERVAL_SECONDS:
                break
            even = any(abs(middle - gap - first) < _UNEVEN * gap for first in times_seconds)
            if even and now_seconds - last <= max(_INTERVALS_MISSED * gap, _MISSED_SECONDS):
                if gap <= _SHORT_INTERVAL_SECONDS:
                    return 2, (_INTERVALS_WAITED + 1) * gap
                return 1, max(0.0, times_seconds[-1] + _INTERVALS_WAITED * gap - now_seconds)
    return 0, 0.0
