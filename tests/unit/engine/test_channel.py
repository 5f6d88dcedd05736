import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from redis_rehearsal.engine.channel import Channel
from redis_rehearsal.engine.messages import Changed, Thaw
from redis_rehearsal.errors import MessageError


def over_a_pair(talk: Callable[[Channel, socket.socket], Awaitable[None]]) -> None:
    """Have a channel, and the other end of its pair."""

    async def go() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            channel = await Channel.over(ours)
            await talk(channel, theirs)
            await channel.close()

    asyncio.run(go())


def test_messages_come_whole_and_in_order() -> None:
    async def talk(channel: Channel, end: socket.socket) -> None:
        other = await Channel.over(end)
        large = Changed(0, 2, organizations=tuple(range(100_000)))
        for message in (Thaw(1), large, Thaw(3)):
            other.send(message)
        assert [await channel.receive() for _ in range(3)] == [Thaw(1), large, Thaw(3)]
        await other.close()
        assert await channel.receive() is None

    over_a_pair(talk)


def test_half_a_message_of_one_who_is_gone_is_none() -> None:
    async def talk(channel: Channel, end: socket.socket) -> None:
        end.sendall(struct.pack("!I", 10) + b"half")
        end.close()
        assert await channel.receive() is None

    over_a_pair(talk)


@pytest.mark.parametrize("sent", [struct.pack("!I", 4) + b"junk", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_message_is_refused_before_it_is_waited_for(sent: bytes) -> None:
    async def talk(channel: Channel, end: socket.socket) -> None:
        end.sendall(sent)
        with pytest.raises(MessageError, match="no message"):
            await channel.receive()

    over_a_pair(talk)
