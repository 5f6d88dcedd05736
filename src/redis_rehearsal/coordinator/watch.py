"""Watches which servers new connections to the addresses of source and target reach."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.cache.wire import Connection
from redis_rehearsal.clock import monotonic
from redis_rehearsal.engine.messages import Reached, Snapshot
from redis_rehearsal.migration.reached import ReachedServers

_log = structlog.get_logger()

_SLOW_SECONDS: Final = 1.0
_FAST_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 1.0


@dataclass(slots=True)
class ServerWatch:
    """Opens a connection to each address now and then, and tells the workers what it reached.

    Attributes:
        endpoints: of source and target, as they are now.
        tell: hears of every look.
        time_of_day: the Unix time at a moment of the monotonic clock.
        heard: the last that each worker told.
        reached: what was reached so far.
    """

    endpoints: Callable[[], Mapping[Role, Endpoint]]
    tell: Callable[[Reached], None]
    time_of_day: Callable[[float], float]
    heard: Callable[[], Iterable[Snapshot]]
    reached: ReachedServers = field(default_factory=ReachedServers)
    _hurried: set[Role] = field(default_factory=set)

    async def watch(self) -> None:
        """Look for ever."""
        await asyncio.gather(*(self._watch(role) for role in ROLES))

    async def _watch(self, role: Role) -> None:
        while True:
            began = monotonic()
            await self.look(role)
            pause = _FAST_SECONDS if role in self._hurried else _SLOW_SECONDS
            until = began + pause
            # Nobody signals that it is watched closely from now on.
            while monotonic() < until and not (role in self._hurried and monotonic() > began + _FAST_SECONDS):  # noqa: ASYNC110
                await asyncio.sleep(min(_FAST_SECONDS, max(0.0, until - monotonic())))

    async def look(self, role: Role) -> None:
        """See what a connection that is made now reaches; one that cannot be made says nothing."""
        began, endpoint = monotonic(), self.endpoints()[role]
        try:
            async with Connection.opened(endpoint, "redis-rehearsal:watch", _TIMEOUT_SECONDS) as connection:
                node = connection.nodes[-1] if connection.nodes else Node("", "")
        except (OSError, ValueError):
            return
        if self.endpoints()[role] != endpoint:
            return
        answered = monotonic()
        found = self.reached.note(
            role, endpoint, node, began, answered, self.time_of_day(answered), closely=role in self._hurried
        )
        if node.run_id:
            self.tell(Reached(role, node.run_id, began, answered, node.started_seconds(began)))
        for annotation in found:
            _log.warning(annotation.detail, server=role)

    @contextlib.asynccontextmanager
    async def closely(self, role: Role) -> AsyncIterator[None]:
        """Look ten times a second as long as the block lasts."""
        self._hurried.add(role)
        try:
            yield
        finally:
            self._hurried.discard(role)

    def answering(self, role: Role) -> dict[Node, int]:
        """How many of the application's connections to an address each server answers, as far as was heard."""
        found: Counter[Node] = Counter()
        for snapshot in self.heard():
            if role in snapshot.nodes:
                found.update(snapshot.nodes[role].connections)
        return dict(found)
