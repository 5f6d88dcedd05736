"""Which connection an operation is sent on."""

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.pool import ConnectionPool
from redis_rehearsal.cache.wire import Connection


class Router:
    """The connections of a worker to the server that it uses.

    Writes have connections of their own, since a read behind a paused write on one connection waits with it.

    Args:
        endpoint: of the server.
        pool_size: how many connections in all, at least 2; a fifth of them, at least one, carries writes.
        name: begins the connections' names in CLIENT LIST.
        timeout: seconds after which an operation without a reply breaks its connection.
    """

    def __init__(self, endpoint: Endpoint, pool_size: int, name: str, timeout: float) -> None:
        writers = max(1, pool_size // 5)
        self._reads = ConnectionPool(endpoint, pool_size - writers, f"{name}:reads", timeout)
        self._writes = ConnectionPool(endpoint, writers, f"{name}:writes", timeout)

    async def open(self) -> None:
        """Start connecting; returns when every connection has been tried once."""
        await self._reads.open()
        await self._writes.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._reads.close()
        await self._writes.close()

    def for_read(self) -> Connection | None:
        """Where the next reads go; None while there is no connection."""
        return self._reads.next()

    def for_write(self) -> Connection | None:
        """Where the next writes go whose order does not matter; None while there is no connection."""
        return self._writes.next()

    def for_writes_of(self, tenant: int) -> Connection | None:
        """Where a tenant's writes go that must be applied in the order in which they are sent."""
        return self._writes.of(tenant)

    def break_overdue(self, now_seconds: float) -> None:
        """Break the connections that have not answered for longer than the timeout."""
        self._reads.break_overdue(now_seconds)
        self._writes.break_overdue(now_seconds)

    @property
    def writes_stable_since(self) -> float:
        """Since when each tenant's writes have gone over one connection, on the monotonic clock."""
        return self._writes.changed_seconds

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections can be used, and how many there should be."""
        pools = (self._reads, self._writes)
        return sum(len(pool.ready) for pool in pools), sum(pool.size for pool in pools)

    @property
    def last_error(self) -> str:
        """Why a connection last ended or could not be made."""
        return self._writes.last_error or self._reads.last_error
