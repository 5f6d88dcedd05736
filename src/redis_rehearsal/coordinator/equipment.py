"""The servers of a run, made ours for as long as it lasts: clients, locks, schema, health."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import asyncpg
import redis.asyncio as redis
import structlog
from redis.exceptions import ReadOnlyError, RedisError

from redis_rehearsal.cache.client import CLIENT_ERRORS, Identity, client_of, first_contact
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.journal import Journal, Server
from redis_rehearsal.cache.lock import REFRESH_SECONDS, RunLock, new_owner
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.cache.prefix import add_dead_weight, remove_all
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.clock import utc
from redis_rehearsal.coordinator.servers import Found, ServerRoom
from redis_rehearsal.database.run_database import Progress, RunDatabase
from redis_rehearsal.database.seed import SeedParameters
from redis_rehearsal.embedded.directory import journal_place
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import ConfigurationError, ConflictError, LockedError
from redis_rehearsal.migration.site import Site, Sites
from redis_rehearsal.settings import Settings
from redis_rehearsal.telemetry.health import ServerHealth
from redis_rehearsal.workload.keys import Keys

_log = structlog.get_logger()


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
        database_at: makes the database of a URL usable.

    Attributes:
        keys: the names of keys.
        journal: what is changed on the servers, and must be put back.
    """

    def __init__(self, settings: Settings, database_at: Callable[[str], RunDatabase]) -> None:
        self.keys = Keys(settings.key_prefix, secrets.token_hex(4))
        self.journal = Journal(self.keys, _journal_place(settings))
        self._settings = settings
        self._room = ServerRoom(settings, database_at)
        self._found: Found | None = None
        self._taken: dict[Role, Site] = {}
        self._owner = new_owner()

    @contextlib.asynccontextmanager
    async def fresh_clients(self) -> AsyncIterator[Mapping[Role, redis.Redis]]:
        """Connections to both servers that are made now: behind an address there may be another server than before."""
        endpoints, timeout = self.sites.endpoints, self._settings.operation_timeout
        clients = {role: client_of(endpoints[role], timeout) for role in ROLES}
        try:
            yield clients
        finally:
            for client in clients.values():
                with contextlib.suppress(*CLIENT_ERRORS):
                    await client.aclose()

    @property
    def database(self) -> RunDatabase:
        """PostgreSQL.

        Raises:
            ConflictError: it is not there yet.
        """
        if self._found is None:
            raise ConflictError("The servers of the run are not there yet.")
        return self._found.opened

    @property
    def sites(self) -> Sites:
        """All that is known of them.

        Raises:
            ConflictError: they are not there yet.
        """
        if self._found is None or len(self._taken) < len(ROLES):
            raise ConflictError("The servers of the run are not there yet.")
        return Sites(self._taken["source"], self._taken["target"], self._found.database, self._found.data_types)

    async def open(self) -> Sites:
        """Start what is not given, and take all of it for this run.

        Raises:
            ConfigurationError: a server will not do, or another run has it.
        """
        found = self._found = await self._room.open()
        await self._put_back(found)
        for role in ROLES:
            # A tool may promote it in time (`external`); all else is refused before it is written to.
            process, may_follow = found.processes.get(role), role == "target"
            await self._take(role, found.endpoints[role], found.identities[role], process, may_follow=may_follow)
        if not await found.opened.lock():
            raise LockedError(
                f"Another run uses the schema `analytics` of {found.database.address}. "
                "Stop it, or use another database."
            )
        sites = self.sites
        _log.info(
            "servers are ready",
            source=sites.source.product,
            target=sites.target.product,
            database=f"postgresql {sites.database.version}",
        )
        return sites

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
        reused = await self.database.seed(settings.some(SeedParameters), progress)
        if reused:
            _log.info(reused)
        await self.database.extend_partitions()
        source = self.sites.source.client
        await source.set(self.keys.marker, utc().isoformat(timespec="seconds"))
        await add_dead_weight(source, self.keys, settings.ballast_bytes, settings.big_keys, progress)

    async def _deal_with_leftovers(self) -> None:
        sites = self.sites
        source = sites.source.client
        earlier = await source.get(self.keys.marker)
        if self._settings.reset:
            await self.database.refuse_others()  # before anything is removed
            removed = await remove_all(source, self.keys, keep_lock=True)
            with contextlib.suppress(ReadOnlyError):  # a replica, which follows what is removed on its primary
                removed += await remove_all(sites.target.client, self.keys, keep_lock=True)
            await self.database.drop()
            _log.info("removed what an earlier run left", keys=removed)
        elif earlier is not None:
            began = earlier.decode() if isinstance(earlier, bytes) else earlier
            _log.warning(
                f"A run that began at {began} left keys under {self.keys.prefix} on {sites.source.endpoint}; "
                "they are used as they are. --reset would remove them first."
            )

    async def _put_back(self, servers: Found) -> None:
        """Put back what a killed run left changed on servers that no run uses, before they are written to.

        A source that it fenced refuses the lock itself.
        """
        async with contextlib.AsyncExitStack() as stack:
            found: list[Server] = []
            for role in ROLES:
                endpoint = servers.endpoints[role]
                client = client_of(endpoint, self._settings.operation_timeout)
                stack.push_async_callback(client.aclose)
                with contextlib.suppress(*CLIENT_ERRORS):
                    if not await RunLock(client, self.keys.lock, str(endpoint)).may_be_taken():
                        return
                run_id = servers.identities[role].run_id
                found.append(Server(f"the {role} {endpoint}", run_id, client, endpoint.password))
            for sentence in await self.journal.put_back(found):
                _log.warning(f"{sentence}.")

    async def _take(
        self,
        role: Role,
        endpoint: Endpoint,
        identity: Identity,
        process: RedisServer | None = None,
        *,
        may_follow: bool = False,
    ) -> None:
        """Make a server ours for the run, in a role; a read-only replica only where it may be one."""
        timeout = self._settings.operation_timeout
        client = client_of(endpoint, timeout)
        # One owner on both: replication carries the source's lock to the target.
        lock = RunLock(client, self.keys.lock, str(endpoint), self._owner)
        before = self._taken.get(role)
        # First: giving back one that is not ours does nothing.
        self._taken[role] = Site(role, endpoint, endpoint, identity, client, lock, process)
        try:
            await lock.take(may_follow=may_follow)
            data_types = self._found.data_types if self._found else ()
            await check_permissions(role, endpoint, self.keys, data_types, timeout, may_follow=may_follow)
        except BaseException:
            if before is not None:
                self._taken[role] = before
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
        source, before = self.sites.source, self.sites.target
        identity = await first_contact("target", "--to", endpoint, self._settings.operation_timeout)
        if identity.run_id == source.identity.run_id and endpoint.database == source.endpoint.database:
            raise ConfigurationError("The source is given as the new target; they must differ.")
        # The lock first: one that another run holds is refused before anything has changed.
        await self._take("target", endpoint, identity)
        try:
            await use()
        except BaseException:
            await _give_back(self._taken["target"])
            self._taken["target"] = before
            raise
        await _give_back(before)

    def health(self) -> dict[str, ServerHealth]:
        """What to watch: the servers by role."""

        def ask(role: Role) -> Callable[[], Awaitable[object]]:
            # Not PING, which a user may be forbidden that may do all that the load does.
            return lambda: self._taken[role].client.get(self.keys.lock)

        return {
            "source": ServerHealth(needed=True, probe=ask("source")),
            "target": ServerHealth(needed=False, probe=ask("target")),
            "database": ServerHealth(needed=True, probe=self.database.probe),
        }

    async def hold_locks(self, lost: Callable[[str], None]) -> None:
        """Keep the locks for ever.

        Args:
            lost: is told, in a sentence, where another run has one.
        """
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            for site in list(self._taken.values()):
                with contextlib.suppress(*CLIENT_ERRORS):  # away; it is taken again when it is back
                    if site.lock is not None and not await site.lock.refresh():
                        lost("Another run took the lock under our prefix; the two would spoil each other.")

    async def blame(self, error: Exception) -> str:
        """A sentence on which server failed while the run was being prepared."""
        addresses = self._addresses()
        if isinstance(error, RedisError):
            roles = []
            for role, site in self._taken.items():
                try:
                    await site.client.get(self.keys.lock)
                except CLIENT_ERRORS:
                    roles.append(role)
            who = " or ".join(f"the {role} {addresses.get(role, '')}" for role in roles or ROLES)
        elif isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
            who = f"the database {addresses.get('database', '')}"
        else:
            who = "a server (" + ", ".join(f"{role} {address}" for role, address in addresses.items()) + ")"
        return f"While the run was being prepared, {who} failed: {error or type(error).__name__}."

    def _addresses(self) -> dict[str, str]:
        """Of those that are there, without passwords."""
        if self._found is None:
            return {}
        addresses: dict[str, str] = {role: str(endpoint) for role, endpoint in self._found.endpoints.items()}
        return addresses | {"database": self._found.database.address}

    async def close(self) -> None:
        """Give everything back, and end the embedded servers."""
        for site in self._taken.values():
            try:
                if site.lock is not None:
                    await site.lock.release()
            except CLIENT_ERRORS as error:
                _log.warning("a lock could not be given back; it ends by itself", error=str(error))
        for site in self._taken.values():
            with contextlib.suppress(*CLIENT_ERRORS):
                await site.client.aclose()
        if self._found is not None:
            self._found.opened.close()
        await self._room.close()


async def _give_back(site: Site) -> None:
    with contextlib.suppress(*CLIENT_ERRORS):
        if site.lock is not None:
            await site.lock.release()
    with contextlib.suppress(*CLIENT_ERRORS):
        await site.client.aclose()
