"""A report as a Redis string: an envelope of fixed layout, the entries as JSON, and a checksum of it all.

    1795412345678 1795412645678 17:overview {"total":1234,…}••••
    computed at   expires at    identity    entries         CRC-32

Times are Unix milliseconds. The checksum is four bytes, lowest first, so that the CRC-32 of a whole value is
always the same number: a hit is checked by one pass over its bytes and two comparisons at fixed places.
"""

from typing import Final
from zlib import crc32

import orjson

from redis_rehearsal.cache.commands import pack

COMPUTED_AT: Final = slice(0, 13)
EXPIRES_AT: Final = slice(14, 27)
IDENTITY_START: Final = 28
CHECKSUM_BYTES: Final = 4
RESIDUE: Final = 0x2144_DF1C
"""CRC-32 of anything that is followed by its own CRC-32, lowest byte first."""

Entries = dict[str, int]


def read_command(key: str) -> bytes:
    """The command, packed, that reads a report."""
    return pack("GET", key)


def encode(identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> bytes:
    """The value that stands for a report.

    Args:
        identity: what the report answers, see `expected_identity`.
        entries: of the report.
        computed_ms: when the database was asked, Unix milliseconds.
        ttl_ms: how long it may be served.
    """
    value = b"%013d %013d %b%b" % (computed_ms, computed_ms + ttl_ms, identity, orjson.dumps(entries))
    return value + crc32(value).to_bytes(CHECKSUM_BYTES, "little")


def write_command(key: str, value: bytes, ttl_ms: int) -> bytes:
    """The command, packed, that stores an encoded report."""
    return pack("SET", key, value, "PX", str(ttl_ms))


def expected_identity(identity: str) -> bytes:
    """What stands between times and entries in the right report for a question."""
    return identity.encode() + b" "


def milliseconds(unix_seconds: float) -> bytes:
    """A time as it stands in an envelope, so that times can be compared as bytes."""
    return b"%013d" % int(unix_seconds * 1000)


def is_right(value: bytes, identity: bytes) -> bool:
    """Whether a stored value is whole and answers the question with that identity."""
    return crc32(value) == RESIDUE and value.startswith(identity, IDENTITY_START)


def decode(value: bytes) -> Entries:
    """The entries of a stored report."""
    entries: Entries = orjson.loads(value[value.index(b"{") : -CHECKSUM_BYTES])
    return entries
