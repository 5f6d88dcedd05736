"""Messages between coordinator and worker."""

import asyncio
import socket
import struct
from typing import Final, Protocol

from redis_rehearsal.engine.encoding import Message, decode, encode
from redis_rehearsal.errors import MessageError

_LENGTH: Final = struct.Struct("!I")
_MOST_BYTES: Final = 1 << 28
"""The plan of a million organisations has less."""


class MessageChannel(Protocol):
    """Carries whole messages, in the order in which they were sent."""

    def send(self, message: Message) -> None:
        """Send a message; it is buffered where the other end is slow, and of no use where it is gone."""
        ...

    async def drain(self) -> None:
        """Wait until what was sent has left."""
        ...

    async def receive(self) -> Message | None:
        """The next message; None where the other end is gone.

        Raises:
            MessageError: what came is none.
        """
        ...


class Channel:
    """Messages over a socket pair of their own, see `MessageChannel`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Channel":
        """The channel over one end of a connected socket pair."""
        end.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=end)
        return cls(reader, writer)

    def send(self, message: Message) -> None:
        """See `MessageChannel`."""
        if self._writer.is_closing():
            return
        data = encode(message)
        self._writer.write(_LENGTH.pack(len(data)) + data)

    async def drain(self) -> None:
        """See `MessageChannel`."""
        await self._writer.drain()

    async def receive(self) -> Message | None:
        """See `MessageChannel`."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > _MOST_BYTES:
                raise MessageError(f"What came is no message: it would have {length:,} bytes.")
            return decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Close this end."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return
