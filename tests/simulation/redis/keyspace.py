"""The keys of a server: values, when they expire, and an order in which SCAN finds all of them."""

import heapq
import random
import zlib
from collections.abc import Callable, Iterable
from typing import Final

from redis_rehearsal.clock import unix
from tests.simulation.redis.replies import WRONG_TYPE, Refused

Value = bytes | dict[bytes, bytes]

_BUCKETS: Final = 256
_KEY_BYTES: Final = 64
_FIELD_BYTES: Final = 16
_LATE_MILLISECONDS: Final = 50
"""So long a key may be there after its end where nobody asks for it."""
_SPARE: Final = 1000
_TRIES: Final = 100


def bytes_of(key: bytes, value: Value) -> int:
    """What a key takes, estimated."""
    if isinstance(value, bytes):
        return _KEY_BYTES + len(key) + len(value)
    return _KEY_BYTES + len(key) + sum(_FIELD_BYTES + len(name) + len(each) for name, each in value.items())


class Keyspace:
    """Keys of one database.

    Args:
        rng: gives the order of SCAN, and what is chosen at random.
        expire: removes a key of which the time has come, and tells of it.
        removes: whether keys are to be removed when their time has come: a replica waits to be told.
        arm: has `remove_due` called after so many seconds.

    Attributes:
        values: by key.
        expiry: when keys end, Unix time in milliseconds.
        used_bytes: by all keys, estimated.
        sees_all: whether what has expired is still there, as for who carries out a primary's stream.
    """

    def __init__(
        self,
        rng: random.Random,
        expire: Callable[[bytes], None],
        removes: Callable[[], bool],
        arm: Callable[[float], None],
    ) -> None:
        self._rng = rng
        self._expire = expire
        self._removes = removes
        self._arm = arm
        self._armed: int | None = None
        self._salt = rng.getrandbits(32)
        self.sees_all = False
        self.clear()

    def clear(self) -> None:
        """Nothing is there any more."""
        self.values: dict[bytes, Value] = {}
        self.expiry: dict[bytes, int] = {}
        self.used_bytes = 0
        self._due: list[tuple[int, bytes]] = []
        self._buckets: list[dict[bytes, None]] = [{} for _ in range(_BUCKETS)]

    def find(self, key: bytes) -> Value | None:
        """A key's value; None where it is not there, or not any more."""
        if key in self.expiry and self.has_run_out(key):
            return None
        return self.values.get(key)

    def string(self, key: bytes) -> bytes | None:
        """The same where only a string will do.

        Raises:
            Refused: it is none.
        """
        value = self.find(key)
        if value is None or isinstance(value, bytes):
            return value
        raise Refused(WRONG_TYPE)

    def fields(self, key: bytes) -> dict[bytes, bytes] | None:
        """The same where only a hash will do.

        Raises:
            Refused: it is none.
        """
        value = self.find(key)
        if value is None or isinstance(value, dict):
            return value
        raise Refused(WRONG_TYPE)

    def has_run_out(self, key: bytes) -> bool:
        """Whether the time of a key that has an end has come; it is removed then, where that is this server's task."""
        if self.sees_all or unix() * 1000 < self.expiry[key] + 1:
            return False
        if self._removes():
            self._expire(key)
        return True

    def put(self, key: bytes, value: Value) -> None:
        """Set a value; when it ends stays as it is."""
        before = self.values.get(key)
        if before is None:
            self._buckets[self._bucket(key)][key] = None
            self.used_bytes += bytes_of(key, value)
        elif type(before) is bytes and type(value) is bytes:
            self.used_bytes += len(value) - len(before)
        else:
            self.used_bytes += bytes_of(key, value) - bytes_of(key, before)
        self.values[key] = value

    def grew(self, more_bytes: int) -> None:
        """A hash became larger by what was put into it."""
        self.used_bytes += more_bytes

    def remove(self, key: bytes) -> Value | None:
        """Remove a key, whether or not its time has come; its value, None where it was not there."""
        value = self.values.pop(key, None)
        if value is not None:
            self.expiry.pop(key, None)
            del self._buckets[self._bucket(key)][key]
            self.used_bytes -= bytes_of(key, value)
        return value

    def end_at(self, key: bytes, milliseconds: int | None) -> None:
        """Say when a key ends, in Unix time; None for never."""
        if milliseconds is None:
            self.expiry.pop(key, None)
            return
        if self.expiry.get(key) == milliseconds:
            return
        self.expiry[key] = milliseconds
        if len(self._due) > 2 * len(self.expiry) + _SPARE:
            self._due = [(at, key) for key, at in self.expiry.items()]
            heapq.heapify(self._due)
        else:
            heapq.heappush(self._due, (milliseconds, key))
        self.watch()

    def watch(self) -> None:
        """See that what is due next is removed soon after."""
        if self._due and (self._armed is None or self._due[0][0] < self._armed):
            self._armed = self._due[0][0]
            self._arm(max(0.0, (self._armed + _LATE_MILLISECONDS) / 1000 - unix()))

    def forget_watch(self) -> None:
        """Nobody is going to call `remove_due`."""
        self._armed = None

    def remove_due(self) -> None:
        """Remove what is due, where that is this server's task."""
        self._armed = None
        if not self._removes():
            return  # who makes it its task again has it watched again
        now = unix() * 1000
        while self._due and self._due[0][0] + 1 <= now:
            at, key = heapq.heappop(self._due)
            if self.expiry.get(key) == at:
                self._expire(key)
        self.watch()

    def page(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """Some keys, those among them of which the time has come too, and where to go on: 0 at the end."""
        found: list[bytes] = []
        looked = 0
        while cursor < _BUCKETS and len(found) < count and looked < 10 * count:
            found += self._buckets[cursor]
            cursor += 1
            looked += 1
        return (0 if cursor >= _BUCKETS else cursor), found

    def any_key(self, of: dict[bytes, int] | None = None) -> bytes | None:
        """A key at random, of those that end where that is asked for."""
        if not (self.values if of is None else of):
            return None
        for _ in range(_TRIES):
            start = self._rng.randrange(_BUCKETS)
            for step in range(_BUCKETS):
                bucket = self._buckets[(start + step) % _BUCKETS]
                if bucket:
                    key = self._rng.choice(list(bucket))
                    if of is None or key in of:
                        return key
                    break
        return next(iter(self.values if of is None else of))

    def load(self, found: Iterable[tuple[bytes, Value, int | None]]) -> None:
        """Hold these keys, and no other."""
        self.clear()
        for key, value, at in found:
            self.put(key, value)
            self.end_at(key, at)

    def _bucket(self, key: bytes) -> int:
        return (zlib.crc32(key, self._salt) >> 7) % _BUCKETS
