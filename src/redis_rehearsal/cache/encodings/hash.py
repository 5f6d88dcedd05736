"""A report as a hash: a field for each entry, one for the envelope and one for the checksum.

A small hash answers its fields in the order in which they were set, a large one in any: in the order of their
names, the envelope is the first and the checksum the last.
"""

from itertools import chain
from typing import Any
from zlib import crc32

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import (
    CHECKSUM_NAME,
    ENVELOPE_NAME,
    RESIDUE,
    Encoding,
    Entries,
    checksum,
    joined,
    looks_like_envelope,
    make_envelope,
)


class HashEncoding(Encoding):
    """HSET, HGETALL: each entry can be read and written by itself."""

    name = "hash"

    def read_arguments(self, key: str) -> tuple[str, ...]:
        """See `Encoding`."""
        return ("HGETALL", key)

    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> list[bytes]:
        """See `Encoding`; field, value, field, value."""
        fields = sorted((name.encode(), b"%d" % number) for name, number in entries.items())
        elements = [ENVELOPE_NAME, make_envelope(identity, computed_ms, ttl_ms), *chain(*fields), CHECKSUM_NAME]
        return [*elements, checksum(joined(elements) + b"\n")]

    def put_command(self, key: str, value: list[bytes]) -> bytes:
        """See `Encoding`."""
        return pack("HSET", key, *value)

    def envelope(self, value: Any) -> bytes | None:
        """See `Encoding`."""
        if not isinstance(value, list) or not value or len(value) % 2:
            return None
        try:
            place = 0 if value[0] == ENVELOPE_NAME else value[::2].index(ENVELOPE_NAME) * 2
        except ValueError:
            return None
        found: bytes = value[place + 1]
        return found if looks_like_envelope(found) else None

    def is_whole(self, value: list[bytes]) -> bool:
        """See `Encoding`."""
        return crc32(joined(value)) == RESIDUE or crc32(joined(_in_order(value))) == RESIDUE

    def decode(self, value: list[bytes]) -> Entries:
        """See `Encoding`."""
        ordered = _in_order(value)[2:-2]
        return {name.decode(): int(number) for name, number in zip(ordered[::2], ordered[1::2], strict=True)}


def _in_order(value: list[bytes]) -> list[bytes]:
    return list(chain(*sorted(zip(value[::2], value[1::2], strict=True))))
