"""A report as a sorted set: a member for each entry with its number as the score.

The envelope is the member with the lowest possible score, and the checksum the one with the highest.
"""

from itertools import chain
from typing import Any, Final
from zlib import crc32

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import (
    CHECKSUM_NAME,
    RESIDUE,
    Encoding,
    Entries,
    checksum,
    joined,
    looks_like_envelope,
    make_envelope,
)

_LOWEST: Final = b"-inf"
_HIGHEST: Final = b"inf"
_RESIDUE: Final = crc32(b"\n" + _HIGHEST, RESIDUE)
_LARGEST: Final = 2**53
"""Scores are doubles; larger whole numbers would be rounded."""


class SortedSetEncoding(Encoding):
    """ZADD, ZRANGE: entries in the order of their numbers, which are exact up to 2^53 on either side of zero."""

    name = "sorted-set"

    def read_arguments(self, key: str) -> tuple[str, ...]:
        """See `Encoding`."""
        return ("ZRANGE", key, "0", "-1", "WITHSCORES")

    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> list[bytes]:
        """See `Encoding`; member, score, member, score.

        Raises:
            OverflowError: a number has no exact score.
        """
        if any(abs(number) > _LARGEST for number in entries.values()):
            raise OverflowError("a number of the report is larger than a score can be")
        members = sorted((number, name.encode()) for name, number in entries.items())
        elements = [make_envelope(identity, computed_ms, ttl_ms), _LOWEST]
        elements += chain(*((name, b"%d" % number) for number, name in members))
        return [*elements, CHECKSUM_NAME + checksum(joined(elements) + b"\n" + CHECKSUM_NAME), _HIGHEST]

    def put_command(self, key: str, value: list[bytes]) -> bytes:
        """See `Encoding`."""
        return pack("ZADD", key, *chain(*zip(value[1::2], value[::2], strict=True)))

    def envelope(self, value: Any) -> bytes | None:
        """See `Encoding`."""
        if not isinstance(value, list) or not value:
            return None
        first: bytes = value[0]
        return first if looks_like_envelope(first) else None

    def is_whole(self, value: list[bytes]) -> bool:
        """See `Encoding`."""
        return value[-1] == _HIGHEST and crc32(joined(value)) == _RESIDUE

    def decode(self, value: list[bytes]) -> Entries:
        """See `Encoding`."""
        return {name.decode(): int(score) for name, score in zip(value[2:-2:2], value[3:-2:2], strict=True)}
