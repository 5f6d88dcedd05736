"""The second server of a route: what goes there too, and of whom something did not get there."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.engine.counts import EventCounts


class Mirror:
    """Knows the tenants of whom the two servers may differ by a write, so that their keys are copied again.

    Args:
        router: the routes.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._tenants: set[int] = set()

    def missed(self, tenants: Iterable[int]) -> None:
        """A write of theirs did not reach the mirror, as far as is known."""
        self._tenants.update(tenants)

    def alone(self, tenants: Iterable[int]) -> None:
        """The first server did not take a write of theirs, as far as is known, while a mirror may have it."""
        self._tenants.update(tenant for tenant in tenants if self._router.mirror_of(tenant) is not None)

    def take(self) -> set[int]:
        """Hand over the tenants that were told since the last time."""
        taken, self._tenants = self._tenants, set()
        return taken


class _MirroredBatch(Batch):
    __slots__ = ("tenants",)
    operation = "increment"

    def __init__(self, receiver: "MirroredIncrements", tenants: NDArray[np.int64]) -> None:
        super().__init__(receiver, len(tenants))
        self.tenants = tenants


class MirroredIncrements:
    """Increments that go to a mirror too.

    Args:
        counts: gets what became of them there.
        mirror: is told of those that did not get there.
    """

    def __init__(self, counts: EventCounts, mirror: Mirror) -> None:
        self._counts = counts
        self._mirror = mirror

    def send(self, server: Server, commands: bytes, tenants: NDArray[np.int64]) -> None:
        """Send increments of these tenants to the second server."""
        if not server.write(commands, _MirroredBatch(self, tenants)):
            self._counts.mirrored["failed"] += len(tenants)
            self._mirror.missed(tenants.tolist())

    def on_replies(self, batch: Batch, replies: list[Reply], now_seconds: float) -> None:
        """See `Receiver`."""
        assert isinstance(batch, _MirroredBatch)  # noqa: S101 # only those are sent
        refused = [
            tenant
            for tenant, reply in zip(batch.tenants[batch.answered :].tolist(), replies, strict=False)
            if reply.__class__ is not int
        ]
        self._counts.mirrored["ok"] += len(replies) - len(refused)
        if refused:
            self._counts.mirrored["failed"] += len(refused)
            self._mirror.missed(refused)

    def on_lost(self, batch: Batch, now_seconds: float) -> None:
        """See `Receiver`."""
        assert isinstance(batch, _MirroredBatch)  # noqa: S101 # only those are sent
        lost = batch.tenants[batch.answered :].tolist()
        self._counts.mirrored["unknown"] += len(lost)
        self._mirror.missed(lost)
