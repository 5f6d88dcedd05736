"""When counters expire: EXPIREAT, once for each counter that the server has."""

from typing import Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.mirror import Mirror
from redis_rehearsal.workload.events import EVENT_TYPES

_TYPES: Final = len(EVENT_TYPES)


class _ExpiryBatch(Batch):
    """A counter's EXPIREAT; `mirrored` where it goes to a second server."""

    __slots__ = ("mirrored", "place")
    operation = "expiry"

    def __init__(self, receiver: "Expiries", place: int, *, mirrored: bool) -> None:
        super().__init__(receiver, 1)
        self.place = place
        self.mirrored = mirrored


class Expiries:
    """Gives every counter its time to expire, and again where it was made anew.

    Args:
        router: the connections.
        bucket_seconds: length of a time bucket.
        buckets_kept: how many buckets a counter outlives its own.
        ledger: gives counters their places.
        mirror: is told of tenants of which one did not reach the second server.

    Attributes:
        failed: how many were refused.
    """

    def __init__(self, router: Router, bucket_seconds: int, buckets_kept: int, ledger: Ledger, mirror: Mirror) -> None:
        self._router = router
        self._mirror = mirror
        self._bucket_seconds = bucket_seconds
        self._buckets_kept = buckets_kept
        self._ledger = ledger
        self._bucket_of: dict[int, int] = {}
        self._held: list[tuple[int, int, bytes]] = []
        self.failed = 0

    def is_set(self, place: int, bucket: int) -> bool:
        """Whether the server has confirmed it, or is being asked to, for that bucket's counter."""
        return self._bucket_of.get(place) == bucket

    def set(self, place: int, bucket: int, increment: bytes) -> None:
        """Ask for it on any connection, as the counter exists by now.

        Args:
            place: of the counter in the ledger's lanes.
            bucket: number of its bucket.
            increment: the counter's packed INCR, which holds its key.
        """
        tenant = place % self._ledger.counters // _TYPES
        if self._router.holds(tenant):
            self._held.append((place, bucket, increment))
            return
        # EXPIREAT rather than EXPIRE … NX, which Redis 6.2 does not have.
        at = (bucket + 1 + self._buckets_kept) * self._bucket_seconds
        key = increment.split(b"\r\n")[4]
        server = self._router.write_server or self._router.writes_of(tenant)
        command = pack("EXPIREAT", key, str(at))
        if server.write(command, _ExpiryBatch(self, place, mirrored=False)):
            self._bucket_of[place] = bucket
        mirror = self._router.mirror_of(tenant)
        if mirror is not None and not mirror.write(command, _ExpiryBatch(self, place, mirrored=True)):
            self._mirror.missed([tenant])

    def thaw(self) -> None:
        """Ask for what was not asked for while writes were held."""
        held, self._held = self._held, []
        for place, bucket, increment in held:
            self.set(place, bucket, increment)

    def forget(self) -> None:
        """Another server takes the writes: nothing is known of the expiries that it has."""
        self._bucket_of.clear()

    def on_replies(self, batch: Batch, replies: list[Reply], now_seconds: float) -> None:
        """See `Receiver`."""
        if replies[0] != 1:
            self.failed += isinstance(replies[0], hiredis.ReplyError)
            self._note(batch)

    def on_lost(self, batch: Batch, now_seconds: float) -> None:
        """See `Receiver`."""
        self._note(batch)

    def _note(self, batch: Batch) -> None:
        assert isinstance(batch, _ExpiryBatch)  # noqa: S101 # only those are sent
        if batch.mirrored:
            # Also where the second server did not have the counter yet: it is copied with its time to live.
            self._mirror.missed([batch.place % self._ledger.counters // _TYPES])
        else:
            self._bucket_of.pop(batch.place, None)
