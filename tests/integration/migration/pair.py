"""Two servers, between which keys are copied."""

import asyncio
from contextlib import ExitStack
from typing import Any, Literal

import redis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.copying import Copier, CopyResult

Method = Literal["dump", "types", "auto"]
TEMPORARY = b"copying*[tmp]:"


class Pair:
    """A source, a target, and clients of both that are not ours."""

    def __init__(self, source: RedisServer, target: RedisServer, stack: ExitStack) -> None:
        self.source_server, self.target_server = source, target
        self.source: Any = stack.enter_context(redis.Redis(port=source.port, protocol=2))
        self.target: Any = stack.enter_context(redis.Redis(port=target.port, protocol=2))

    def copier(self, **options: Any) -> Copier:
        source, target = (Endpoint.parse(server.url) for server in (self.source_server, self.target_server))
        return Copier(source, target, temporary_prefix=TEMPORARY, **options)

    def copy_all(self, **options: Any) -> CopyResult:
        async def copy() -> CopyResult:
            total = CopyResult()
            async with self.copier(**options) as copier:
                async for keys in copier.scan("*"):
                    total.add(await copier.copy(keys))
            return total

        return asyncio.run(copy())

    def copy(self, *keys: bytes, replace: bool = True, **options: Any) -> CopyResult:
        async def copy() -> CopyResult:
            async with self.copier(**options) as copier:
                return await copier.copy(keys, replace=replace)

        return asyncio.run(copy())

    def temporary_keys(self) -> list[bytes]:
        return [key for client in (self.source, self.target) for key in client.keys("*") if key.startswith(TEMPORARY)]
