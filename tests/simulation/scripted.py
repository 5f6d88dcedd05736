"""A server that answers as it is told."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import hiredis

Answer = Callable[[list[bytes]], bytes]
"""The reply to a command, as it is sent; nothing where it stays silent."""

OK: Final = b"+OK\r\n"
PONG: Final = b"+PONG\r\n"


def error(text: str) -> bytes:
    """An error as a reply."""
    return f"-{text}\r\n".encode()


def bulk(value: bytes) -> bytes:
    """A string as a reply."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def well(command: list[bytes], run_id: str = "a" * 40) -> bytes:
    """What a server that is well says to what opens a connection, and to PING."""
    match command[0].upper():
        case b"INFO":
            return bulk(f"run_id:{run_id}\r\nuptime_in_seconds:100\r\n".encode())
        case b"ROLE":
            return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
        case b"PING":
            return PONG
        case _:
            return OK


class Scripted(asyncio.Protocol):
    """One connection to it.

    Args:
        answer: replies to each command, in order.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._reader = hiredis.Reader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._reader.feed(data)
        replies = []
        while (command := self._reader.gets()) is not False:
            replies.append(self._answer(command))
        self._transport.write(b"".join(replies))
