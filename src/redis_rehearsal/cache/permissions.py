"""Whether a server's user may do all that a run does, found out before the run."""

from typing import Any, Final

import redis.asyncio as redis
from redis.exceptions import NoPermissionError, ReadOnlyError, ResponseError

from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.workload.keys import Keys

_SOON: Final = "4102444800"
"""A time to expire, in Unix seconds, that is later than any check."""


async def check_permissions(client: redis.Redis, keys: Keys, where: str) -> None:
    """Do once, on a key of our own, what a run does all the time.

    Args:
        client: of the server.
        keys: the names of keys.
        where: the server's role and address, for people.

    Raises:
        ServerRefusedError: names all commands that are missing.
    """
    key = keys.check
    commands: tuple[tuple[str, ...], ...] = (
        ("SET", key, "1", "PX", "60000"),
        ("GET", key),
        ("MGET", key),
        ("INCR", key),
        ("EXPIREAT", key, _SOON),
        ("EXPIRE", key, "60"),
        ("TTL", key),
        ("WATCH", key),
        ("MULTI",),
        ("EXEC",),
        ("SCAN", "0", "MATCH", key, "COUNT", "1"),
        ("DEL", key),
        ("HSET", key, "field", "1"),
        ("UNLINK", key),
    )
    missing: list[str] = []
    # One connection, since MULTI and EXEC belong together.
    async with client.client() as connection:
        for command in commands:
            await _try(connection, command, missing, where)
    if missing:
        wanted = " ".join(f"+{name.lower()}" for name in missing)
        raise ServerRefusedError(
            f"{where} does not permit {', '.join(missing)} under {keys.prefix}; "
            f"give its user the keys ~{keys.prefix}* and the commands {wanted}."
        )


async def _try(connection: Any, command: tuple[str, ...], missing: list[str], where: str) -> None:
    try:
        await connection.execute_command(*command)
    except NoPermissionError:
        missing.append(command[0])
    except ReadOnlyError:
        raise ServerRefusedError(f"{where} is a read-only replica; give the address of its primary.") from None
    except ResponseError as error:
        if command[0] != "EXEC":  # without the right to MULTI there is nothing to execute
            raise ServerRefusedError(f"{where} refused {command[0]}: {error}.") from None
