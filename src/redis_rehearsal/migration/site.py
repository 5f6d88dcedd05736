"""The servers of a run: all that is known of each in one object, which is replaced as a whole or not at all."""

from dataclasses import dataclass, field
from typing import Any

import redis.asyncio as redis

from redis_rehearsal.cache.client import Identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.lock import RunLock
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.database.connection import safe_address
from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer


@dataclass(frozen=True, slots=True)
class Site:
    """A Redis of the migration.

    Attributes:
        role: what it is in the migration.
        endpoint: where the application reaches it; a proxy or a balancer may stand there.
        node_endpoint: where the server itself is reached, as by its replica.
        identity: what it says that it is.
        client: the coordinator's own connection to it.
        lock: keeps other runs away from it; None where nobody took one.
        process: of a server that is ours; None for one of the user's.
    """

    role: Role
    endpoint: Endpoint
    node_endpoint: Endpoint
    identity: Identity
    client: redis.Redis
    lock: RunLock | None = None
    process: RedisServer | None = None

    def __str__(self) -> str:
        """For people."""
        return f"the {self.role} {self.endpoint} ({self.product})"

    @property
    def product(self) -> str:
        """What it is, with its version."""
        return f"{self.identity.product} {self.identity.version}"

    @property
    def embedded(self) -> bool:
        """Whether it is ours."""
        return self.process is not None

    def log_tail(self) -> str:
        """What its log says of trouble; empty for one of the user's."""
        return "" if self.process is None else self.process.log_tail()

    async def info(self, section: str) -> dict[str, Any]:
        """A section of its INFO.

        Raises:
            RedisError, OSError, TimeoutError: it could not be asked.
        """
        found: dict[str, Any] = await self.client.info(section)
        return found


@dataclass(frozen=True, slots=True)
class DatabaseSite:
    """The PostgreSQL of the run.

    Attributes:
        url: where it is, with the password.
        version: of it.
        process: of a server that is ours; None for one of the user's.
    """

    url: str = field(repr=False)
    version: str
    process: PostgresServer | None = None

    @property
    def address(self) -> str:
        """Where it is, without user and password."""
        return safe_address(self.url) if self.process is None else "embedded"


@dataclass(frozen=True, slots=True)
class Sites:
    """The servers of a run.

    Attributes:
        source: the Redis being left.
        target: the Redis being moved to.
        database: PostgreSQL.
        data_types: in which reports are stored.
    """

    source: Site
    target: Site
    database: DatabaseSite
    data_types: tuple[str, ...]

    def __getitem__(self, role: Role) -> Site:
        """The Redis in a role."""
        return self.source if role == "source" else self.target

    @property
    def endpoints(self) -> dict[Role, Endpoint]:
        """Where the application reaches source and target."""
        return {role: self[role].endpoint for role in ROLES}

    @property
    def addresses(self) -> dict[str, str]:
        """Where each server is, without user and password."""
        return {**{role: str(self[role].endpoint) for role in ROLES}, "database": self.database.address}
