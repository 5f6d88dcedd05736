"""A report as a set: a member for each entry, one for the envelope and one for the checksum.

Members come in any order; sorted, the envelope is the first and the checksum the last.
"""

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


class SetEncoding(Encoding):
    """SADD, SMEMBERS: entries have no order."""

    name = "set"

    def read_arguments(self, key: str) -> tuple[str, ...]:
        """See `Encoding`."""
        return ("SMEMBERS", key)

    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> list[bytes]:
        """See `Encoding`."""
        members = sorted(b"%b=%d" % (name.encode(), number) for name, number in entries.items())
        elements = [ENVELOPE_NAME + make_envelope(identity, computed_ms, ttl_ms), *members]
        return [*elements, CHECKSUM_NAME + checksum(joined(elements) + b"\n" + CHECKSUM_NAME)]

    def put_command(self, key: str, value: list[bytes]) -> bytes:
        """See `Encoding`."""
        return pack("SADD", key, *value)

    def envelope(self, value: Any) -> bytes | None:
        """See `Encoding`."""
        if not isinstance(value, list) or not value:
            return None
        first: bytes = min(value)
        return first[1:] if first[:1] == ENVELOPE_NAME and looks_like_envelope(first[1:]) else None

    def is_whole(self, value: list[bytes]) -> bool:
        """See `Encoding`."""
        return crc32(joined(sorted(value))) == RESIDUE

    def decode(self, value: list[bytes]) -> Entries:
        """See `Encoding`."""
        parts = (element.rpartition(b"=") for element in sorted(value)[1:-1])
        return {name.decode(): int(number) for name, _, number in parts}
