"""CLIENT PAUSE: holding commands back for a time."""

from collections.abc import Callable

from redis_rehearsal.clock import monotonic


class Pause:
    """Whether commands are held back.

    Args:
        ended: called when they are not any more.
        later: has something called after so many seconds.
    """

    def __init__(self, ended: Callable[[], None], later: Callable[[float, Callable[[], None]], None]) -> None:
        self._ended = ended
        self._later = later
        self._until_seconds = 0.0
        self._of_all = False
        self.is_on = False

    def holds(self, writes: bool) -> bool:
        """Whether a command is held back now.

        Args:
            writes: whether it may change data.
        """
        return self.is_on and (writes or self._of_all)

    def begin(self, seconds: float, *, of_all: bool) -> None:
        """Hold back writes, or all commands, for so long from now on; what was held before for longer stays so."""
        until = monotonic() + seconds
        self._of_all = of_all or (self.is_on and self._of_all)
        self._until_seconds = max(until, self._until_seconds) if self.is_on else until
        self.is_on = True
        self._later(seconds, self._see)

    def end(self) -> None:
        """Let all go, now."""
        if self.is_on:
            self.is_on = self._of_all = False
            self._ended()

    def forget(self) -> None:
        """Nothing is held back; nobody is told."""
        self.is_on = self._of_all = False

    def _see(self) -> None:
        if self.is_on and monotonic() >= self._until_seconds:
            self.end()
