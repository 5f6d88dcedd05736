"""Copies keys from one live server to another."""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, Literal, Self

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.copying.capabilities import Capabilities, Method, find_capabilities
from redis_rehearsal.migration.copying.differing import differing
from redis_rehearsal.migration.copying.lane import Lane
from redis_rehearsal.migration.copying.line import Line, in_words, packed
from redis_rehearsal.migration.copying.pace import Progress, TokenBucket
from redis_rehearsal.migration.copying.result import CopyResult

_LANES: Final = 4
_CHUNK_KEYS: Final = 256
_CHUNKS_A_SECOND: Final = 20
"""Below a rate of some thousand keys a second, so that they go evenly."""
_SCAN_COUNT: Final = 1000
_SPECIAL: Final = b"*?[]^\\"


def _literally(text: bytes) -> bytes:
    return b"".join(b"\\" + bytes([byte]) if byte in _SPECIAL else bytes([byte]) for byte in text)


def _temporary_names(prefix: bytes) -> Iterator[bytes]:
    token = secrets.token_hex(4).encode()
    return (b"%s%s:%d" % (prefix, token, number) for number in itertools.count())


class Copier:
    """Copies keys with type, value and TTL from one live server to another.

    A key that is written to while it is copied may arrive in any state between; copying it again, when it is at rest,
    ends right, also after an interruption anywhere. Values above `piece_bytes` go in pieces into a temporary key that
    then takes the key's place, so that no server stands still for long and no reader sees half a value.

    Args:
        source: where keys come from.
        target: where they go.
        temporary_prefix: begins the temporary keys. All that the target has under it is removed, and nothing under it
            is copied, so nobody else may use it, nor another copier that is open at the same time.
        method: `dump` and `types` as they say, `auto` for dump wherever the target accepts the source's.
        rate_keys_per_second: at most; None for as fast as it goes.
        piece_bytes: see above.
        timeout_seconds: without a byte from a server that owes a reply, after which it is away.
        called: what people know the two as; on the way back they are exchanged.

    Attributes:
        progress: how far the copying is.
    """

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        *,
        temporary_prefix: str | bytes,
        method: Literal["dump", "types", "auto"] = "auto",
        rate_keys_per_second: float | None = None,
        piece_bytes: int = 1024 * 1024,
        timeout_seconds: float = 10.0,
        called: tuple[Role, Role] = ("source", "target"),
    ) -> None:
        prefix = temporary_prefix.encode() if isinstance(temporary_prefix, str) else temporary_prefix
        if not prefix:
            raise ValueError("temporary keys need a prefix of their own")
        self.progress = Progress()
        self._prefix = prefix
        self._wanted = method
        self._bucket = TokenBucket(rate_keys_per_second)
        rate = rate_keys_per_second or _CHUNK_KEYS * _CHUNKS_A_SECOND
        self._paced_keys = max(1, min(_CHUNK_KEYS, int(rate / _CHUNKS_A_SECOND)))
        self._piece_bytes = piece_bytes
        self._names = _temporary_names(prefix)
        self._sources = [Line("source", source, timeout_seconds, called[0]) for _ in range(_LANES)]
        self._targets = [Line("target", target, timeout_seconds, called[1]) for _ in range(_LANES)]
        self._lanes: list[Lane] = []
        self._turns: Iterator[Lane] = iter(())
        self._capabilities: Capabilities | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect, choose the method, and remove the temporary keys that an earlier copy left.

        Raises:
            OSError: a server is away.
            MigrationError: the target cannot be written to, or the method cannot be used.
        """
        for line in (*self._sources, *self._targets):
            await line.open()
        source, target = self._sources[0], self._targets[0]
        self._capabilities = await find_capabilities(source, target, self._wanted, next(self._names))
        async for keys in self._scan(target, _literally(self._prefix) + b"*"):
            await target.one("UNLINK", *keys)
        piece_bytes = min(self._piece_bytes, self._capabilities.most_bytes)
        self._lanes = [
            Lane(*lines, self._capabilities, piece_bytes, self._names, fall_back=self._wanted == "auto")
            for lines in zip(self._sources, self._targets, strict=True)
        ]
        self._turns = itertools.cycle(self._lanes)

    async def close(self) -> None:
        """Remove temporary keys where the target is there, and close all connections."""
        try:
            for lane in self._lanes:
                await lane.clear()
        except OSError:
            pass  # the next copier removes them
        finally:
            for line in (*self._sources, *self._targets):
                await line.close()

    @property
    def capabilities(self) -> Capabilities:
        """What the two servers can do for a copy."""
        if self._capabilities is None:
            raise RuntimeError("the copier was not opened")
        return self._capabilities

    def what_method(self) -> tuple[Method, str]:
        """How values are copied that are not large, and why that way."""
        return self.capabilities.method, self.capabilities.reason

    async def estimate(self) -> int:
        """How many keys the source's database has, so how many there may be at most; `progress` then has it too.

        Raises:
            OSError: the source is away.
        """
        found = await self._sources[0].one("DBSIZE")
        self.progress.total_keys = found if isinstance(found, int) else 0
        return self.progress.total_keys

    async def scan(self, pattern: str | bytes) -> AsyncIterator[list[bytes]]:
        """Keys of the source in batches; each that is there throughout comes at least once, perhaps more often.

        Args:
            pattern: as SCAN's MATCH takes it.

        Raises:
            OSError: the source is away.
            MigrationError: it refused SCAN.
        """
        async for keys in self._scan(self._sources[0], pattern):
            if batch := [key for key in keys if not key.startswith(self._prefix)]:
                yield batch

    async def differing(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those of the keys that the target does not have as the source has them; see `differing`.

        Raises:
            OSError: a server is away.
        """
        return await differing(self._sources[0], self._targets[0], keys)

    async def with_groups(self, streams: Sequence[bytes]) -> list[bytes]:
        """Those of the streams that have groups, and those of which the source does not say.

        Raises:
            OSError: the source is away.
        """
        replies = await self._sources[0].all([packed("XINFO", "GROUPS", key) for key in streams])
        return [
            key
            for key, reply in zip(streams, replies, strict=True)
            if reply and not str(reply).startswith(("ERR no such key", "WRONGTYPE"))
        ]

    async def pace(self, keys: int) -> None:
        """Wait until so many keys may be copied at the rate that was asked for; they count as copied from then on."""
        await self._bucket.take(keys)

    async def copy(self, keys: Sequence[bytes], *, replace: bool = True, paced: bool = True) -> CopyResult:
        """Copy keys, and delete on the target those that the source no longer has.

        Args:
            keys: which; one that is given twice is copied once.
            replace: False leaves alone what the target has, and deletes nothing.
            paced: False for as fast as it goes, whatever the rate.

        Raises:
            OSError: a server is away; any part of the keys may have been copied.
        """
        if self.progress.began_seconds is None:
            self.progress.began_seconds = monotonic()
        result = CopyResult()
        wanted = list(dict.fromkeys(keys))
        own = [key for key in wanted if key.startswith(self._prefix)]
        if own:
            wanted = [key for key in wanted if not key.startswith(self._prefix)]
            result.failed += [(key, "it is under the prefix of temporary keys") for key in own]
        size = self._paced_keys if paced else _CHUNK_KEYS
        chunks = deque(wanted[at : at + size] for at in range(0, len(wanted), size))

        async def work(lane: Lane) -> None:
            await lane.clear()
            while chunks:
                chunk = chunks.popleft()
                if paced:
                    await self._bucket.take(len(chunk))
                done = await lane.copy(chunk, replace=replace)
                self.progress.add(done.keys, done.bytes)
                result.add(done)

        # In turn, so that a single key does not wait behind another call's large one.
        lanes = [next(self._turns) for _ in range(min(len(chunks), len(self._lanes)))]
        try:
            async with asyncio.TaskGroup() as group:
                for lane in lanes:
                    group.create_task(work(lane))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        return result

    async def _scan(self, line: Line, pattern: str | bytes) -> AsyncIterator[list[bytes]]:
        cursor = b"0"
        while True:
            reply = await line.one("SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT)
            if not isinstance(reply, list):
                raise MigrationError(f"{line} cannot be searched for keys: it refused SCAN ({in_words(reply)}).")
            cursor, keys = reply
            if keys:
                yield keys
            if cursor == b"0":
                return


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
