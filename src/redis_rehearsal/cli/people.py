"""Where people read what a command says."""

import shutil
import sys

from rich.console import Console

from redis_rehearsal.telemetry.logging import abandon


def columns(otherwise: int) -> int:
    """How wide a text may be: as COLUMNS says, or the terminal is.

    Args:
        otherwise: where what is printed goes to no terminal, and nobody said.
    """
    return shutil.get_terminal_size((otherwise, 24)).columns


class People(Console):
    """A console that goes quiet where nobody reads it any more.

    The library's own ends the process then, with the exit code of a verdict of fail.
    """

    def on_broken_pipe(self) -> None:
        """See `Console`."""
        self.quiet = True
        abandon(sys.stderr if self.stderr else sys.stdout)
