"""A report as a Redis string: an envelope of fixed layout, then the entries as JSON.

    1795412345678 1795412645678 8a1b2c3d 17:overview {"total":1234,…}
    computed at   expires at    CRC-32   identity    entries

Times are Unix milliseconds. What every hit is checked for stands at fixed places, so that a check costs
a few slices and no decoding.
"""

from typing import Final
from zlib import crc32

import hiredis
import orjson

COMPUTED_AT: Final = slice(0, 13)
EXPIRES_AT: Final = slice(14, 27)
CHECKSUM: Final = slice(28, 36)
IDENTITY_START: Final = 37

Entries = dict[str, int]


def read_command(key: str) -> bytes:
    """The command, packed, that reads a report."""
    return hiredis.pack_command(("GET", key))


def write_command(key: str, identity: bytes, entries: Entries, computed_ms: int, ttl_ms: int) -> bytes:
    """The command, packed, that stores a report.

    Args:
        key: where.
        identity: what the report answers, see `expected_identity`.
        entries: of the report.
        computed_ms: when the database was asked, Unix milliseconds.
        ttl_ms: how long it may be served.
    """
    body = orjson.dumps(entries)
    head = b"%013d %013d %08x %b" % (computed_ms, computed_ms + ttl_ms, crc32(body), identity)
    return hiredis.pack_command(("SET", key, head + body, "PX", str(ttl_ms)))


def expected_identity(identity: str) -> bytes:
    """What stands between checksum and entries in the right report for a question."""
    return identity.encode() + b" "


def milliseconds(unix_seconds: float) -> bytes:
    """A time as it stands in an envelope, so that times can be compared as bytes."""
    return b"%013d" % int(unix_seconds * 1000)


def is_right(value: bytes, identity: bytes) -> bool:
    """Whether a stored value is whole and answers the question with that identity."""
    return (
        value.startswith(identity, IDENTITY_START)
        and value[CHECKSUM] == b"%08x" % crc32(value[IDENTITY_START + len(identity) :])
        and value[COMPUTED_AT].isdigit()
        and value[EXPIRES_AT].isdigit()
    )


def decode(value: bytes) -> Entries:
    """The entries of a stored report."""
    entries: Entries = orjson.loads(value[value.index(b"{") :])
    return entries
