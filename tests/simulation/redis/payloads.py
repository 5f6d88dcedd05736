"""DUMP and RESTORE, in a format of its own that says of which version it is and whether it is whole."""

import zlib
from typing import TYPE_CHECKING, Any, Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import unix
from tests.simulation.redis.replies import OK, SYNTAX, Refused, integer
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.keyspace import Value
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

_FOOT_BYTES: Final = 10
_FORMATS: Final = (((7, 4), 12), ((7, 2), 11), ((7, 0), 10), ((0, 0), 9))
"""Since which version there is which, as of Redis."""
_FOREIGN: Final = "ERR DUMP payload version or checksum are wrong"


def format_of(version: tuple[int, int]) -> int:
    """The format in which a version writes values."""
    return next(number for since, number in _FORMATS if version >= since)


def packed(value: "Value") -> bytes:
    """A value as bytes, without version and checksum."""
    if isinstance(value, bytes):
        return b"\x00" + value
    parts = tuple(part for pair in value.items() for part in pair)
    return b"\x04" + pack(b"hash", *parts)


def unpacked(data: bytes) -> "Value":
    """The value that was packed.

    Raises:
        Refused: there is none.
    """
    if data[:1] == b"\x00":
        return data[1:]
    if data[:1] != b"\x04":
        raise Refused("ERR Bad data format")
    reader = hiredis.Reader()
    reader.feed(data[1:])
    parts: list[bytes] = reader.gets()
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _foot(data: bytes, number: int) -> bytes:
    versioned = data + number.to_bytes(2, "little")
    return versioned + zlib.crc32(versioned).to_bytes(8, "little")


@command("DUMP", 2, 2)
def _dump(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    value = server.keyspace.find(words[1])
    return None if value is None else _foot(packed(value), format_of(server.numbers))


@command("RESTORE", 4, grows=True)
def _restore(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    key, keyspace = words[1], server.keyspace
    options = [word.upper() for word in words[4:]]
    known = {b"REPLACE", b"ABSTTL"}
    place = 0
    while place < len(options):
        if options[place] in (b"IDLETIME", b"FREQ") and place + 1 < len(options):
            integer(options[place + 1])
            place += 1
        elif options[place] not in known:
            raise Refused(SYNTAX)
        place += 1
    replace, absolute = b"REPLACE" in options, b"ABSTTL" in options
    if not replace and keyspace.find(key) is not None:
        raise Refused("BUSYKEY Target key name already exists.")
    ttl = integer(words[2])
    if ttl < 0:
        raise Refused("ERR Invalid TTL value, must be >= 0")
    value = _checked(server, words[3])
    now = int(unix() * 1000)
    at = None if ttl == 0 else ttl if absolute else now + ttl
    was_there = replace and keyspace.find(key) is not None
    if at is not None and at <= now and not session.is_primary:
        if was_there:
            keyspace.remove(key)
            server.feed([b"DEL", key])
            server.changed(key, "g", "del")
        return OK
    keyspace.remove(key)
    keyspace.put(key, value)
    keyspace.end_at(key, at)
    server.feed([b"RESTORE", key, b"%d" % (at or 0), words[3], b"REPLACE", b"ABSTTL"])
    server.changed(key, "g", "restore")
    return OK


def _checked(server: "SimulatedRedis", payload: bytes) -> "Value":
    data = payload[:-_FOOT_BYTES]
    number = int.from_bytes(payload[-_FOOT_BYTES:-8], "little")
    if len(payload) < _FOOT_BYTES or number > format_of(server.numbers) or _foot(data, number) != payload:
        raise Refused(_FOREIGN)
    return unpacked(data)
