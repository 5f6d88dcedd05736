"""The end of a run, seen by who asks for its metrics."""

import asyncio
from collections import deque
from typing import Final

from redis_rehearsal.clock import monotonic
from redis_rehearsal.view.scrapes import scrapes_to_wait_for

_POLL_SECONDS: Final = 0.05


async def until_scraped(scraped: deque[float], hurry: asyncio.Event) -> None:
    """Let who asks for metrics regularly see the last of them, which nobody could ask for later.

    Args:
        scraped: when they were asked for, on the monotonic clock, oldest first; grows meanwhile.
        hurry: whether nobody is to be waited for.
    """
    left, seconds = scrapes_to_wait_for(list(scraped), monotonic())
    until, last = monotonic() + seconds, scraped[-1] if scraped else 0.0
    # Nobody signals it.
    while left and monotonic() < until and not hurry.is_set():
        await asyncio.sleep(_POLL_SECONDS)
        if scraped[-1] != last:
            left, last = left - 1, scraped[-1]
