"""Operations on parts of collections in the cache: a field, a member, an entry, instead of all of them.

For whoever extends the platform. The load itself sends the same commands prepared and pipelined
(`engine.live_writes`), since a call that is awaited costs some fifty times as much.
"""

from collections.abc import Mapping
from typing import Any

import redis.asyncio as redis


class Collections:
    """Collections that expire: whatever is written gets its time to live in the same transaction.

    Every method raises RedisError, OSError or TimeoutError where the server is at fault, ResponseError (WRONGTYPE)
    among them where the key holds something else.

    Args:
        client: of the server.
        ttl_seconds: from each write on.
    """

    def __init__(self, client: redis.Redis, ttl_seconds: int) -> None:
        self._client: Any = client  # its commands are typed for two kinds of client at once
        self._ttl_seconds = ttl_seconds

    async def _write(self, key: str, command: str, *arguments: Any) -> Any:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.execute_command(command, key, *arguments)
            pipe.expire(key, self._ttl_seconds)
            return (await pipe.execute())[0]

    async def hash_get(self, key: str, field: str) -> bytes | None:
        """One field of a hash; None where it has none of that name."""
        found: bytes | None = await self._client.execute_command("HGET", key, field)
        return found

    async def hash_set(self, key: str, field: str, value: str | bytes | int) -> bool:
        """Set one field of a hash; whether it is a new one."""
        return bool(await self._write(key, "HSET", field, value))

    async def list_push(self, key: str, value: str | bytes, most: int) -> int:
        """Put a value in front of a list and cut it to a length.

        Returns:
            How long it was before it was cut.
        """
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.execute_command("LPUSH", key, value)
            pipe.execute_command("LTRIM", key, 0, most - 1)
            pipe.expire(key, self._ttl_seconds)
            return int((await pipe.execute())[0])

    async def list_get_all(self, key: str) -> list[bytes]:
        """A whole list, the newest first."""
        found: list[bytes] = await self._client.execute_command("LRANGE", key, 0, -1)
        return found

    async def set_add(self, key: str, *members: str | bytes) -> int:
        """Add members to a set; how many are new."""
        return int(await self._write(key, "SADD", *members))

    async def set_members(self, key: str) -> set[bytes]:
        """All members of a set."""
        return set(await self._client.execute_command("SMEMBERS", key))

    async def set_card(self, key: str) -> int:
        """How many members a set has."""
        return int(await self._client.execute_command("SCARD", key))

    async def zset_add(self, key: str, scores: Mapping[str, float]) -> int:
        """Give members of a sorted set their scores; how many are new."""
        pairs = [part for member, score in scores.items() for part in (score, member)]
        return int(await self._write(key, "ZADD", *pairs))

    async def zset_incr(self, key: str, member: str, by: float = 1.0) -> float:
        """Add to the score of a member of a sorted set, which begins at 0; the score it comes to."""
        return float(await self._write(key, "ZINCRBY", by, member))

    async def zset_top(self, key: str, count: int) -> list[tuple[bytes, float]]:
        """The members with the highest scores, the highest first."""
        return _pairs(await self._client.execute_command("ZREVRANGE", key, 0, count - 1, "WITHSCORES"))

    async def zset_range_by_score(self, key: str, low: float, high: float) -> list[tuple[bytes, float]]:
        """The members with scores from `low` to `high`, both included, the lowest first."""
        return _pairs(await self._client.execute_command("ZRANGEBYSCORE", key, low, high, "WITHSCORES"))


def _pairs(found: list[Any]) -> list[tuple[bytes, float]]:
    return [(member, float(score)) for member, score in zip(found[::2], found[1::2], strict=True)]
