"""One server that is asked, within a time, whatever it refuses."""

import asyncio
from typing import Final

import hiredis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection, Reply
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import ServerRefusedError

TOTAL_SECONDS: Final = 30.0
"""All that is asked of a server takes no longer; what is left then could not be seen."""
_LONGEST_REASON: Final = 160


class UnseenError(Exception):
    """A server does not show something; the text says why."""


class Asker:
    """Asks a server, over a connection that is opened again where the server closes it.

    Some proxies do that when they are asked what they do not know.

    Args:
        role: of the server, for the person who reads an error.
        endpoint: of the server.
        timeout_seconds: for each answer.
        total_seconds: for all of them.
    """

    def __init__(
        self, role: str, endpoint: Endpoint, timeout_seconds: float, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        self._where = f"The {role} {endpoint}"
        self._endpoint = endpoint
        self._timeout = timeout_seconds
        self._until = monotonic() + total_seconds
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def ready(self) -> Connection:
        """An open connection.

        Raises:
            ServerRefusedError: there is none to be had any more.
        """
        async with self._opening:
            if self._connection is not None and self._connection.ready:
                return self._connection
            try:
                self._connection = await Connection.open(
                    self._endpoint, "redis-rehearsal:preflight", self._timeout, lambda _: None
                )
            except OSError as error:
                raise ServerRefusedError(
                    f"{self._where} went away while it was looked at ({error}); try again when it is there."
                ) from None
            return self._connection

    async def reply(self, *command: str | bytes) -> Reply:
        """A command's reply, be it an error.

        Raises:
            UnseenError: there was none, or there is no time left.
            ServerRefusedError: the server went away.
        """
        if monotonic() > self._until:
            raise UnseenError("there was no time left, since the server answers slowly")
        connection = await self.ready()
        try:
            return await connection.ask(self._timeout, *command)
        except TimeoutError:
            # What comes late must not be taken for the reply to something else.
            await self.close()
            raise UnseenError(f"{text(command[0])} was not answered within {self._timeout:g} s") from None
        except OSError as error:
            raise UnseenError(f"the server closed the connection at {text(command[0])} ({error})") from None

    async def ask(self, *command: str | bytes) -> Reply:
        """A command's reply.

        Raises:
            UnseenError: it is an error, or there was none.
            ServerRefusedError: the server went away.
        """
        found = await self.reply(*command)
        if isinstance(found, hiredis.ReplyError):
            raise UnseenError(refusal_in_words(text(command[0]), str(found)))
        return found

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.abort("all was asked")
            await asyncio.sleep(0)  # its transport closes in the loop's next turn


def is_denial(error: str) -> bool:
    """Whether an error says that our user may not do that, or that the server does not know it."""
    return error.startswith("NOPERM") or error.lower().startswith(("err unknown", "unknown command"))


def refusal_in_words(command: str, error: str) -> str:
    """Why a command was not answered, for the middle of a sentence."""
    if error.startswith("NOPERM"):
        return f"{command} is not permitted"
    if is_denial(error):
        return f"the server does not know {command}"
    return f"{command} was refused ({printable(' '.join(error.split()), _LONGEST_REASON).rstrip('.')})"


def text(reply: object) -> str:
    """A reply as text that is safe to print."""
    return printable(reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply))


def printable(words: str, longest: int = 80) -> str:
    """Words of a server without control characters, and not longer than a line."""
    shown = "".join(each if each.isprintable() else "?" for each in words)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
