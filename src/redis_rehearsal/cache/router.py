"""Where a tenant's reads and writes go now, and which server is the truth."""

from collections.abc import Callable, Iterable

from redis_rehearsal.cache.route import Role, Route
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch
from redis_rehearsal.clock import NO_STANDSTILL, Standstill


class Router:
    """The servers of a worker, and its tenants' routes.

    All tenants have one route, but while they move over to another one by one. What concerns all of them is
    looked up once for a batch, so that the load pays nothing while nothing moves.

    Args:
        servers: by role.
        tenants: how many tenants the worker has.

    Attributes:
        servers: by role.
        read_server: answers the reads of all tenants; None while tenants differ.
        write_server: takes the writes of all tenants; None while tenants differ.
        truth_server: is the truth of all tenants; None while tenants differ.
        frozen: whether no write may be sent now.
        held: tenants whose writes may not be sent now, though others' may.
        on_truth: called with tenants and a role whenever that becomes their truth.
    """

    def __init__(self, servers: dict[Role, Server], tenants: int) -> None:
        self.servers = servers
        self.frozen = False
        self.held: set[int] = set()
        self.on_truth: Callable[[Iterable[int], Role], None] = lambda _tenants, _role: None
        self._tenants = tenants
        self._route = self._next = Route()
        self._moved: list[bool] = []
        self._promoted: Server | None = None
        self._settle()

    async def open(self) -> None:
        """Start connecting; returns when every connection has been tried once."""
        for server in self.servers.values():
            await server.open()

    async def close(self) -> None:
        """Close all connections."""
        for server in self.servers.values():
            await server.close()

    @property
    def route(self) -> Route:
        """The route of all tenants; while they differ, the one that they come from."""
        return self._route

    def set_route(self, route: Route) -> None:
        """Give all tenants a route at once."""
        self._route = self._next = route
        self._moved = []
        self._settle()

    def begin_rollout(self, route: Route) -> None:
        """From now on `move` gives tenants another route."""
        self._next = route
        self._moved = [False] * self._tenants
        self._settle()

    def move(self, tenants: Iterable[int]) -> None:
        """Tenants take the route of the rollout; once all have, it is over."""
        moved = list(tenants)
        for tenant in moved:
            self._moved[tenant] = True
        if all(self._moved):
            self.set_route(self._next)
        elif self._promoted is None:
            self.on_truth(moved, self._next.writes)

    def promote(self, role: Role | None) -> None:
        """A server is the truth of all tenants whatever their route; None: that to which their writes go."""
        self._promoted = None if role is None else self.servers[role]
        self._settle()

    @property
    def promoted(self) -> Role | None:
        """The server that `promote` named."""
        return None if self._promoted is None else self._promoted.role

    def replace(self, server: Server) -> Server:
        """Put a server in the place of the one that has its role now, which is returned."""
        before = self.servers[server.role]
        self.servers[server.role] = server
        self._settle()
        return before

    def _settle(self) -> None:
        servers, uniform = self.servers, not self._moved
        self.read_server: Server | None = servers[self._route.reads] if uniform else None
        self.write_server: Server | None = servers[self._route.writes] if uniform else None
        self.truth_server: Server | None = self._promoted or self.write_server
        self.mirror_server: Server | None = servers[self._route.mirror] if uniform and self._route.mirror else None
        if self.truth_server is not None:
            self.on_truth(range(self._tenants), self.truth_server.role)
        else:
            for tenant in range(self._tenants):
                self.on_truth([tenant], self.truth_of(tenant).role)

    def _route_of(self, tenant: int) -> Route:
        return self._next if self._moved and self._moved[tenant] else self._route

    def reads_of(self, tenant: int) -> Server:
        """The server that answers a tenant's reads."""
        return self.servers[self._route_of(tenant).reads]

    def writes_of(self, tenant: int) -> Server:
        """The server that takes a tenant's writes."""
        return self.servers[self._route_of(tenant).writes]

    def mirror_of(self, tenant: int) -> Server | None:
        """The server that gets a tenant's writes too."""
        mirror = self._route_of(tenant).mirror
        return None if mirror is None else self.servers[mirror]

    def truth_of(self, tenant: int) -> Server:
        """The server whose answer counts for a tenant's writes."""
        return self._promoted or self.writes_of(tenant)

    def holds(self, tenant: int) -> bool:
        """Whether a tenant's writes may not be sent now."""
        return self.frozen or tenant in self.held

    def flush(self) -> None:
        """Let queued writes leave; once a tick."""
        for server in self.servers.values():
            if server.queued:
                server.flush()

    def unanswered_writes(self) -> set[Batch]:
        """Writes that a server may still apply, of any tenant."""
        return {batch for server in self.servers.values() for batch in server.unanswered_writes()}

    def break_overdue(self, now_seconds: float, still: Standstill = NO_STANDSTILL) -> None:
        """Break the connections that have not answered for longer than the timeout."""
        for server in self.servers.values():
            server.break_overdue(now_seconds, still)

    def look(self, now_seconds: float) -> None:
        """Ask on each connection who answers, where that was not done for a while."""
        for server in self.servers.values():
            server.look(now_seconds)

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections can be used, and how many there should be."""
        pairs = [server.connections for server in self.servers.values()]
        return sum(ready for ready, _ in pairs), sum(wanted for _, wanted in pairs)

    @property
    def last_error(self) -> str:
        """Why a connection last ended or could not be made."""
        return next((error for server in self.servers.values() if (error := server.last_error)), "")
