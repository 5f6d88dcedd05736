"""Messages between coordinator and worker over a socket pair of their own."""

import asyncio
import pickle
import socket
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct("!I")


class Channel:
    """Sends and receives whole messages. Both ends are ours, so pickle is safe here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Channel":
        """The channel over one end of a connected socket pair."""
        end.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=end)
        return cls(reader, writer)

    def send(self, message: object) -> None:
        """Send a message; it is buffered where the other end is slow, and of no use where it is gone."""
        if self._writer.is_closing():
            return
        data = pickle.dumps(message, protocol=5)
        self._writer.write(_LENGTH.pack(len(data)) + data)

    async def drain(self) -> None:
        """Wait until what was sent has left."""
        await self._writer.drain()

    async def receive(self) -> Any:
        """The next message; None where the other end is gone."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return pickle.loads(await self._reader.readexactly(length))  # noqa: S301 # from our own process
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Close this end."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return
