"""A report as a string: the envelope, the entries as JSON, and the checksum."""

from typing import Any
from zlib import crc32

import orjson

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import (
    RESIDUE,
    Encoding,
    Entries,
    checksum,
    looks_like_envelope,
    make_envelope,
)

_CHECKSUM_BYTES = 4


class StringEncoding(Encoding):
    """GET, SET."""

    name = "string"

    def read_arguments(self, key: str) -> tuple[str, ...]:
        """See `Encoding`."""
        return ("GET", key)

    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> bytes:
        """See `Encoding`."""
        value = make_envelope(identity, computed_ms, ttl_ms) + orjson.dumps(entries)
        return value + checksum(value)

    def put_command(self, key: str, value: bytes) -> bytes:
        """See `Encoding`."""
        return pack("SET", key, value)

    def write_command(self, key: str, value: bytes, ttl_ms: int) -> tuple[bytes, int]:
        """See `Encoding`; one command does it all."""
        return pack("SET", key, value, "PX", str(ttl_ms)), 1

    def add_command(self, key: str, value: bytes, ttl_ms: int, spare_key: str) -> tuple[bytes, int]:
        """See `Encoding`; one command does it all."""
        return pack("SET", key, value, "PX", str(ttl_ms), "NX"), 1

    def envelope(self, value: Any) -> bytes | None:
        """See `Encoding`; all of the value."""
        return value if isinstance(value, bytes) and looks_like_envelope(value) else None

    def is_whole(self, value: bytes) -> bool:
        """See `Encoding`."""
        return crc32(value) == RESIDUE

    def decode(self, value: bytes) -> Entries:
        """See `Encoding`."""
        entries: Entries = orjson.loads(value[value.index(b"{") : -_CHECKSUM_BYTES])
        return entries
