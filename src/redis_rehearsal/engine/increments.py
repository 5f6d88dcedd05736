"""Blocks of events: what happened, with its increment prepared."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import WallClock
from redis_rehearsal.engine.ledger import Ledger
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.questions import EventBlock, EventStream

_TYPES: Final = len(EVENT_TYPES)
_INVALIDATING: Final = np.array([kind.invalidates for kind in EVENT_TYPES])


class IncrementBlock:
    """Events in the order in which they are due; lists and arrays of one length.

    Attributes:
        intended: intended starts on the monotonic clock.
        commands: packed, ready to be written.
        places: of the events' counters in the ledger's lanes.
        invalidating: positions of the events that make cached reports obsolete, ascending.
        drawn: what happened to whom.
        occurred_seconds: intended starts as Unix time.
    """

    __slots__ = ("commands", "drawn", "intended", "invalidating", "occurred_seconds", "places")

    def __init__(
        self,
        intended: list[float],
        commands: list[bytes],
        places: list[int],
        invalidating: list[int],
        drawn: EventBlock,
        occurred_seconds: NDArray[np.float64],
    ) -> None:
        self.intended = intended
        self.commands = commands
        self.places = places
        self.invalidating = invalidating
        self.drawn = drawn
        self.occurred_seconds = occurred_seconds

    def chosen(self, positions: list[int]) -> "IncrementBlock":
        """A block of the events at some positions, ascending."""
        drawn = self.drawn
        return IncrementBlock(
            [self.intended[p] for p in positions],
            [self.commands[p] for p in positions],
            [self.places[p] for p in positions],
            [],
            EventBlock(
                drawn.tenants[positions], drawn.types[positions], drawn.users[positions], drawn.pages[positions]
            ),
            self.occurred_seconds[positions],
        )


class IncrementBlocks:
    """Makes blocks of events; a counter's command is prepared once.

    Args:
        stream: which event happens next.
        organizations: number of the organisation of each tenant.
        keys: the names of keys.
        clock: the run's time of day.
        bucket_seconds: length of a time bucket.
        ledger: gives counters their places.

    Attributes:
        stream: which event happens next.
    """

    def __init__(
        self,
        stream: EventStream,
        organizations: list[int],
        keys: Keys,
        clock: WallClock,
        bucket_seconds: int,
        ledger: Ledger,
    ) -> None:
        self.stream = stream
        self._organizations = organizations
        self._keys = keys
        self._clock = clock
        self._bucket_seconds = bucket_seconds
        self._ledger = ledger
        self._commands: dict[int, bytes] = {}
        self._newest_bucket = -1

    def build(self, intended: NDArray[np.float64]) -> IncrementBlock:
        """The block of the next events, due at these times."""
        drawn = self.stream.draw(len(intended))
        occurred = intended + self._clock.offset_seconds
        buckets = (occurred // self._bucket_seconds).astype(np.int64)
        for bucket in np.unique(buckets).tolist():
            self._open(bucket)
        counters = drawn.tenants * _TYPES + drawn.types
        places = (buckets % self._ledger.slots * self._ledger.counters + counters).tolist()
        known = self._commands
        commands = [
            known.get(place) or self._prepare(place, position, buckets, counters)
            for position, place in enumerate(places)
        ]
        return IncrementBlock(
            intended.tolist(),
            commands,
            places,
            np.flatnonzero(_INVALIDATING[drawn.types]).tolist(),
            drawn,
            occurred,
        )

    def _open(self, bucket: int) -> None:
        if bucket > self._newest_bucket:
            # Places are used again in later buckets, for other keys.
            self._newest_bucket = bucket
            kept = {bucket - 1, bucket}
            self._commands = {
                place: command
                for place, command in self._commands.items()
                if any(0 <= place - self._ledger.place(b) < self._ledger.counters for b in kept)
            }
        if not self._ledger.has(bucket):
            # Its baseline was not read ahead: the server was away for a whole bucket.
            self._ledger.open_bucket(bucket, None)

    def _prepare(self, place: int, position: int, buckets: NDArray[np.int64], counters: NDArray[np.int64]) -> bytes:
        tenant, kind = divmod(int(counters[position]), _TYPES)
        start = int(buckets[position]) * self._bucket_seconds
        key = self._keys.counter(self._organizations[tenant], kind, start)
        command = self._commands[place] = pack("INCR", key)
        return command

    def organization_array(self) -> NDArray[np.int64]:
        """Number of the organisation of each tenant, shape (tenants,)."""
        return np.array(self._organizations, dtype=np.int64)
