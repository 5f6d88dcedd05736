"""What a migration changed on servers, written down on them before, so that the next run can put it back.

A hash under our prefix: for the server's run id and the setting, the value that it had before. A server that was
started again has its settings from its own file, and another run id. It stands on both servers, since REPLICAOF erases
the target's; a password never does.
"""

from collections.abc import Iterable
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from redis_rehearsal.cache.control import CONTROL_ERRORS
from redis_rehearsal.workload.keys import Keys

ROLE: Final = "replicaof"
"""Stands for a server that was made a replica; its value is the primary's host and port."""
FENCE: Final = "min-replicas-to-write"
"""The setting by which a source is made to refuse writes once its pause ends."""
_SECRET: Final = frozenset({"masterauth", "requirepass"})


def may_be_noted(setting: str, before: str) -> bool:
    """Whether a setting's value may be written down: no password is."""
    return setting not in _SECRET or not before


async def note(clients: Iterable[redis.Redis], keys: Keys, run_id: str, setting: str, before: str) -> None:
    """Write down what a setting was before it is changed.

    Args:
        clients: of all servers of the migration.
        keys: the names of keys.
        run_id: of the server whose setting it is.
        setting: its name, or `ROLE`.
        before: its value.

    Raises:
        RedisError, OSError, TimeoutError: none of the servers took it.
    """
    errors: list[Exception] = []
    count = 0
    for client in clients:
        count += 1
        try:
            # The first note counts: what came later may be our own.
            await client.hsetnx(keys.changed, f"{run_id} {setting}", before)
        except CONTROL_ERRORS as error:
            errors.append(error)
    if errors and len(errors) == count:
        raise errors[0]


async def forget(clients: Iterable[redis.Redis], keys: Keys, run_id: str, setting: str) -> None:
    """A setting is as it was before; what cannot be reached is put back once more by the next run."""
    for client in clients:
        try:
            await client.hdel(keys.changed, f"{run_id} {setting}")
        except CONTROL_ERRORS:
            continue


async def noted(client: redis.Redis, keys: Keys) -> dict[tuple[str, str], str]:
    """What stands on a server: values by run id and setting; nothing where it does not let us look."""
    try:
        found = await client.hgetall(keys.changed)
    except CONTROL_ERRORS:
        return {}
    notes = {}
    for field, before in found.items():
        run_id, _, setting = _text(field).partition(" ")
        notes[run_id, setting] = _text(before)
    return notes


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


async def put_back(clients: dict[str, redis.Redis], keys: Keys) -> list[str]:
    """Put back what a run that was killed left changed on servers that no run uses now.

    Args:
        clients: of the servers, by run id.
        keys: the names of keys.

    Returns:
        A sentence for each setting.
    """
    notes: dict[tuple[str, str], str] = {}
    for client in clients.values():
        notes |= await noted(client, keys)
    said, done = [], []
    for (run_id, setting), before in sorted(notes.items()):
        server = clients.get(run_id)
        if server is None:
            continue
        try:
            await _set(server, setting, before)
            said.append(f"{setting} was left changed by a run that was killed, and is put back")
        except (RedisError, OSError, TimeoutError) as error:
            said.append(
                f"{setting} was left changed by a run that was killed, and could not be put back "
                f"({type(error).__name__}); set it by hand"
            )
            continue
        done.append((run_id, setting))
    # Only now does each server take writes again: one may have been a replica, or fenced.
    for run_id, setting in done:
        await forget(clients.values(), keys, run_id, setting)
    return said


async def _set(client: redis.Redis, setting: str, before: str) -> None:
    if setting == FENCE:
        # The pause before the fence may go on for as long as a freeze may last, and holds back what comes next.
        await client.client_unpause()
    if setting != ROLE:
        await client.config_set(setting, before)
        return
    info = await client.info("replication")
    if info.get("role") == "slave" and f"{info.get('master_host')} {info.get('master_port')}" == before:
        await client.replicaof("NO", "ONE")
