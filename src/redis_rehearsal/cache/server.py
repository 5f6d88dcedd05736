"""A worker's connections to one server."""

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.pool import ConnectionPool
from redis_rehearsal.cache.route import Role
from redis_rehearsal.cache.wire import Batch, Connection, Span
from redis_rehearsal.clock import NO_STANDSTILL, Standstill


class Server:
    """The connections to one server.

    Writes have connections of their own, since a read behind a paused write on one connection waits with it.

    Args:
        role: what the server is in the migration.
        endpoint: where it is.
        pool_size: how many connections in all, at least 2; a fifth of them, at least one, carries writes.
        name: begins the connections' names in CLIENT LIST.
        timeout: seconds after which an operation without a reply breaks its connection.

    Attributes:
        reads: the connections for reads.
        writes: the connections for writes.
        queued: those on which writes wait for the end of the tick.
        spans: service times of what was answered and not yet taken.
    """

    __slots__ = ("_in_order", "endpoint", "queued", "reads", "role", "spans", "writes")

    def __init__(self, role: Role, endpoint: Endpoint, pool_size: int, name: str, timeout: float) -> None:
        self.role: Role = role
        self.endpoint = endpoint
        self.queued: list[Connection] = []
        self._in_order: Connection | None = None
        self.spans: list[Span] = []
        writers = max(1, pool_size // 5)
        self.reads = ConnectionPool(endpoint, pool_size - writers, f"{name}:reads", timeout, self.spans)
        self.writes = ConnectionPool(endpoint, writers, f"{name}:writes", timeout, self.spans)

    async def open(self) -> None:
        """Start connecting; returns when every connection has been tried once."""
        await self.reads.open()
        await self.writes.open()

    async def close(self) -> None:
        """Close all connections."""
        await self.reads.close()
        await self.writes.close()

    def write(self, commands: bytes, batch: Batch) -> bool:
        """Queue writes whose order does not matter; False while there is no connection."""
        # With what is queued already, so that one write to a socket and one wake-up do for all.
        return self._queue(self.queued[-1] if self.queued else self.writes.next(), commands, batch)

    def write_for(self, tenant: int, commands: bytes, batch: Batch) -> bool:
        """Queue writes of a tenant that must be applied in the order in which they are queued.

        Returns:
            False while there is no connection; nothing is queued then.
        """
        return self._queue(self.writes.of(tenant), commands, batch)

    def write_in_order(self, commands: bytes, batch: Batch) -> bool:
        """Queue writes on the one connection that all of this kind take, until it breaks; False while there is none."""
        if self._in_order is None or not self._in_order.ready:
            self._in_order = self.writes.next()
        return self._queue(self._in_order, commands, batch)

    def _queue(self, connection: Connection | None, commands: bytes, batch: Batch) -> bool:
        if connection is None or not connection.ready:
            return False
        connection.queue(commands, batch)
        if connection not in self.queued:
            self.queued.append(connection)
        return True

    def flush(self) -> None:
        """Let queued writes leave; once a tick."""
        for connection in self.queued:
            connection.flush()
        self.queued.clear()

    def unanswered_writes(self) -> set[Batch]:
        """Writes that the server may still apply: they wait for the end of the tick, or for their replies."""
        # What is no operation is a look at who answers, which changes nothing.
        return {batch for connection in self.writes.ready for batch in connection.pending if batch.operation}

    def break_overdue(self, now_seconds: float, still: Standstill = NO_STANDSTILL) -> None:
        """Break the connections that have not answered for longer than the timeout."""
        self.reads.break_overdue(now_seconds, still)
        self.writes.break_overdue(now_seconds, still)

    def look(self, now_seconds: float) -> None:
        """Ask on each connection who answers, where that was not done for a while."""
        self.reads.look(now_seconds)
        self.writes.look(now_seconds)

    def take_spans(self) -> list[Span]:
        """Hand over the service times of what was answered since the last time."""
        taken = self.spans.copy()
        # The connections hold on to the list.
        self.spans.clear()
        return taken

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections can be used, and how many there should be."""
        pools = (self.reads, self.writes)
        return sum(len(pool.ready) for pool in pools), sum(pool.size for pool in pools)

    @property
    def last_error(self) -> str:
        """Why a connection last ended or could not be made."""
        return self.writes.last_error or self.reads.last_error
