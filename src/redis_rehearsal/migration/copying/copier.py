"""Copies keys from one live server to another."""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, Literal, Self

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError, first_of
from redis_rehearsal.keyspace.asking import LARGE_REPLY_BYTES, Asker
from redis_rehearsal.keyspace.differing import differing
from redis_rehearsal.keyspace.errors import RefusedError
from redis_rehearsal.keyspace.scanning import literally, scan
from redis_rehearsal.migration.copying.capabilities import Capabilities, Method, find_capabilities
from redis_rehearsal.migration.copying.pace import Progress, TokenBucket
from redis_rehearsal.migration.copying.result import CopyResult
from redis_rehearsal.migration.copying.transfer import Transfer

_TRANSFERS: Final = 4
"""At the same time, each over a connection of its own to both servers."""
_CHUNK_KEYS: Final = 256
_CHUNKS_A_SECOND: Final = 20
"""Below a rate of some thousand keys a second, so that they go evenly."""
_SCAN_COUNT: Final = 1000
_READS_REFUSED: Final = ("LOADING", "MASTERDOWN", "NOAUTH", "BUSY ", "CLUSTERDOWN")
"""How refusals begin that concern the server and not the key."""
_WRITES_REFUSED: Final = ("READONLY", "NOREPLICAS", "MISCONF")
"""The same, of a target alone: a source may be a replica, or fenced."""


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
        self._sources = [_asker(called[0], source, timeout_seconds, _READS_REFUSED) for _ in range(_TRANSFERS)]
        refused = (*_READS_REFUSED, *_WRITES_REFUSED)
        self._targets = [_asker(called[1], target, timeout_seconds, refused) for _ in range(_TRANSFERS)]
        self._transfers: list[Transfer] = []
        self._turns: Iterator[Transfer] = iter(())
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
        for asker in (*self._sources, *self._targets):
            await asker.open()
        source, target = self._sources[0], self._targets[0]
        self._capabilities = await find_capabilities(source, target, self._wanted, next(self._names))
        async for keys in _pages(target, literally(self._prefix) + b"*"):
            await target.reply("UNLINK", *keys)
        piece_bytes = min(self._piece_bytes, self._capabilities.most_bytes)
        self._transfers = [
            Transfer(*askers, self._capabilities, piece_bytes, self._names, fall_back=self._wanted == "auto")
            for askers in zip(self._sources, self._targets, strict=True)
        ]
        self._turns = itertools.cycle(self._transfers)

    async def close(self) -> None:
        """Remove temporary keys where the target is there, and close all connections."""
        try:
            for transfer in self._transfers:
                await transfer.clear()
        except OSError:
            pass  # the next copier removes them
        finally:
            for asker in (*self._sources, *self._targets):
                await asker.close()

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
        found = await self._sources[0].reply("DBSIZE")
        self.progress.total_keys = found if isinstance(found, int) else 0
        return self.progress.total_keys

    async def scan(self, pattern: str | bytes, of: Role = "source") -> AsyncIterator[list[bytes]]:
        """Keys in batches; each that is there throughout comes at least once, perhaps more often.

        Args:
            pattern: as SCAN's MATCH takes it.
            of: whether they are those of the server that is copied from, or to.

        Raises:
            OSError: the server is away.
            MigrationError: it refused SCAN.
        """
        async for keys in _pages((self._sources if of == "source" else self._targets)[0], pattern):
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
        replies = await self._sources[0].all([pack("XINFO", "GROUPS", key) for key in streams])
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

        async def work(transfer: Transfer) -> None:
            await transfer.clear()
            while chunks:
                chunk = chunks.popleft()
                if paced:
                    await self._bucket.take(len(chunk))
                done = await transfer.copy(chunk, replace=replace)
                self.progress.add(done.keys, done.bytes)
                result.add(done)

        # In turn, so that a single key does not wait behind another call's large one.
        transfers = [next(self._turns) for _ in range(min(len(chunks), len(self._transfers)))]
        try:
            async with asyncio.TaskGroup() as group:
                for transfer in transfers:
                    group.create_task(work(transfer))
        except BaseExceptionGroup as errors:
            raise first_of(errors) from None
        return result


def _asker(called: Role, endpoint: Endpoint, timeout_seconds: float, refusals: tuple[str, ...]) -> Asker:
    return Asker(
        called, endpoint, "copy", timeout_seconds, reply_bytes=LARGE_REPLY_BYTES, reopens=True, refusals=refusals
    )


async def _pages(asker: Asker, pattern: str | bytes) -> AsyncIterator[list[bytes]]:
    try:
        async for keys in scan(asker, _SCAN_COUNT, pattern):
            if keys:
                yield keys
    except RefusedError as error:
        raise MigrationError(f"{asker} cannot be searched for keys: it refused SCAN ({error.reason}).") from None
