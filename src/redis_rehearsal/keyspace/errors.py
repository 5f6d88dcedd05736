"""What can go wrong where a server is asked.

AskingError             says which server, by its role, and what was the matter
├── AwayError               also an OSError: the server is not to be used
│   ├── UnreachedError          there is no connection to be had
│   ├── LostError               the connection broke, or the server did not answer in time
│   └── RefusingError           it refuses all work
└── RefusedError            it refused a command, or answered it with something else

Who has words of their own for these overrides `Asker.away` and `Asker.refused`.
"""

from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.keyspace.replies import in_words


class AskingError(Exception):
    """A server did not answer what it was asked.

    Attributes:
        reason: why not, for the end of a sentence.
    """

    def __init__(self, server: str, what: str, reason: str) -> None:
        super().__init__(f"{server} {what}: {reason}")
        self.reason = reason


class AwayError(AskingError, ConnectionError):
    """A server is not to be used, for whatever it is asked."""


class UnreachedError(AwayError):
    """There is no connection to a server to be had."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, "cannot be reached", reason)


class LostError(AwayError):
    """The connection to a server broke, or the server did not answer in time."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, "went away", reason)


class RefusingError(AwayError):
    """A server refuses whatever it is asked, as long as it is what it is now."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, "refuses all work", reason)


class RefusedError(AskingError):
    """A server refused a command, or answered it with something else than such a command is answered with."""

    def __init__(self, server: str, command: str | bytes | int, reply: Reply) -> None:
        super().__init__(server, f"refused {in_words(command)}", in_words(reply))
