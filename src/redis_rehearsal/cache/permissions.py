"""Whether a server's user may do all that a run does, found out before the run."""

import asyncio

import hiredis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.workload.keys import Keys


async def check_permissions(role: str, endpoint: Endpoint, keys: Keys, timeout_seconds: float) -> None:
    """Have a transaction of all that a run does checked by the server, and discard it: nothing is executed.

    Args:
        role: of the server, for the person who reads an error.
        endpoint: of the server.
        keys: the names of keys.
        timeout_seconds: for each answer.

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
        ("DISCARD",),
    )
    missing: list[str] = []
    connection = await Connection.open(endpoint, "redis-rehearsal:check", timeout_seconds, lambda _: None)
    try:
        for command in commands:
            if await _is_missing(connection, command, where, timeout_seconds):
                missing.append(command[0])
                if command[0] == "MULTI":
                    break  # without it the others would be executed
    finally:
        connection.abort("all was asked")
        await asyncio.sleep(0)  # its transport closes in the loop's next turn
    if missing:
        wanted = " ".join(f"+{name.lower()}" for name in missing)
        raise ServerRefusedError(
            f"{where} does not permit {', '.join(missing)} under {keys.prefix}; "
            f"give its user the keys ~{keys.prefix}* and the commands {wanted}."
        )


async def _is_missing(connection: Connection, command: tuple[str, ...], where: str, timeout_seconds: float) -> bool:
    reply = await connection.ask(timeout_seconds, *command)
    if not isinstance(reply, hiredis.ReplyError):
        return False
    if str(reply).startswith("READONLY"):
        raise ServerRefusedError(f"{where} is a read-only replica; give the address of its primary.")
    if str(reply).startswith("NOPERM"):
        return True
    raise ServerRefusedError(f"{where} refused {command[0]}: {reply}.")
