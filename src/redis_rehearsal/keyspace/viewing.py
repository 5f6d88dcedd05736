"""One server that is looked at, within a time, whatever it refuses."""

import asyncio
from typing import Final

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.errors import AwayError, LostError, UnreachedError
from redis_rehearsal.keyspace.replies import refusal_in_words, text

TOTAL_SECONDS: Final = 30.0
"""All that is asked of a server takes no longer; what is left then could not be seen."""


class UnseenError(Exception):
    """A server does not show something; the text says why."""


class Viewer(Asker):
    """A server that is looked at, over a connection that is opened again where the server closes it.

    Some proxies do that when they are asked what they do not know. What a server refuses, or does not answer, is an
    UnseenError; that it is not there any more, a ServerRefusedError.

    Args:
        role: of the server.
        endpoint: of the server.
        timeout_seconds: for each answer, all of it.
        total_seconds: for all of them.
    """

    def __init__(
        self, role: str, endpoint: Endpoint, timeout_seconds: float, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        super().__init__(role, endpoint, "preflight", timeout_seconds, reopens=True)
        self._answer_seconds = timeout_seconds
        self._until = monotonic() + total_seconds

    def away(self, error: AwayError) -> Exception:
        """See `Asker`."""
        if isinstance(error, UnreachedError):
            return ServerRefusedError(
                f"{self.title} went away while it was looked at ({error.reason}); try again when it is there."
            )
        return error

    def refused(self, command: str | bytes | int, reply: Reply) -> Exception:
        """See `Asker`."""
        return UnseenError(refusal_in_words(text(command), reply))

    async def reply(self, *command: str | bytes | int) -> Reply:
        """A command's reply, be it an error.

        Raises:
            UnseenError: there was none, or there is no time left.
            ServerRefusedError: the server went away.
        """
        if monotonic() > self._until:
            raise UnseenError("there was no time left, since the server answers slowly")
        await self.open()
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await super().reply(*command)
        except TimeoutError:
            # What comes late must not be taken for the reply to something else.
            await self.close()
            raise UnseenError(f"{text(command[0])} was not answered within {self._answer_seconds:g} s") from None
        except LostError as error:
            raise UnseenError(f"the server closed the connection at {text(command[0])} ({error.reason})") from None
