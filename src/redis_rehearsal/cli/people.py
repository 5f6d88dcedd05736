"""Where people read what a command says."""

import sys

from rich.console import Console

from redis_rehearsal.telemetry.logging import abandon


class People(Console):
    """A console that goes quiet where nobody reads it any more.

    The library's own ends the process then, with the exit code of a verdict of fail.
    """

    def on_broken_pipe(self) -> None:
        """See `Console`."""
        self.quiet = True
        abandon(sys.stderr if self.stderr else sys.stdout)
