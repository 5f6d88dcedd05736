"""The servers of a run, made ours for as long as it lasts: clients, locks, schema, health."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import redis.asyncio as redis
import structlog
from redis.exceptions import ReadOnlyError, RedisError

from redis_rehearsal.cache.control import CONTROL_ERRORS, control_client, first_contact
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.journal import Journal, Server
from redis_rehearsal.cache.lock import REFRESH_SECONDS, RunLock, new_owner
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.cache.prefix import add_dead_weight, remove_all
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.clock import utc
from redis_rehearsal.coordinator.servers import ServerRoom, Servers
from redis_rehearsal.database import schema
from redis_rehearsal.database.connection import connect
from redis_rehearsal.database.seed import SeedParameters, ensure_seeded
from redis_rehearsal.embedded.directory import journal_place
from redis_rehearsal.errors import ConfigurationError, ConflictError, LockedError
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry.health import ServerHealth
from redis_rehearsal.workload.keys import Keys

_log = structlog.get_logger()

Progress = Callable[[str, int, int], None]
Answer = TypeVar("Answer")


def _journal_place(settings: Settings) -> Path | None:
    if settings.redis_url is None and settings.target_redis_url is None:
        return None  # servers that end with the run are left to nobody
    try:
        return journal_place()
    except (OSError, ConfigurationError) as error:
        _log.warning(f"what is changed on servers is written down on them only: {error}")
        return None


class Equipment:
    """Source, target and database of a run.

    Args:
        settings: of the run.
        wall_clock: the current Unix time in seconds.

    Attributes:
        keys: the names of keys.
        journal: what is changed on the servers, and must be put back.
        clients: the coordinator's own connections, by role.
    """

    def __init__(self, settings: Settings, wall_clock: Callable[[], float]) -> None:
        self.keys = Keys(settings.key_prefix, secrets.token_hex(4))
        self.journal = Journal(self.keys, _journal_place(settings))
        self.clients: dict[Role, redis.Redis] = {}
        self._settings = settings
        self._wall_clock = wall_clock
        self._room = ServerRoom(settings)
        self._locks: dict[Role, RunLock] = {}
        self._owner = new_owner()
        self._database: Any = None
        # One asyncpg connection does one thing at a time.
        self._database_turn = asyncio.Lock()
        self._extended_through = int(wall_clock()) // settings.time_bucket_seconds * settings.time_bucket_seconds

    @contextlib.asynccontextmanager
    async def fresh_clients(self) -> AsyncIterator[Mapping[Role, redis.Redis]]:
        """Connections to both servers that are made now: behind an address there may be another server than before."""
        endpoints, timeout = self.servers.endpoints, self._settings.operation_timeout
        clients = {role: control_client(endpoints[role], timeout) for role in ROLES}
        try:
            yield clients
        finally:
            for client in clients.values():
                with contextlib.suppress(*CONTROL_ERRORS):
                    await client.aclose()

    @property
    def servers(self) -> Servers:
        """Where they are.

        Raises:
            ConflictError: they are not there yet.
        """
        if self._room.servers is None:
            raise ConflictError("The servers of the run are not there yet.")
        return self._room.servers

    def log_tail(self, role: Role) -> str:
        """What the log of an embedded server says of trouble; empty for one of the user's."""
        return self._room.log_tail(role)

    async def open(self) -> Servers:
        """Start what is not given, and take all of it for this run.

        Raises:
            ConfigurationError: a server will not do, or another run has it.
        """
        servers = await self._room.open()
        self._database = servers.database
        await self._put_back(servers)
        for role in ROLES:
            # A tool may promote it in time (`external`); all else is refused before it is written to.
            await self._take(role, servers.endpoints[role], may_follow=role == "target")
        if not await schema.lock(servers.database):
            raise LockedError(
                f"Another run uses the schema `analytics` of {servers.addresses['database']}. "
                "Stop it, or use another database."
            )
        _log.info(
            "servers are ready",
            source=f"{servers.source_identity.product} {servers.source_identity.version}",
            target=f"{servers.target_identity.product} {servers.target_identity.version}",
            database=f"postgresql {servers.database_version}",
        )
        return servers

    async def furnish(self, progress: Progress, seeding: Callable[[], None]) -> None:
        """Deal with what an earlier run left, seed the database, add dead weight.

        Args:
            progress: is told of each step: its name, how much is done, and how much there is.
            seeding: called before the database is seeded.

        Raises:
            ConfigurationError: the database has a schema of our name that is not ours.
        """
        settings = self._settings
        await self._deal_with_leftovers()
        seeding()
        names = SeedParameters.__slots__
        parameters = SeedParameters(**{name: getattr(settings, name) for name in names})
        reused = await ensure_seeded(self._database, parameters, self._wall_clock(), progress)
        if reused:
            _log.info(reused)
        await self.extend_partitions()
        source = self.clients["source"]
        await source.set(self.keys.marker, utc().isoformat(timespec="seconds"))
        await add_dead_weight(source, self.keys, settings.ballast_bytes, settings.big_keys, progress)

    async def _deal_with_leftovers(self) -> None:
        source = self.clients["source"]
        earlier = await source.get(self.keys.marker)
        if self._settings.reset:
            await schema.exists(self._database)  # refuses one that is not ours, before anything is removed
            removed = await remove_all(source, self.keys, keep_lock=True)
            with contextlib.suppress(ReadOnlyError):  # a replica, which follows what is removed on its primary
                removed += await remove_all(self.clients["target"], self.keys, keep_lock=True)
            await schema.drop(self._database)
            _log.info("removed what an earlier run left", keys=removed)
        elif earlier is not None:
            began = earlier.decode() if isinstance(earlier, bytes) else earlier
            _log.warning(
                f"A run that began at {began} left keys under {self.keys.prefix} on {self.servers.source}; "
                "they are used as they are. --reset would remove them first."
            )

    async def _put_back(self, servers: Servers) -> None:
        """Put back what a killed run left changed on servers that no run uses, before they are written to.

        A source that it fenced refuses the lock itself.
        """
        identities = {"source": servers.source_identity, "target": servers.target_identity}
        async with contextlib.AsyncExitStack() as stack:
            found: list[Server] = []
            for role in ROLES:
                endpoint = servers.endpoints[role]
                client = control_client(endpoint, self._settings.operation_timeout)
                stack.push_async_callback(client.aclose)
                with contextlib.suppress(*CONTROL_ERRORS):
                    if not await RunLock(client, self.keys.lock, str(endpoint)).may_be_taken():
                        return
                found.append(Server(f"the {role} {endpoint}", identities[role].run_id, client, endpoint.password))
            for sentence in await self.journal.put_back(found):
                _log.warning(f"{sentence}.")

    async def _take(self, role: Role, endpoint: Endpoint, *, may_follow: bool = False) -> None:
        """Make a server ours for the run, in a role; a read-only replica only where it may be one."""
        client = control_client(endpoint, self._settings.operation_timeout)
        # One owner on both: replication carries the source's lock to the target.
        lock = RunLock(client, self.keys.lock, str(endpoint), self._owner)
        before = (self.clients[role], self._locks[role]) if role in self.clients else None
        self.clients[role], self._locks[role] = client, lock  # first: giving back one that is not ours does nothing
        try:
            await lock.take(may_follow=may_follow)
            data_types, timeout = self.servers.data_types, self._settings.operation_timeout
            await check_permissions(role, endpoint, self.keys, data_types, timeout, may_follow=may_follow)
        except BaseException:
            if before is not None:
                self.clients[role], self._locks[role] = before
                await client.aclose()
            raise

    async def replace_target(self, endpoint: Endpoint, use: Callable[[], Awaitable[None]]) -> None:
        """Use another server as the target, to which nothing goes now.

        Args:
            endpoint: of the server.
            use: has the workers connect to it; raises where they cannot.

        Raises:
            ConfigurationError: it will not do.
        """
        servers, timeout = self.servers, self._settings.operation_timeout
        identity = await first_contact("target", "--to", endpoint, timeout)
        if identity.run_id == servers.source_identity.run_id and endpoint.database == servers.source.database:
            raise ConfigurationError("The source is given as the new target; they must differ.")
        before = self.clients["target"], self._locks["target"]
        # The lock first: one that another run holds is refused before anything has changed.
        await self._take("target", endpoint)
        try:
            await use()
        except BaseException:
            await _give_back(self.clients["target"], self._locks["target"])
            self.clients["target"], self._locks["target"] = before
            raise
        await _give_back(*before)
        servers.target, servers.target_identity = endpoint, identity
        servers.embedded = tuple(name for name in servers.embedded if name != "target")

    def health(self) -> dict[str, ServerHealth]:
        """What to watch: the servers by role."""

        def ask(role: Role) -> Callable[[], Awaitable[object]]:
            # Not PING, which a user may be forbidden that may do all that the load does.
            return lambda: self.clients[role].get(self.keys.lock)

        return {
            "source": ServerHealth(needed=True, probe=ask("source")),
            "target": ServerHealth(needed=False, probe=ask("target")),
            "database": ServerHealth(needed=True, probe=self._ask_database),
        }

    async def _ask_database(self) -> None:
        async with self._database_turn:
            if self._database is None or self._database.is_closed():
                connection = await connect(
                    self.servers.database_url, self._settings.operation_timeout, "redis-rehearsal"
                )
                self._database = await _locked(connection)
            await self._database.execute("SELECT 1")

    async def ask_database(self, ask: Callable[[Any], Awaitable[Answer]]) -> Answer:
        """Ask the database something on the run's own connection, in turn with what else uses it.

        Args:
            ask: gets the connection.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: see `CONNECTION_ERRORS`.
        """
        async with self._database_turn:
            if self._database is None or self._database.is_closed():
                raise ConnectionError("the database is away")  # the watch on health connects again
            return await ask(self._database)

    @property
    def database_process_id(self) -> int | None:
        """Of the embedded PostgreSQL; None for one of the user's, and for one that is gone."""
        return self._room.database_process_id

    async def extend_partitions(self) -> None:
        """Make the partitions that event rows need soon, and drop those that are no longer kept."""
        seconds, kept = self._settings.time_bucket_seconds, self._settings.time_buckets
        current = int(self._wall_clock()) // seconds * seconds
        # Also those that began while the database was away: rows of that time may still wait.
        first = max(current - (kept - 1) * seconds, min(current - seconds, self._extended_through))
        async with self._database_turn:
            await schema.extend(self._database, list(range(first, current + 3 * seconds, seconds)), seconds)
            self._extended_through = current
            dropped = await schema.expire(self._database, current - kept * seconds)
        if dropped:
            _log.info("dropped event rows that are no longer kept", buckets=dropped)

    async def hold_locks(self, lost: Callable[[str], None]) -> None:
        """Keep the locks for ever.

        Args:
            lost: is told, in a sentence, where another run has one.
        """
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            for lock in list(self._locks.values()):
                with contextlib.suppress(*CONTROL_ERRORS):  # away; it is taken again when it is back
                    if not await lock.refresh():
                        lost("Another run took the lock under our prefix; the two would spoil each other.")

    async def blame(self, error: Exception) -> str:
        """A sentence on which server failed while the run was being prepared."""
        addresses = self._room.servers.addresses if self._room.servers else {}
        if isinstance(error, RedisError):
            roles = []
            for role, client in self.clients.items():
                try:
                    await client.get(self.keys.lock)
                except CONTROL_ERRORS:
                    roles.append(role)
            who = " or ".join(f"the {role} {addresses.get(role, '')}" for role in roles or ROLES)
        elif isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
            who = f"the database {addresses.get('database', '')}"
        else:
            who = "a server (" + ", ".join(f"{role} {address}" for role, address in addresses.items()) + ")"
        return f"While the run was being prepared, {who} failed: {error or type(error).__name__}."

    async def close(self) -> None:
        """Give everything back, and end the embedded servers."""
        for lock in self._locks.values():
            try:
                await lock.release()
            except CONTROL_ERRORS as error:
                _log.warning("a lock could not be given back; it ends by itself", error=str(error))
        for client in self.clients.values():
            with contextlib.suppress(*CONTROL_ERRORS):
                await client.aclose()
        if self._database is not None:
            self._database.terminate()
        await self._room.close()


async def _give_back(client: redis.Redis, lock: RunLock) -> None:
    with contextlib.suppress(*CONTROL_ERRORS):
        await lock.release()
    with contextlib.suppress(*CONTROL_ERRORS):
        await client.aclose()


async def _locked(connection: Any) -> Any:
    locked = False
    try:
        locked = await schema.lock(connection)
    finally:
        if not locked:
            connection.terminate()
    if not locked:
        # It may be our own old session, which the server has not given up yet.
        raise ConnectionError("another session holds the schema `analytics`")
    return connection
