"""When counters expire: EXPIREAT, once for each counter that the server has."""

from typing import Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.router import Router
from redis_rehearsal.cache.wire import Batch, Reply
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.engine.mirror import Mirror, MirroredBatch
from redis_rehearsal.workload.buckets import expires_seconds
from redis_rehearsal.workload.events import EVENT_TYPES

_TYPES: Final = len(EVENT_TYPES)


class _ExpiryBatch(Batch):
    """A counter's EXPIREAT."""

    __slots__ = ("expiries", "place")
    operation = "expiry"

    def __init__(self, expiries: "Expiries", place: int) -> None:
        super().__init__(1)
        self.expiries = expiries
        self.place = place

    def on_replies(self, replies: list[Reply], now_seconds: float) -> None:
        if not _is_set(replies[0]):
            self.expiries.failed += isinstance(replies[0], hiredis.ReplyError)
            self.expiries.unset(self.place)

    def on_lost(self, now_seconds: float) -> None:
        self.expiries.unset(self.place)


def _is_set(reply: Reply) -> bool:
    # Where there is no such counter it is not set: a second server that does not have it yet gets a copy of it.
    return reply == 1


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
        at = expires_seconds(bucket, self._buckets_kept, self._bucket_seconds)
        key = increment.split(b"\r\n")[4]
        server = self._router.write_server or self._router.writes_of(tenant)
        command = pack("EXPIREAT", key, str(at))
        if server.write(command, _ExpiryBatch(self, place)):
            self._bucket_of[place] = bucket
        mirror = self._router.mirror_of(tenant)
        if mirror is not None:
            self._mirror.send(mirror.write, command, MirroredBatch(self._mirror, "expiry", [tenant], is_taken=_is_set))

    def unset(self, place: int) -> None:
        """The server did not confirm it for the counter at a place."""
        self._bucket_of.pop(place, None)

    def thaw(self) -> None:
        """Ask for what was not asked for while writes were held."""
        held, self._held = self._held, []
        for place, bucket, increment in held:
            self.set(place, bucket, increment)

    def forget(self) -> None:
        """Another server takes the writes: nothing is known of the expiries that it has."""
        self._bucket_of.clear()
