"""The servers of a run: the user's, or embedded ones."""

import asyncio
import contextlib
import resource
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis_rehearsal.cache.client import Identity, first_contact, why_no_json
from redis_rehearsal.cache.encodings.choice import JSON, MIXED, types_used
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.database.run_database import RunDatabase
from redis_rehearsal.embedded.directory import DataDirectory
from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer, json_module
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.migration.site import DatabaseSite
from redis_rehearsal.settings import Settings, default_source_server
from redis_rehearsal.workload.keys import Keys

_FREE_BYTES: Final = 512 * 1024 * 1024
"""Embedded servers are not started with less room for their files."""


_PASSWORD_BYTES: Final = 24
_DOCUMENT_BYTES: Final = 64 * 1024
"""Room that a run's document and log need at least."""


@dataclass(frozen=True, slots=True)
class Found:
    """The servers that are there and will do, before any of them is taken for the run.

    Attributes:
        endpoints: where source and target are.
        identities: what these say that they are.
        processes: of those that are ours.
        database: PostgreSQL.
        opened: the same, as the coordinator uses it.
        data_types: in which reports are stored.
    """

    endpoints: dict[Role, Endpoint]
    identities: dict[Role, Identity]
    processes: dict[Role, RedisServer]
    database: DatabaseSite
    opened: RunDatabase
    data_types: tuple[str, ...]


class ServerRoom:
    """Starts what is not given, and ends it again.

    Args:
        settings: of the run.
        database_at: makes the database of a URL usable.
    """

    def __init__(self, settings: Settings, database_at: Callable[[str], RunDatabase]) -> None:
        self._settings = settings
        self._database_at = database_at
        self._directory: DataDirectory | None = None
        self._running: dict[str, RedisServer | PostgresServer] = {}
        self._starting: asyncio.Future[list[BaseException | None]] | None = None

    async def open(self) -> Found:
        """Start embedded servers where no URL is given, and see that all servers will do.

        Raises:
            ConfigurationError: one of them will not; the sentence names it.
        """
        settings = self._settings
        given: dict[str, str] = {
            name: url.get_secret_value()
            for name, url in (
                ("source", settings.redis_url),
                ("target", settings.target_redis_url),
                ("database", settings.database_url),
            )
            if url is not None
        }
        embedded = tuple(name for name in ("source", "target", "database") if name not in given)
        endpoints: dict[Role, Endpoint] = {role: Endpoint.parse(given[role]) for role in ROLES if role in given}
        if endpoints.get("source") is not None and endpoints.get("source") == endpoints.get("target"):
            raise ConfigurationError(
                f"REDIS_URL and TARGET_REDIS_URL both name {endpoints['source']}; source and target must differ."
            )
        if embedded:
            await self._start(embedded, given)
            endpoints |= {role: Endpoint.parse(given[role]) for role in ROLES if role in embedded}
        timeout = settings.operation_timeout
        source, target = endpoints["source"], endpoints["target"]
        source_identity = await first_contact("source", "REDIS_URL", source, timeout)
        target_identity = await first_contact("target", "TARGET_REDIS_URL", target, timeout)
        same = source_identity.run_id and source_identity.run_id == target_identity.run_id
        if same and source.database == target.database:
            raise ConfigurationError(
                f"REDIS_URL ({source}) and TARGET_REDIS_URL ({target}) lead to the same server; "
                "source and target must differ."
            )
        database = self._database_at(given["database"])
        await database.open()
        process = self._running.get("database")
        postgres = process if isinstance(process, PostgresServer) else None
        return Found(
            endpoints,
            {"source": source_identity, "target": target_identity},
            {role: server for role in ROLES if isinstance(server := self._running.get(role), RedisServer)},
            DatabaseSite(given["database"], database.version, postgres),
            database,
            await self._data_types(source, target),
        )

    async def _start(self, names: tuple[str, ...], urls: dict[str, str]) -> None:
        settings = self._settings
        self._directory = DataDirectory(settings.data_dir)
        place, keep = self._directory.path, settings.data_dir is not None
        free = shutil.disk_usage(place).free
        if free < _FREE_BYTES:
            raise ConfigurationError(
                f"The directory for embedded servers, {place}, has {free >> 20} MiB free; "
                f"at least {_FREE_BYTES >> 20} MiB are needed. Free some, or choose another with DATA_DIR or TMPDIR."
            )
        with_json = settings.redis_data_type == JSON
        programs = {
            "source": settings.source_server or default_source_server(with_json=with_json),
            "target": settings.target_server,
        }
        options = {name: self._json_options(programs[name]) for name in programs if name in names}
        servers: dict[str, RedisServer | PostgresServer] = {}
        for name in names:
            if name == "database":
                servers[name] = PostgresServer(place / "postgres")
            else:
                password = secrets.token_urlsafe(_PASSWORD_BYTES)
                servers[name] = RedisServer(
                    programs[name], place / name, options=options[name], keep=keep, password=password
                )
        self._running = servers
        # All of them, also where one fails or the run is ended meanwhile: each that did start must be ended.
        self._starting = asyncio.gather(*(_started(server) for server in servers.values()), return_exceptions=True)
        for result in await asyncio.shield(self._starting):
            if isinstance(result, BaseException):
                raise result
        urls |= {name: server.url for name, server in servers.items()}

    def _json_options(self, program: str) -> tuple[str, ...]:
        """What makes an embedded server load the JSON module, where that is of use and it can."""
        wanted = self._settings.redis_data_type
        if wanted not in (JSON, MIXED):
            return ()
        try:
            return ("--loadmodule", str(json_module(program)))
        except ConfigurationError:
            if wanted == JSON:
                raise
            return ()

    async def _data_types(self, source: Endpoint, target: Endpoint) -> tuple[str, ...]:
        data_type, timeout = self._settings.redis_data_type, self._settings.operation_timeout
        if data_type not in (JSON, MIXED):
            return types_used(data_type, with_json=False)
        absent = Keys(self._settings.key_prefix).absent
        refusal = await why_no_json(source, absent, timeout)
        if data_type == JSON and refusal:
            raise ConfigurationError(
                f"REDIS_DATA_TYPE is json, but JSON.GET is missing on the source {source} ({refusal}). Load the JSON "
                "module there (Redis 8 and Redis Stack have it), or choose another --data-type; mixed uses JSON "
                "where both servers have it."
            )
        return types_used(data_type, with_json=not refusal and not await why_no_json(target, absent, timeout))

    async def close(self) -> None:
        """End the embedded servers and remove their files, unless they are to be kept."""
        if self._starting is not None:
            await self._starting
        await asyncio.gather(*(asyncio.to_thread(server.stop) for server in self._running.values()))
        self._running.clear()
        if self._directory is not None:
            await asyncio.to_thread(self._directory.remove)
            self._directory = None


async def _started(server: RedisServer | PostgresServer) -> None:
    await asyncio.to_thread(server.prepare)
    # Here, since what is to end with us must be started by the main thread.
    server.spawn()
    await asyncio.to_thread(server.wait)


def raise_descriptor_limit(wanted: int) -> None:
    """Let this process and its children have that many open files and connections each.

    Raises:
        ConfigurationError: the system does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    if wanted > soft and (unlimited or wanted <= hard):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    elif wanted > soft:
        raise ConfigurationError(
            f"REDIS_POOL_SIZE needs {wanted} open files in a process, but the limit here is {hard} (ulimit -n); "
            "raise it, or set REDIS_POOL_SIZE lower."
        )


def remove_run_directory(directory: Path | None) -> None:
    """Remove a run's directory that holds nothing but the log of a start that was refused."""
    if directory is not None:
        with contextlib.suppress(OSError):
            (directory / "run.log").unlink(missing_ok=True)
            directory.rmdir()


def run_directory(place: Path, name: str) -> Path:
    """Make the directory of a run.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            directory = place / (name if number == 1 else f"{name}-{number}")
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:
                continue
            # A disk that is full now would cost the document at the end.
            probe = directory / "probe"
            probe.write_bytes(bytes(_DOCUMENT_BYTES))
            probe.unlink()
            return directory
    except OSError as error:
        raise ConfigurationError(f"RUN_DIR {place} cannot be used: {error}.") from None
    raise ConfigurationError(f"RUN_DIR {place} is full of runs of the same second.")
