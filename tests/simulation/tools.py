"""What the user's side does in a simulation: a tool that copies, and a failover behind an endpoint."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Final

import hiredis

from redis_rehearsal.clock import monotonic
from tests.simulation.network import Link, Serve
from tests.simulation.redis import SimulatedRedis
from tests.simulation.redis.connection import Connection

_QUIET_SECONDS: Final = 0.003
"""By then a replica has what its primary did, where nothing holds it up."""

if TYPE_CHECKING:
    from tests.simulation.world import World


class SimulatedTool:
    """As much of a tool's process as the strategy `external` asks for."""

    def __init__(self) -> None:
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it goes on."""
        return self._ended.result() if self._ended.done() else None

    def exit(self, code: int) -> None:
        """It ends."""
        if not self._ended.done():
            self._ended.set_result(code)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.shield(self._ended)


@contextlib.asynccontextmanager
async def tool(world: "World", context: Any, command: str) -> AsyncIterator[SimulatedTool]:
    """A tool that copies all keys and goes on copying what changes; it ends where nobody says how long it has."""
    made = SimulatedTool()
    relay = _Relay(world)
    work = asyncio.get_running_loop().create_task(_carry(relay, made, goes_on=context.options.ready_after is not None))
    try:
        yield made
    finally:
        work.cancel()
        relay.end()


class _Relay:
    """Follows the source as a replica does, and does to the target what it hears.

    Attributes:
        is_broken: whether the target did not take something.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._target = world.servers["target"]
        self._copy = copy = SimulatedRedis(
            world.network, ("tool", 6379), random.Random(world.rng.random()), name="tool"
        )
        self._loaded = self.is_broken = False
        append, replace_data = copy.replication.append, copy.replace_data
        reader = hiredis.Reader()

        def heard(data: bytes) -> None:
            append(data)
            reader.feed(data)
            while (words := reader.gets()) is not False:
                if words[0].upper() not in (b"REPLCONF", b"PING", b"MULTI", b"EXEC", b"SELECT"):
                    self._do(words)

        def loaded(items: Iterable[Any]) -> None:
            found = list(items)
            replace_data(found)
            for key, value, at in found:
                if isinstance(value, bytes) and not key.startswith(b"rehearsal:lock"):
                    self._do([b"SET", key, value, *([] if at is None else [b"PXAT", b"%d" % at])])
            self._loaded = True

        copy.replication.append = heard  # type: ignore[method-assign]
        copy.replace_data = loaded  # type: ignore[method-assign, assignment]
        copy.do("REPLICAOF", *world.servers["source"].address)

    def _do(self, words: list[bytes]) -> None:
        if self._world.tool_forgets:
            self._world.tool_forgets -= 1
            return
        try:
            self._target.do(*words)
        except (ConnectionError, hiredis.ReplyError):
            self.is_broken = True

    @property
    def loaded(self) -> bool:
        """Whether all that was there when it began is there."""
        return self._loaded

    def end(self) -> None:
        """It ends."""
        self._copy.kill()


async def _carry(relay: _Relay, made: SimulatedTool, *, goes_on: bool) -> None:
    while not relay.is_broken and (goes_on or not relay.loaded):
        await asyncio.sleep(0.05)
    if not relay.is_broken:
        await asyncio.sleep(0.2)
    relay.end()
    made.exit(int(relay.is_broken))


async def move_the_endpoint(world: "World") -> None:
    """A failover behind an endpoint that the application knows."""
    network, source, moved = world.network, world.servers["source"], world.servers["moved"]
    moved.do("REPLICAOF", *source.address)
    await asyncio.sleep(7.0)
    if world.scenario.failover == "seamless":
        await _until_quiet(world, source)
    moved.do("REPLICAOF", "NO", "ONE")
    network.servers[source.address] = network.servers[moved.address]
    world.moved_seconds = monotonic()
    world.note("the endpoint leads to another server")
    links = [*network.links_to(*source.address)]
    if world.scenario.failover == "lingering":
        await asyncio.sleep(world.rng.choice((0.05, 0.5, 2.0)))
    for link in links:
        if world.scenario.failover == "seamless":
            _lead(link, network.servers[moved.address])
        else:
            link.cut()


async def _until_quiet(world: "World", source: SimulatedRedis) -> None:
    """Wait for a moment in which nothing is on its way, to the replica neither."""
    network, quiet_since = world.network, monotonic()
    while monotonic() - quiet_since < _QUIET_SECONDS + 2 * source.stream_lag_seconds:
        await asyncio.sleep(0.000_1)
        if any(link.in_flight for link in network.links_to(*source.address)):
            quiet_since = monotonic()


def _lead(link: Link, serve: Serve) -> None:
    """Have another server answer on a connection, as a proxy does."""
    old, new = link.server.protocol, serve()
    assert isinstance(old, Connection)
    assert isinstance(new, Connection)
    new.name = old.name
    link.server.protocol = new
    new.connection_made(link.server)
    old.leave()
