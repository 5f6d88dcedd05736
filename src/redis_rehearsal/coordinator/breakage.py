"""What broke for good, so that the run has to end."""

import asyncio
from collections.abc import Callable

from redis_rehearsal.errors import BrokenError


class Breakage:
    """The first thing that broke; what follows from it adds nothing.

    Attributes:
        sentence: what it was; empty where nothing broke.
    """

    def __init__(self) -> None:
        self.sentence = ""
        self._changed = asyncio.Event()

    def note(self, sentence: str) -> None:
        """Something broke; nothing where the sentence is empty."""
        self.sentence = self.sentence or sentence
        self._changed.set()

    def look_again(self) -> None:
        """Let those who wait look at their condition."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool], timeout_seconds: float | None, what: str) -> None:
        """Wait for a condition, which is looked at whenever `look_again` is called.

        Args:
            condition: waited for.
            timeout_seconds: None for no end.
            what: the workers did not do where the time is over.

        Raises:
            BrokenError: something broke first, or the time is over.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                while not condition():
                    if self.sentence:
                        raise BrokenError(self.sentence)
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise BrokenError(f"The workers did not {what} within {timeout_seconds} s.") from None
