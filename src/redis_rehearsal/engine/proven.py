"""Replies that were proven to be right, so that the same bytes are told by one comparison to be right again."""

import heapq
from itertools import compress, count, repeat
from operator import ne
from typing import Any, Final

from redis_rehearsal.engine.questions import Novel

_NEVER: Final = float("inf")
_SPARE_EXPIRIES: Final = 1_000
_UNPROVEN: Final = object()
"""Is equal to no reply; nothing is one, for a report that is not there."""


class ProvenReplies:
    """By question, the reply that was found whole, right, fresh and not obsolete.

    It goes before it could be stale, and with the deletion that makes it obsolete.
    """

    def __init__(self) -> None:
        self._replies: dict[int | Novel, Any] = {}
        self._until_seconds: dict[int, float] = {}
        self._expiries: list[tuple[float, int]] = []
        self._next_expiry_seconds = _NEVER

    def others(self, questions: list[int | Novel], replies: list[Any], now_seconds: float) -> list[int]:
        """The places of the replies that are not, to the byte, the proven ones.

        Args:
            questions: that were asked.
            replies: to each of them.
            now_seconds: on the monotonic clock.
        """
        if now_seconds >= self._next_expiry_seconds:
            self._expire(now_seconds)
        # All of it is done by the interpreter's own loops, since this is the way of every reply.
        differs = map(ne, replies, map(self._replies.get, questions, repeat(_UNPROVEN)))
        return list(compress(count(), differs))

    def add(self, question: int, reply: Any, until_seconds: float) -> None:
        """A reply was proven; on the monotonic clock, it is fresh until then."""
        self._replies[question] = reply
        if self._until_seconds.get(question) == until_seconds:
            return
        self._until_seconds[question] = until_seconds
        if len(self._expiries) > 2 * len(self._until_seconds) + _SPARE_EXPIRIES:
            # What was proven anew since leaves its earlier expiry behind.
            self._expiries = [(until, each) for each, until in self._until_seconds.items()]
            heapq.heapify(self._expiries)
        else:
            heapq.heappush(self._expiries, (until_seconds, question))
        self._next_expiry_seconds = self._expiries[0][0]

    def forget(self, question: int) -> None:
        """The reply to a question is not right any more."""
        self._replies.pop(question, None)

    def _expire(self, now_seconds: float) -> None:
        expiries, until = self._expiries, self._until_seconds
        while expiries and expiries[0][0] <= now_seconds:
            at, question = heapq.heappop(expiries)
            # One that was proven since then lives longer.
            if until.get(question) == at:
                self._replies.pop(question, None)
                del until[question]
        self._next_expiry_seconds = expiries[0][0] if expiries else _NEVER
