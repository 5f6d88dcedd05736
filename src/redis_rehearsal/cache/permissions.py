"""Whether a server's user may do all that a run does, found out before the run."""

from collections.abc import Collection
from typing import Final

import hiredis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.workload.keys import Keys

_COMMANDS_OF_TYPES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "json": (("JSON.GET",), ("JSON.SET", "$", "1")),
    "hash": (("HGETALL",), ("HSET", "field", "1")),
    "list": (("LRANGE", "0", "-1"), ("LPUSH", "1")),
    "set": (("SMEMBERS",), ("SADD", "1")),
    "sorted-set": (("ZRANGE", "0", "-1"), ("ZADD", "1", "1")),
}
"""What the types of reports need beyond what a run does in any case, without the key."""


async def check_permissions(
    role: str,
    endpoint: Endpoint,
    keys: Keys,
    data_types: Collection[str],
    timeout_seconds: float,
    *,
    may_follow: bool = False,
) -> None:
    """Have a transaction of all that a run does checked by the server, and discard it: nothing is executed.

    Args:
        role: of the server, for the person who reads an error.
        endpoint: of the server.
        keys: the names of keys.
        data_types: in which reports are stored.
        timeout_seconds: for each answer.
        may_follow: whether a read-only replica will do.

    Raises:
        ServerRefusedError: names all commands that are missing.
        OSError: the server went away.
    """
    where = f"The {role} {endpoint}"
    key = keys.lock
    commands: tuple[tuple[str, ...], ...] = (
        ("WATCH", key),
        ("MULTI",),
        ("SET", key, "1", "PX", "60000"),
        ("GET", key),
        ("MGET", key),
        ("INCR", key),
        ("EXPIREAT", key, "1"),
        ("EXPIRE", key, "1"),
        ("TTL", key),
        ("SCAN", "0"),
        ("DEL", key),
        ("HSET", key, "field", "1"),
        ("UNLINK", key),
        *_of_types(key, data_types),
        ("DISCARD",),
    )
    missing: list[str] = []
    async with Connection.opened(endpoint, "redis-rehearsal:check", timeout_seconds) as connection:
        for command in commands:
            if await _is_missing(connection, command, where, timeout_seconds, may_follow):
                missing.append(command[0])
                if command[0] == "MULTI":
                    break  # without it the others would be executed
    if missing:
        wanted = " ".join(f"+{name.lower()}" for name in missing)
        raise ServerRefusedError(
            f"{where} does not permit {', '.join(missing)} under {keys.prefix}; "
            f"give its user the keys ~{keys.prefix}* and the commands {wanted}."
        )


def _of_types(key: str, data_types: Collection[str]) -> list[tuple[str, ...]]:
    found = [
        (name, key, *arguments)
        for data_type in data_types
        for name, *arguments in _COMMANDS_OF_TYPES.get(data_type, ())
    ]
    if set(data_types) != {"string"}:
        found += [("PEXPIRE", key, "1"), ("PTTL", key), ("RENAMENX", key, key)]
    return found


async def _is_missing(
    connection: Connection, command: tuple[str, ...], where: str, timeout_seconds: float, may_follow: bool
) -> bool:
    reply = await connection.ask(timeout_seconds, *command)
    if not isinstance(reply, hiredis.ReplyError):
        return False
    if str(reply).startswith("READONLY"):
        if may_follow:
            return False  # what is not permitted is refused before that
        raise ServerRefusedError(f"{where} is a read-only replica; give the address of its primary.")
    if str(reply).startswith("NOPERM"):
        return True
    if "unknown command" in str(reply) and command[0].startswith("JSON."):
        return False  # whether a server must have it is asked elsewhere
    raise ServerRefusedError(f"{where} refused {command[0]}: {reply}.")
