"""Connecting to PostgreSQL, with errors for the person who reads them."""

from typing import Any, Final

import asyncpg

from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.urls import split_postgres_url

MINIMUM_VERSION: Final = 13
CONNECTION_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg raises where a server goes between two messages
)
"""What an operation on PostgreSQL can fail with when the server or the way to it is at fault."""


def safe_address(url: str) -> str:
    """The address of a database without user, password and options, for people.

    Args:
        url: of the database; of one that cannot be told apart for sure, nothing is shown.
    """
    try:
        parts = split_postgres_url(url)
    except ValueError:
        return "postgresql://…"
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


async def connect(url: str, timeout_seconds: float, name: str, *, bounded: bool = True) -> Any:
    """An asyncpg connection.

    Args:
        url: of the database.
        timeout_seconds: to connect, and for each command.
        name: as pg_stat_activity shows it.
        bounded: else who asks bounds it, by giving up.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: see `CONNECTION_ERRORS`.
    """
    return await asyncpg.connect(
        url,
        timeout=timeout_seconds if bounded else None,
        command_timeout=timeout_seconds if bounded else None,
        server_settings={"application_name": name, "search_path": "analytics", "jit": "off"},
    )


async def first_connect(url: str, timeout_seconds: float, name: str) -> tuple[Any, str]:
    """Connect before the run and see that the server will do.

    Returns:
        The connection, and the server's version.

    Raises:
        ServerRefusedError: names the server and says what to do.
    """
    address = safe_address(url)
    try:
        connection = await connect(url, timeout_seconds, name)
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ServerRefusedError(
            f"PostgreSQL at {address} refused the login: {error}. Check user and password in DATABASE_URL."
        ) from None
    except asyncpg.PostgresError as error:
        raise ServerRefusedError(f"PostgreSQL at {address} refused: {error}.") from None
    except ValueError:  # its text quotes options, and one may be a password
        raise ServerRefusedError(
            f"DATABASE_URL ({address}) cannot be used: its host, an option in it, or one of the environment's "
            "PG... variables is wrong."
        ) from None
    except asyncpg.InterfaceError as error:
        raise ServerRefusedError(f"PostgreSQL at {address} cannot be used: {error}.") from None
    except TimeoutError:
        raise ServerRefusedError(
            f"PostgreSQL at {address} did not answer within {timeout_seconds:g} s. Is DATABASE_URL right?"
        ) from None
    except (OSError, ConnectionError) as error:
        raise ServerRefusedError(
            f"PostgreSQL at {address} could not be reached: {error}. Is it running, and DATABASE_URL right?"
        ) from None
    version = str(await connection.fetchval("SHOW server_version")).partition(" ")[0]
    if connection.get_server_version().major < MINIMUM_VERSION:
        await connection.close()
        raise ServerRefusedError(
            f"PostgreSQL at {address} is version {version}; version {MINIMUM_VERSION} or later is needed."
        )
    return connection, version
