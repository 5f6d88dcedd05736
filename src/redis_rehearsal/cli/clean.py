"""`redis-rehearsal clean`: remove our keys and schema from servers of the user's."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from redis_rehearsal.cache.client import CLIENT_ERRORS, client_of, first_contact
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.journal import Journal, Server
from redis_rehearsal.cache.lock import RunLock
from redis_rehearsal.cache.prefix import remove_all
from redis_rehearsal.cli.runtime_file import remove_stale
from redis_rehearsal.database import schema
from redis_rehearsal.database.connection import CONNECTION_ERRORS, first_connect, safe_address
from redis_rehearsal.embedded.directory import journal_place, remove_leftovers
from redis_rehearsal.errors import ConfigurationError, LockedError, ServerRefusedError
from redis_rehearsal.settings import Settings, part_of_settings, whole
from redis_rehearsal.workload.keys import Keys

CleanSettings: Final = part_of_settings(
    "CleanSettings", "redis_url", "target_redis_url", "database_url", "key_prefix", "operation_timeout"
)
_NOTHING: Final = CleanSettings()


def clean(*, servers: Annotated[CleanSettings, Parameter(name="*")] = _NOTHING) -> int:  # type: ignore[valid-type]
    """Remove what runs left: keys under the prefix, the schema `analytics`, and embedded servers of killed runs.

    Looks at the servers that REDIS_URL, TARGET_REDIS_URL and DATABASE_URL name; touches nothing else there.

    Args:
        servers: Which, and under which prefix.
    """
    settings = whole(servers)
    removed = remove_leftovers()
    remove_stale()
    for sentence in removed:
        sys.stdout.write(f"{sentence}\n")
    place = _journal_place()
    journal = Journal(Keys(settings.key_prefix), place)
    given = settings.redis_url or settings.target_redis_url or settings.database_url
    if not removed and not given and not journal.waiting():
        sys.stdout.write("There was nothing to remove: no killed run left anything, and no URL of a server is set.\n")
    asyncio.run(_clean(settings, journal))
    if waiting := journal.waiting():
        servers = "another server" if waiting == 1 else f"{waiting} other servers"
        sys.stdout.write(
            f"What runs changed on {servers} is noted in {place}. Where none of them goes on, set REDIS_URL and "
            "TARGET_REDIS_URL (and KEY_PREFIX) as they had them, and clean again; a server that was started again "
            "since has its settings from its own file, and its note can be deleted.\n"
        )
    return 0


def _journal_place() -> Path | None:
    try:
        return journal_place()
    except (OSError, ConfigurationError) as error:
        sys.stdout.write(f"What killed runs noted of servers in files could not be read: {error}\n")
        return None


async def _clean(settings: Settings, journal: Journal) -> None:
    keys = Keys(settings.key_prefix)
    await _put_back(settings, keys, journal)
    for role, variable, url in (
        ("source", "REDIS_URL", settings.redis_url),
        ("target", "TARGET_REDIS_URL", settings.target_redis_url),
    ):
        if url is None:
            continue
        endpoint = Endpoint.parse(url.get_secret_value())
        await first_contact(role, variable, endpoint, settings.operation_timeout)
        client = client_of(endpoint, settings.operation_timeout)
        lock = RunLock(client, keys.lock, str(endpoint))
        try:
            await lock.take()
            removed = await remove_all(client, keys, keep_lock=True)
            await lock.release()
        except CLIENT_ERRORS as error:
            raise ServerRefusedError(f"The {role} {endpoint} could not be cleaned: {error}.") from None
        finally:
            await client.aclose()
        sys.stdout.write(f"Removed {removed} keys under {keys.prefix} from the {role} {endpoint}.\n")
    if settings.database_url is not None:
        url_text = settings.database_url.get_secret_value()
        address = safe_address(url_text)
        connection, _ = await first_connect(url_text, settings.operation_timeout, "redis-rehearsal clean")
        try:
            found = await _drop_schema(connection, address)
        except CONNECTION_ERRORS as error:
            raise ServerRefusedError(
                f"The database {address} could not be cleaned: {error}. May DATABASE_URL's user drop the schema?"
            ) from None
        what = "Removed the schema `analytics` from" if found else "There is no schema of ours in"
        sys.stdout.write(f"{what} {address}.\n")


async def _put_back(settings: Settings, keys: Keys, journal: Journal) -> None:
    """Put back what a killed run left changed; first of all, since a source that it fenced takes no lock."""
    async with contextlib.AsyncExitStack() as stack:
        servers: list[Server] = []
        for role, variable, url in (
            ("source", "REDIS_URL", settings.redis_url),
            ("target", "TARGET_REDIS_URL", settings.target_redis_url),
        ):
            if url is None:
                continue
            endpoint = Endpoint.parse(url.get_secret_value())
            identity = await first_contact(role, variable, endpoint, settings.operation_timeout)
            client = client_of(endpoint, settings.operation_timeout)
            stack.push_async_callback(client.aclose)
            with contextlib.suppress(*CLIENT_ERRORS):
                if not await RunLock(client, keys.lock, str(endpoint)).may_be_taken():
                    return  # a run uses it, which is said when its keys are to be removed
            servers.append(Server(f"the {role} {endpoint}", identity.run_id, client, endpoint.password))
        for sentence in await journal.put_back(servers):
            sys.stdout.write(f"{sentence}.\n")


async def _drop_schema(connection: Any, address: str) -> bool:
    """Drop our schema, if there is one, and close the connection; whether there was one."""
    try:
        if not await schema.lock(connection):
            raise LockedError(f"A run uses the schema `analytics` of {address}; stop it first.")
        found = await schema.exists(connection)
        await schema.drop(connection)
    finally:
        await connection.close()
    return found
