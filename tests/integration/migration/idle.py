"""A migration between two real servers of an application that has no load: it confirms at once whatever it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from typing import Any, cast

from redis_rehearsal.cache.client import client_of, first_contact
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.journal import Journal
from redis_rehearsal.cache.route import Role
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.engine.messages import AddBoundary, Changed, Command
from redis_rehearsal.fleet.control import FleetControl
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.migration.reached import Watch
from redis_rehearsal.migration.site import Site
from redis_rehearsal.migration.strategies import STRATEGIES
from redis_rehearsal.workload.keys import Keys

KEYS = Keys("rehearsal:", "run")
Refused = Callable[[Command], str]
"""Says why a command cannot be done; empty where it can."""
Told = Callable[[Command], tuple[int, ...] | None]
"""Is told a command; the organisations with which it is to be answered."""


class IdleApplication(FleetControl):
    """One worker without load; whoever listens is told what it is told, before it confirms.

    Attributes:
        commands: what it was told.
        refused: may be set to what keeps it from confirming.
    """

    def __init__(self, told: Told = lambda _: None) -> None:
        self._told = told
        self.refused: Refused = lambda _: ""
        self.commands: list[Command] = []
        super().__init__(self._hear, 1)
        self.begin_phase("baseline", monotonic())

    def _hear(self, command: Command) -> None:
        self.commands.append(command)
        organizations = self._told(command) or ()
        change = getattr(command, "change", None)
        if change is not None and not isinstance(command, AddBoundary):
            changed = Changed(0, change, self.refused(command), organizations)
            asyncio.get_running_loop().call_soon(self.on_changed, changed)


async def handle(role: Role, server: RedisServer, database: int = 0) -> Site:
    """A server as a strategy sees it."""
    endpoint = Endpoint.parse(f"{server.url.removesuffix('/0')}/{database}")
    identity = await first_contact(role, role, endpoint, 5.0)
    return Site(role, endpoint, endpoint, identity, client_of(endpoint, 5.0))


async def context_of(
    source: RedisServer,
    target: RedisServer,
    directory: Path,
    told: Told = lambda _: None,
    databases: tuple[int, int] = (0, 0),
    **options: Any,
) -> Context:
    """What a strategy works with."""
    return Context(
        options=MigrationOptions(**options),
        app=IdleApplication(told),
        source=await handle("source", source, databases[0]),
        target=await handle("target", target, databases[1]),
        keys=KEYS,
        directory=directory,
        organizations=3,
        began_seconds=monotonic(),
        rows=[],
        watch=cast("Watch", None),  # no strategy that copies asks who answers
        journal=Journal(KEYS, directory),
    )


@contextlib.asynccontextmanager
async def using(context: Context) -> AsyncIterator[Context]:
    """Put back what was changed, and close the connections, with the block."""
    try:
        yield context
    finally:
        await context.undo()
        for server in (context.source, context.target):
            await server.client.aclose()


async def migrate(context: Context) -> None:
    """Check and run the strategy that the context's options name, and put back what it changed."""
    strategy = STRATEGIES[context.options.strategy]
    async with using(context):
        await strategy.check(context)
        await strategy.run(context)
