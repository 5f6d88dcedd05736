"""One value that is put together under a temporary name on the target, then takes its key's place at once."""

from dataclasses import dataclass, field
from typing import Any, Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.pieces import groups, page_items
from redis_rehearsal.keyspace.replies import in_words
from redis_rehearsal.keyspace.types import TYPES, ValueType
from redis_rehearsal.migration.copying.capabilities import Capabilities
from redis_rehearsal.migration.copying.result import CopyResult

_MOST_ITEMS: Final = 1000
"""So that no single command takes a server more than about a millisecond, however small the items are."""
_SURE: Final = (b"list", b"set", b"zset", b"hash")
"""Types whose commands cannot fail on a new key once they were queued."""
CHANGES: Final = "its type changes while it is copied"
"""The one reason that may be gone the next time."""
_MULTI: Final = pack("MULTI")
_EXEC: Final = pack("EXEC")


class NotCopiedError(Exception):
    """A key could not be copied; the text says why."""


class ChangedError(NotCopiedError):
    """The key's type changed while it was read."""


class GoneError(Exception):
    """The key is no longer on the source."""


@dataclass(slots=True)
class Build:
    """A value on its way, type by type.

    Attributes:
        source: where it is read.
        target: where it is put together.
        key: whose value it is.
        temporary: the name under which it is put together.
        kind: its type, as TYPE says it.
        value_bytes: about its size; above `piece_bytes` it is read in pieces.
        piece_bytes: size of a piece.
        capabilities: of the two servers.
        result: where bytes and what is not carried are accounted for.
    """

    source: Asker
    target: Asker
    key: bytes
    temporary: bytes
    kind: bytes
    value_bytes: int
    piece_bytes: int
    capabilities: Capabilities
    result: CopyResult
    _buffer: list[tuple[bytes, int | None]] = field(default_factory=list)
    _buffered_bytes: int = 0
    _drains: int = 0
    _expected: int = 0
    _length_is_certain: bool = True

    @property
    def read_by(self) -> ValueType:
        """How values of its type are read."""
        return TYPES[self.kind]

    @property
    def is_big(self) -> bool:
        """Whether it is read in pieces."""
        return self.value_bytes > self.piece_bytes

    async def ask(self, *parts: str | bytes | int) -> Reply:
        """The source's reply to one command.

        Raises:
            NotCopiedError: it refused.
            OSError: it is away.
        """
        return (await self.ask_all([parts]))[0]

    async def ask_all(self, commands: list[tuple[str | bytes | int, ...]]) -> list[Reply]:
        """The source's replies to commands that are sent together.

        Raises:
            NotCopiedError: it refused one.
            OSError: it is away.
        """
        replies = await self.source.all([pack(*command) for command in commands])
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, hiredis.ReplyError):
                text = str(reply)
                # A group of it that is gone is a change too; where all of it is, the next look says so.
                if text.startswith(("WRONGTYPE", "NOGROUP")):
                    raise ChangedError(CHANGES)
                if text.startswith("ERR no such key"):
                    raise GoneError
                raise NotCopiedError(f"{self.source.called} refused {in_words(command[0])}: {text}")
        return replies

    async def ask_list(self, *parts: str | bytes | int) -> list[Any]:
        """The source's reply where that must be a list.

        Raises:
            NotCopiedError: it refused.
            OSError: it is away.
        """
        reply = await self.ask(*parts)
        if not isinstance(reply, list):
            raise self._odd(parts[0], "a list")
        return reply

    async def ask_string(self, *parts: str | bytes | int) -> bytes:
        """The source's reply where that must be a string.

        Raises:
            NotCopiedError: it refused.
            OSError: it is away.
        """
        reply = await self.ask(*parts)
        if not isinstance(reply, bytes):
            raise self._odd(parts[0], "a string")
        return reply

    def _odd(self, command: str | bytes | int, wanted: str) -> NotCopiedError:
        return NotCopiedError(f"{self.source.called} answered {in_words(command)} with something else than {wanted}")

    async def page_items(self) -> int:
        """How many items to read at once so that about a piece comes."""
        length = await self.ask(self.read_by.length, self.key)
        return page_items(length if isinstance(length, int) else 0, self.value_bytes, self.piece_bytes, _MOST_ITEMS)

    async def add(self, *parts: str | bytes | int, grows: int | None = 0) -> None:
        """Have a command done on the target, sooner or later before the value takes its place.

        Args:
            parts: the command.
            grows: by how much it lengthens the value; None where its reply says so.

        Raises:
            NotCopiedError: the target refused this or an earlier one.
            OSError: it is away.
        """
        command = pack(*parts)
        if len(command) > self.capabilities.most_bytes:
            for part in parts:
                if isinstance(part, bytes) and (reason := self.capabilities.too_large(part)):
                    raise NotCopiedError(reason)
        self._buffer.append((command, grows))
        self._buffered_bytes += len(command)
        if self._buffered_bytes >= self.piece_bytes:
            await self._drain()

    async def add_items(self, command: str, items: list[bytes], step: int = 1, *, replies_growth: bool = True) -> None:
        """Have items added to the value by a command that takes many.

        Args:
            command: RPUSH, HSET and the like.
            items: what follows the key.
            step: how many of them belong together.
            replies_growth: whether the command's reply says how many were new.
        """
        sizes = [sum(map(len, items[at : at + step])) for at in range(0, len(items), step)]
        for part in groups(sizes, self.piece_bytes, _MOST_ITEMS):
            chosen = items[part.start * step : part.stop * step]
            self.result.bytes += sum(sizes[part])
            await self.add(command, self.temporary, *chosen, grows=None if replies_growth else len(chosen) // step)

    def length_may_shrink(self) -> None:
        """Say that items may end by themselves, so that the length proves nothing."""
        self._length_is_certain = False

    async def _drain(self) -> None:
        buffer, self._buffer, self._buffered_bytes = self._buffer, [], 0
        if not buffer:
            return
        self._drains += 1
        for (_, grows), reply in zip(buffer, await self.target.all([command for command, _ in buffer]), strict=True):
            if isinstance(reply, hiredis.ReplyError):
                raise NotCopiedError(f"{self.target.called} refused a part of it: {reply}")
            self._expected += reply if grows is None and isinstance(reply, int) else grows or 0

    async def take_place(self, expires_at_milliseconds: int | None, *, replace: bool) -> bool:
        """Let the value take its key's place in one transaction.

        Args:
            expires_at_milliseconds: Unix time; None for never.
            replace: whether what the target has under the key is replaced.

        Returns:
            False where the target has the key and it was not to be replaced.

        Raises:
            NotCopiedError: the target refused.
            GoneError: it expired meanwhile; nothing is left under the key where it was to be replaced.
            OSError: it is away.
        """
        if not self._buffer and not self._drains:
            raise GoneError
        commands = [_MULTI]
        if not self._drains and self.kind in _SURE and self._length_is_certain:
            # What is refused at all is refused before EXEC, so that one transaction will do.
            commands += [command for command, _ in self._buffer]
            self._buffer = []
        else:
            await self._drain()
            await self._check_length()
        if expires_at_milliseconds is not None:
            commands.append(pack("PEXPIREAT", self.temporary, expires_at_milliseconds))
        if replace:
            # Since RENAME would free a large old value at once, with the server standing still.
            commands += [pack("UNLINK", self.key), pack("RENAME", self.temporary, self.key)]
        else:
            commands += [pack("RENAMENX", self.temporary, self.key), pack("UNLINK", self.temporary)]
        commands.append(_EXEC)
        replies = await self.target.all(commands)
        done = replies[-1]
        if not isinstance(done, list):
            said = next((reply for reply in replies if isinstance(reply, hiredis.ReplyError)), done)
            raise NotCopiedError(f"{self.target.called} refused it: {in_words(said)}")
        for reply in done[:-2]:
            if isinstance(reply, hiredis.ReplyError):
                raise NotCopiedError(f"{self.target.called} refused a part of it: {reply}")
        renamed = done[-1] if replace else done[-2]
        if isinstance(renamed, hiredis.ReplyError):
            has_expired = expires_at_milliseconds is not None and done[-3] == 1
            if str(renamed).startswith("ERR no such key") and (has_expired or not self._length_is_certain):
                raise GoneError
            raise NotCopiedError(f"{self.target.called} lost it while it was copied, or refused it: {renamed}")
        return replace or renamed == 1

    async def _check_length(self) -> None:
        if self._drains > 1 and self._length_is_certain and self.read_by.length:
            # Under memory pressure the target may have evicted the half that was there.
            length = await self.target.reply(self.read_by.length, self.temporary)
            if length != self._expected:
                raise NotCopiedError(
                    f"{self.target.called} lost a part of it while it was copied "
                    f"({in_words(length)} of {self._expected})"
                )
