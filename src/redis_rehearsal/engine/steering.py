"""What changes in a worker while it drives load: routes, freezes, servers."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from redis_rehearsal.cache.route import Route
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.cache_writer import CacheWriter
from redis_rehearsal.engine.event_stream import EventDriver
from redis_rehearsal.engine.holds import Holds
from redis_rehearsal.engine.messages import Freeze, PrepareServer, SetRoute, SetTruth, Thaw

_POLL_SECONDS: Final = 0.001
_ROLLOUT_STEP_SECONDS: Final = 0.01


class Steering:
    """Does what the coordinator says about routes and freezes; each method returns once it has taken effect.

    A freeze ends by itself at its bound: on the route as it is while no other server was made the truth, and
    after that only on the server that was.

    Args:
        router: the routes.
        events: the writes that are held.
        writer: the cache writes that are held or dropped.
        make_server: makes the connections to a server.
        tenants: how many tenants there are.
        seed: of the order in which tenants move.

    Attributes:
        holds: until when the writes of some tenants are held.
    """

    def __init__(
        self,
        router: Router,
        events: EventDriver,
        writer: CacheWriter,
        make_server: Callable[[PrepareServer], Server],
        tenants: int,
        seed: int,
    ) -> None:
        self._router = router
        self._events = events
        self._writer = writer
        self._make_server = make_server
        self._order = list(range(tenants))
        random.Random(seed).shuffle(self._order)  # noqa: S311 # not for secrets
        self._bound: asyncio.TimerHandle | None = None
        self._routes = 0
        self._wanted = 0
        self._prepared: Server | None = None
        self.holds = Holds(self._let_go)

    async def freeze(self, command: Freeze) -> str:
        """Hold all writes, and wait until none is on its way.

        Returns:
            Why that did not come about before the bound; empty where it did.
        """
        if command.until_seconds <= monotonic():
            return "the bound of the freeze had passed already"
        self._router.frozen = self._events.loop.frozen = True
        self._set_bound(command.until_seconds)
        owed = await self._until_answered(lambda: self._router.frozen)
        if self._router.frozen:
            return ""
        count = sum(batch.count - batch.answered for batch in owed)
        return f"{count} writes were still without a reply when the freeze had to end"

    async def _until_answered(self, patient: Callable[[], bool] = lambda: True) -> set[Batch]:
        """Wait for what is on its way now to have its replies; returns what has none when there is no patience left.

        What is held is sent by nobody, so that all of the held tenants has been answered then, whatever goes on to be
        sent of others: that takes a moment, and nobody has to keep account of each tenant.
        """
        self._router.flush()
        owed = self._router.unanswered_writes()
        # Polled, since the hot path signals nobody.
        while owed and patient():
            await asyncio.sleep(_POLL_SECONDS)
            owed &= self._router.unanswered_writes()
        return owed

    def _set_bound(self, until_seconds: float) -> None:
        if self._bound is not None:
            self._bound.cancel()
        self._bound = asyncio.get_running_loop().call_later(until_seconds - monotonic(), self._on_bound)

    def _on_bound(self) -> None:
        promoted = self._router.promoted
        if promoted is not None and self._router.route.writes != promoted:
            self._routes += 1
            self._router.set_route(Route(promoted, promoted))
        self.thaw()

    def thaw(self, command: Thaw | None = None) -> str:
        """Send what was held, where it belongs now."""
        if self._bound is not None:
            self._bound.cancel()
            self._bound = None
        self._router.frozen = False
        self._events.expiries.thaw()
        self._writer.send_refused()
        self._events.loop.thaw()
        self._router.flush()
        return ""

    def set_truth(self, command: SetTruth) -> str:
        """From now on a server is the truth, whatever the routes are.

        Returns:
            Why not: the freeze that was to protect it is over. Empty where it was done.
        """
        if command.frozen and not self._router.frozen:
            return "the freeze was over before the target was made the truth"
        self._router.promote(command.role)
        return ""

    async def set_route(self, command: SetRoute) -> str:
        """Move all tenants to a route, at once or one after the other.

        Returns:
            Why not all have moved; empty where they have.
        """
        self._routes += 1
        number = self._routes
        if command.rollout_seconds > 0:
            self._router.begin_rollout(command.route)
            started, moved = monotonic(), 0
            while moved < len(self._order):
                await asyncio.sleep(_ROLLOUT_STEP_SECONDS)
                if self._routes != number:
                    return "it was sent elsewhere while it moved"
                share = min(1.0, (monotonic() - started) / command.rollout_seconds)
                due = round(share * len(self._order))
                self._router.move(self._order[moved:due])
                moved = due
        else:
            self._router.set_route(command.route)
        if command.route.mirror is not None:
            # Whoever copies keys from now on must find what went to the source alone.
            await self._until_answered()
        self._events.expiries.forget()
        if command.thaw:
            self.thaw()
        return ""

    async def hold(self, tenants: set[int], until_seconds: float) -> str:
        """Hold the writes of some tenants until a bound at most, and wait until none of theirs is on its way.

        Returns:
            Why that did not come about in time; empty where it did.
        """
        if not tenants:
            return ""
        self._router.held |= tenants
        self.holds.extend(tenants, until_seconds)
        if await self._until_answered(lambda: monotonic() < until_seconds):
            self.release(tenants)
            return "writes were still without a reply when the hold had to end"
        return ""

    def release(self, tenants: set[int] | None) -> set[int]:
        """Send what was held of some tenants, None for all; returns those whose hold had ended at its bound."""
        lapsed = self.holds.released(tenants)
        self._let_go(set(self._router.held) if tenants is None else tenants)
        return lapsed

    def _let_go(self, tenants: set[int]) -> None:
        self._router.held -= tenants
        self._events.expiries.thaw()
        self._writer.send_refused()
        self._router.flush()

    async def prepare_server(self, command: PrepareServer) -> str:
        """Connect to another server for a role that no tenant's route leads to.

        Returns:
            Why it cannot be used; empty where it can.
        """
        self._wanted = command.change
        route = self._router.route
        if command.role in (route.reads, route.writes, route.mirror):
            return f"the {command.role} is in use"
        server = self._make_server(command)
        await server.open()
        ready, wanted = server.connections
        why = "" if ready == wanted else f"it gave only {ready} of {wanted} connections ({server.last_error})"
        if self._wanted != command.change:
            why = "it was told to leave it while it connected"
        if why:
            await server.close()
        else:
            self._prepared = server
        return why

    def use_server(self, prepared: int) -> Server:
        """Put the server that a change of this number prepared in its place.

        Returns:
            The one that had its role; it is still connected.
        """
        server, self._prepared = self._prepared, None
        if server is None or self._wanted != prepared:
            raise RuntimeError("another server was prepared")
        return self._router.replace(server)

    async def drop_server(self, prepared: int) -> None:
        """Leave the server that a change of this number has prepared, or is preparing."""
        if self._wanted != prepared:
            return
        server, self._prepared, self._wanted = self._prepared, None, 0
        if server is not None:
            await server.close()
