"""Server-sent events: what happens in a run, told to a page as it happens."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from redis_rehearsal.clock import monotonic
from redis_rehearsal.web.page.feed import Feed, event

_INTERVAL_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.1
"""A run that ends is told of at once: a moment later nobody can be told anything."""
_RETRY_MILLISECONDS: Final = 1000


def second_of(last_event_id: str, name: str) -> int:
    """The last second that a page has of a run; -1 where what it has is of another run, or nothing."""
    run, _, second = last_event_id.rpartition("/")
    return int(second) if run == name and second.isascii() and second.isdigit() else -1


async def stream(feed: Feed, last_event_id: str) -> AsyncIterator[bytes]:
    """All events of a run, from where a page left off: greeting, rows, state, and end after the last state.

    Args:
        feed: of the run.
        last_event_id: of the last event that the page has; empty for none.
    """
    shown = feed.shown
    feed.viewers += 1
    try:
        yield b"retry: %d\n\n" % _RETRY_MILLISECONDS
        yield event("greeting", shown.greeting())
        last = second_of(last_event_id, shown.name)
        while True:
            ended = shown.ended
            await feed.turns.mine()
            pieces, last = await feed.rows(last)
            for piece in pieces:
                await feed.turns.mine()
                yield piece
            state = await feed.state()
            await feed.turns.mine()
            yield state
            if ended:
                yield event("end", {"run": shown.name})
                return
            until = monotonic() + _INTERVAL_SECONDS
            while not shown.ended and monotonic() < until:  # noqa: ASYNC110 # nobody signals it
                await asyncio.sleep(_LOOK_SECONDS)
    finally:
        feed.viewers -= 1
