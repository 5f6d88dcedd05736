"""A report as a list: the envelope, an element for each entry, and the checksum."""

from typing import Any
from zlib import crc32

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings.base import (
    RESIDUE,
    Encoding,
    Entries,
    closed,
    joined,
    looks_like_envelope,
    make_envelope,
)


class ListEncoding(Encoding):
    """LPUSH, LRANGE: entries keep their order."""

    name = "list"

    def read_arguments(self, key: str) -> tuple[str, ...]:
        """See `Encoding`."""
        return ("LRANGE", key, "0", "-1")

    def encode(self, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> list[bytes]:
        """See `Encoding`."""
        elements = [b"%b=%d" % (name.encode(), number) for name, number in entries.items()]
        return closed([make_envelope(identity, computed_ms, ttl_ms), *elements])

    def put_command(self, key: str, value: list[bytes]) -> bytes:
        """See `Encoding`; what is pushed last stands first."""
        return pack("LPUSH", key, *reversed(value))

    def envelope(self, value: Any) -> bytes | None:
        """See `Encoding`."""
        if not isinstance(value, list) or not value:
            return None
        first: bytes = value[0]
        return first if looks_like_envelope(first) else None

    def is_whole(self, value: list[bytes]) -> bool:
        """See `Encoding`."""
        return crc32(joined(value)) == RESIDUE

    def decode(self, value: list[bytes]) -> Entries:
        """See `Encoding`."""
        parts = (element.rpartition(b"=") for element in value[1:-1])
        return {name.decode(): int(number) for name, _, number in parts}
