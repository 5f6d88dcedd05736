"""Copies some keys over one connection to each server."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, each, memory_usage
from redis_rehearsal.keyspace.pieces import groups
from redis_rehearsal.keyspace.replies import GONE, in_words, unix_milliseconds
from redis_rehearsal.keyspace.types import JSON, NONE, TYPES
from redis_rehearsal.migration.copying.build import Build, ChangedError, GoneError, NotCopiedError
from redis_rehearsal.migration.copying.capabilities import Capabilities
from redis_rehearsal.migration.copying.result import CopyResult
from redis_rehearsal.migration.copying.values import COPIES

_MOST_KEYS: Final = 256
_MOST_BUILDS: Final = 64
"""Small values that are put together at the same time."""
_PIECES_IN_FLIGHT: Final = 2
_ATTEMPTS: Final = 3
_ITEM_BYTES: Final = 64
"""What an item is taken to weigh where the server does not say."""
_FOREIGN_PAYLOAD: Final = ("ERR DUMP payload", "ERR Bad data format")


@dataclass(frozen=True, slots=True)
class _Found:
    """A key as the source describes it; `kind` is `none` where it has none."""

    key: bytes
    kind: bytes
    value_bytes: int


@dataclass(slots=True)
class _Work:
    """What is left to do for a call, and its outcome."""

    replace: bool
    result: CopyResult = field(default_factory=CopyResult)
    builds: list[_Found] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)

    def fail(self, key: bytes, reply: object) -> None:
        self.result.failed.append((key, str(reply)))


class Transfer:
    """Copies keys over one connection to each server.

    Args:
        source: where keys come from.
        target: where they go.
        capabilities: of the two.
        piece_bytes: a larger value is read and written in pieces.
        fall_back: whether a key whose DUMP the target refuses is copied type by type.
        names: temporary names, each given out once.
    """

    def __init__(
        self,
        source: Asker,
        target: Asker,
        capabilities: Capabilities,
        piece_bytes: int,
        names: Iterator[bytes],
        *,
        fall_back: bool,
    ) -> None:
        self.source = source
        self.target = target
        self._capabilities = capabilities
        self._piece_bytes = piece_bytes
        self._fall_back = fall_back
        self._names = names
        self._left: set[bytes] = set()

    async def copy(self, keys: Sequence[bytes], *, replace: bool) -> CopyResult:
        """Copy different keys.

        Args:
            keys: a few hundred at most.
            replace: whether what the target has under them is replaced, or deleted where the source has nothing.

        Raises:
            OSError: a server is away; any part of the keys may have been copied.
        """
        work = _Work(replace)
        dumps: list[_Found] = []
        strings: list[_Found] = []
        for found in await self._describe(keys, work):
            is_big = found.value_bytes > self._piece_bytes
            if found.kind == b"stream":
                work.result.streams.add(found.key)
            if found.kind == NONE:
                work.gone.append(found.key)
            elif self._capabilities.method == "dump" and (
                # JSON cannot be read in pieces, so that DUMP is no worse.
                not is_big or found.kind not in COPIES or found.kind == JSON
            ):
                dumps.append(found)
            elif found.kind == b"string" and not is_big:
                strings.append(found)
            else:
                work.builds.append(found)
        for part in self._parts(dumps):
            await self._dump(part, work)
        for part in self._parts(strings):
            await self._strings(part, work)
        await self._builds(work)
        await self._delete(work)
        return work.result

    async def clear(self) -> None:
        """Remove temporary keys that an interruption left.

        Raises:
            OSError: the target is away.
        """
        if self._left:
            left = sorted(self._left)
            await self.target.reply("UNLINK", *left)
            self._left.difference_update(left)

    def _parts(self, found: list[_Found], most_keys: int = _MOST_KEYS) -> Iterator[list[_Found]]:
        sizes = [one.value_bytes for one in found]
        for part in groups(sizes, _PIECES_IN_FLIGHT * self._piece_bytes, most_keys):
            yield found[part]

    async def _describe(self, keys: Sequence[bytes], work: _Work) -> list[_Found]:
        names = bulk(keys)
        if self._capabilities.memory_usage:
            replies = await self.source.pipeline(each(b"TYPE", names) + memory_usage(names), 2 * len(keys))
            kinds, told = replies[: len(keys)], replies[len(keys) :]
            sizes = [size if isinstance(size, int) else 0 for size in told]
        else:
            kinds = await self.source.pipeline(each(b"TYPE", names), len(keys))
            sizes = await self._estimates(keys, kinds)
        found = []
        for key, kind, size in zip(keys, kinds, sizes, strict=True):
            if isinstance(kind, bytes):
                found.append(_Found(key, kind, size))
            else:
                work.fail(key, f"{self.source.called} refused TYPE: {in_words(kind)}")
        return found

    async def _estimates(self, keys: Sequence[bytes], kinds: Sequence[Reply]) -> list[int]:
        """About how many bytes values have, from their lengths."""
        asked = [pack(_length_command(kind), key) for key, kind in zip(keys, kinds, strict=True)]
        return [
            (length if isinstance(length, int) else 0) * (1 if kind == b"string" else _ITEM_BYTES)
            for length, kind in zip(await self.source.all(asked), kinds, strict=True)
        ]

    def _expiry_commands(self, key: bytes) -> list[bytes]:
        if self._capabilities.expire_time:
            return [pack("PEXPIRETIME", key)]
        # The source's clock, asked in the same breath, turns what is left into a time.
        return [pack("PTTL", key), pack("TIME")]

    def _expiry(self, replies: list[Reply]) -> int | None:
        """When a key ends, in milliseconds of Unix time; None for never.

        Raises:
            GoneError: it has ended.
            NotCopiedError: the source refused to say.
        """
        at = replies[0]
        if not isinstance(at, int):
            raise NotCopiedError(f"{self.source.called} refused to say when it expires: {in_words(at)}")
        if at == GONE:
            raise GoneError
        if at < 0:
            return None
        if self._capabilities.expire_time:
            return at
        now = replies[1]
        if not isinstance(now, list):
            raise NotCopiedError(f"{self.source.called} refused TIME: {in_words(now)}")
        return at + unix_milliseconds(now)

    async def _read(
        self, command: Literal["DUMP", "GET"], part: list[_Found], work: _Work
    ) -> list[tuple[_Found, bytes, int | None]]:
        """Values with the times at which they expire; others are accounted for."""
        commands = [[pack(command, found.key), *self._expiry_commands(found.key)] for found in part]
        replies = await self.source.all(list(itertools.chain.from_iterable(commands)))
        each = len(replies) // len(part)
        read = []
        for number, found in enumerate(part):
            value, *expiry = replies[number * each : (number + 1) * each]
            try:
                if isinstance(value, bytes) and (reason := self._capabilities.too_large(value)):
                    # As its own commands take it, it may go in pieces.
                    if command == "DUMP" and self._fall_back:
                        work.builds.append(found)
                    else:
                        work.fail(found.key, reason)
                elif isinstance(value, bytes):
                    read.append((found, value, self._expiry(expiry)))
                elif value is None:
                    work.gone.append(found.key)
                elif str(value).startswith("WRONGTYPE"):
                    work.builds.append(found)
                else:
                    work.fail(found.key, f"{self.source.called} refused {command}: {in_words(value)}")
            except GoneError:
                work.gone.append(found.key)
            except NotCopiedError as error:
                work.fail(found.key, error)
        return read

    async def _dump(self, part: list[_Found], work: _Work) -> None:
        read = await self._read("DUMP", part, work)
        options = ("REPLACE", "ABSTTL") if work.replace else ("ABSTTL",)
        replies = await self.target.all(
            [pack("RESTORE", found.key, at or 0, payload, *options) for found, payload, at in read]
        )
        for (found, payload, _), reply in zip(read, replies, strict=True):
            if not isinstance(reply, hiredis.ReplyError):
                work.result.copied += 1
                work.result.bytes += len(payload)
            elif str(reply).startswith("BUSYKEY"):
                work.result.skipped += 1
            elif self._fall_back and str(reply).startswith(_FOREIGN_PAYLOAD):
                work.builds.append(found)
            else:
                work.fail(found.key, f"{self.target.called} refused RESTORE: {reply}")

    async def _strings(self, part: list[_Found], work: _Work) -> None:
        commands: list[bytes] = []
        sent: list[tuple[_Found, bytes]] = []
        for found, value, at in await self._read("GET", part, work):
            if at is not None and not self._capabilities.set_at:
                work.builds.append(found)
                continue
            options = (*(() if at is None else ("PXAT", at)), *(() if work.replace else ("NX",)))
            commands.append(pack("SET", found.key, value, *options))
            sent.append((found, value))
        for (found, value), reply in zip(sent, await self.target.all(commands), strict=True):
            if isinstance(reply, hiredis.ReplyError):
                work.fail(found.key, f"{self.target.called} refused SET: {reply}")
            elif reply is None:
                work.result.skipped += 1
            else:
                work.result.copied += 1
                work.result.bytes += len(value)

    async def _builds(self, work: _Work) -> None:
        builds, work.builds = work.builds, []
        small = [found for found in builds if found.value_bytes <= self._piece_bytes]
        for part in self._parts(small, _MOST_BUILDS):
            # A value's way takes several replies, which travel with those of others.
            async with asyncio.TaskGroup() as group:
                for found in part:
                    group.create_task(self._build(found, work))
        for found in builds:
            if found.value_bytes > self._piece_bytes:
                await self._build(found, work)

    async def _build(self, found: _Found, work: _Work) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._build_once(found, work)
            except GoneError:
                work.gone.append(found.key)
            except ChangedError as error:
                if attempt == _ATTEMPTS:
                    work.fail(found.key, error)
                elif described := await self._describe([found.key], work):
                    found = described[0]
                    continue
            except NotCopiedError as error:
                work.fail(found.key, error)
            return

    async def _build_once(self, found: _Found, work: _Work) -> None:
        if found.kind == NONE:
            raise GoneError
        if not work.replace and await self.target.reply("EXISTS", found.key) == 1:
            work.result.skipped += 1
            return
        copy = COPIES.get(found.kind)
        if copy is None:
            raise NotCopiedError(f"a value of the type {in_words(found.kind)} cannot be copied without DUMP")
        temporary = next(self._names)
        # What a value that fails would have lost is nothing that was lost.
        own = CopyResult()
        build = Build(
            self.source,
            self.target,
            found.key,
            temporary,
            found.kind,
            found.value_bytes,
            self._piece_bytes,
            self._capabilities,
            own,
        )
        try:
            await copy(build)
            at = self._expiry(await self.source.all(self._expiry_commands(found.key)))
            took_place = await build.take_place(at, replace=work.replace)
        except BaseException as error:
            self._left.add(temporary)
            if isinstance(error, GoneError | NotCopiedError):
                await self.clear()
            raise
        if took_place:
            own.copied = 1
            work.result.add(own)
        else:
            work.result.skipped += 1

    async def _delete(self, work: _Work) -> None:
        if not work.replace:
            work.result.absent += len(work.gone)
            return
        for key, reply in zip(
            work.gone, await self.target.all([pack("UNLINK", key) for key in work.gone]), strict=True
        ):
            if isinstance(reply, hiredis.ReplyError):
                work.fail(key, f"{self.target.called} refused UNLINK: {reply}")
            elif reply:
                work.result.deleted += 1
            else:
                work.result.absent += 1


def _length_command(kind: Reply) -> bytes:
    read_by = TYPES.get(kind) if isinstance(kind, bytes) else None
    return (read_by.length if read_by else b"") or b"EXISTS"
