"""A lock that keeps a second run away from a server and prefix, and ends by itself when its owner dies."""

import contextlib
import os
import platform
import secrets
from typing import Final

import psutil
import redis.asyncio as redis
from redis.exceptions import NoPermissionError, ReadOnlyError, ResponseError, WatchError

from redis_rehearsal.errors import LockedError, ServerRefusedError

TTL_SECONDS: Final = 30
REFRESH_SECONDS: Final = 10.0


def new_owner() -> str:
    """Something that no other run calls itself."""
    return f"{platform.node()}:{os.getpid()}:{secrets.token_hex(8)}"


class RunLock:
    """The lock under a prefix on one server.

    Args:
        client: of the server.
        key: of the lock.
        where: the server's address, for people.
        owner: who takes it, from `new_owner`; None for one of its own.
    """

    def __init__(self, client: redis.Redis, key: str, where: str, owner: str | None = None) -> None:
        self._client = client
        self._key = key
        self._where = where
        self._owner = owner or new_owner()

    async def take(self, *, may_follow: bool = False) -> None:
        """Take the lock.

        Args:
            may_follow: whether a read-only replica will do, to which the lock comes from its primary.

        Raises:
            LockedError: another run has it.
            ServerRefusedError: the server does not let us write under the prefix.
        """
        try:
            for _ in range(2):
                if await self._client.set(self._key, self._owner, nx=True, ex=TTL_SECONDS):
                    return
                owner = await self._value()
                if not _is_dead(owner):
                    break
                await self._delete(owner)
        except NoPermissionError as error:
            raise ServerRefusedError(
                f"The server {self._where} does not permit what a run needs ({error}). "
                f"Give its user the keys {self._key.removesuffix('lock')}* and the commands for strings."
            ) from None
        except ReadOnlyError:
            if not may_follow:
                raise ServerRefusedError(
                    f"The server {self._where} is a read-only replica; give the address of its primary."
                ) from None
            owner = await self._value()
            if self._may_take(owner):
                return
        except ResponseError as error:
            raise ServerRefusedError(f"The server {self._where} does not do what a run needs: {error}.") from None
        host, _, rest = owner.partition(":")
        seconds = max(1, await self._client.ttl(self._key))
        raise LockedError(
            f"Another run (process {rest.partition(':')[0]} on {host}) uses the server {self._where} under the same "
            f"prefix. Stop it, or set another KEY_PREFIX; if it was killed, its lock ends in {seconds} s."
        )

    async def may_be_taken(self) -> bool:
        """Whether no other run has it that is alive, as far as can be seen from here."""
        return self._may_take(await self._value())

    async def refresh(self) -> bool:
        """Make it last longer; takes it again where the server lost it. False where another run has it."""
        try:
            if await self._client.set(self._key, self._owner, nx=True, ex=TTL_SECONDS):
                return True
        except ReadOnlyError:
            return self._may_take(await self._value())
        if await self._value() != self._owner:
            return False
        await self._client.expire(self._key, TTL_SECONDS)
        return True

    async def release(self) -> None:
        """Give it back, if it is ours."""
        with contextlib.suppress(ReadOnlyError):  # it goes with that of its primary
            await self._delete(self._owner)

    def _may_take(self, owner: str) -> bool:
        return owner in ("", self._owner) or _is_dead(owner)

    async def _value(self) -> str:
        value = await self._client.get(self._key)
        return _text(value)

    async def _delete(self, owner: str) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            try:
                await pipe.watch(self._key)
                value = await pipe.get(self._key)  # at once: the key is watched
                if _text(value) == owner:
                    pipe.multi()  # type: ignore[no-untyped-call]
                    pipe.delete(self._key)
                    await pipe.execute()
            except WatchError:
                return  # somebody else's by now


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, bytes):
        raise ResponseError(f"GET was answered by {type(value).__name__}")
    return value.decode(errors="replace")


def _is_dead(owner: str) -> bool:
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    return host == platform.node() and pid.isdigit() and not psutil.pid_exists(int(pid))
