"""Which connection an operation is sent on."""

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.pool import ConnectionPool
from redis_rehearsal.cache.wire import Batch, Connection


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
        self._queued: list[Connection] = []

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

    def write(self, commands: bytes, batch: Batch) -> bool:
        """Queue writes whose order does not matter; False while there is no connection."""
        # With what is queued already, so that one write to a socket and one wake-up do for all.
        connection = self._queued[-1] if self._queued else self._writes.next()
        return self._queue(connection, commands, batch)

    def write_for(self, tenant: int, commands: bytes, batch: Batch) -> bool:
        """Queue writes of a tenant that must be applied in the order in which they are queued.

        Returns:
            False while there is no connection; nothing is queued then.
        """
        return self._queue(self._writes.of(tenant), commands, batch)

    def _queue(self, connection: Connection | None, commands: bytes, batch: Batch) -> bool:
        if connection is None or not connection.ready:
            return False
        connection.queue(commands, batch)
        if connection not in self._queued:
            self._queued.append(connection)
        return True

    def flush(self) -> None:
        """Let queued writes leave; once a tick."""
        for connection in self._queued:
            connection.flush()
        self._queued.clear()

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
