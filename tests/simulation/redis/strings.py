"""Commands of strings."""

from typing import TYPE_CHECKING, Any

from redis_rehearsal.clock import unix
from tests.simulation.redis.replies import MOST, NO_INTEGER, OK, SYNTAX, Refused, integer
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

_UNITS = {b"EX": 1000, b"PX": 1, b"EXAT": 1000, b"PXAT": 1}


def expires_at(name: str, unit: bytes, text: bytes) -> int:
    """When something ends, Unix time in milliseconds, from what EX, PX, EXAT or PXAT are given.

    Raises:
        Refused: it is no time in the future of 1970.
    """
    number = integer(text) * _UNITS[unit]
    if number <= 0:
        raise Refused(f"ERR invalid expire time in '{name}' command")
    at = number if unit.endswith(b"AT") else int(unix() * 1000) + number
    if at > MOST:
        raise Refused(f"ERR invalid expire time in '{name}' command")
    return at


@command("GET", 2, 2)
def _get(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    value = server.keyspace.string(words[1])
    server.accounts.note_read(session, words[1:], [value])
    return value


@command("MGET", 2)
def _mget(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    find = server.keyspace.find
    values = [value if isinstance(value := find(key), bytes) else None for key in words[1:]]
    server.accounts.note_read(session, words[1:], values)
    return values


@command("STRLEN", 2, 2)
def _strlen(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return len(server.keyspace.string(words[1]) or b"")


@command("GETRANGE", 4, 4)
def _getrange(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    start, end = integer(words[2]), integer(words[3])
    value = server.keyspace.string(words[1]) or b""
    if start < 0 and end < 0 and start > end:
        return b""
    start, end = (max(0, at + len(value)) if at < 0 else at for at in (start, end))
    return value[start : end + 1]


@command("SET", 3, grows=True)
def _set(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    key, value = words[1], words[2]
    at: int | None = None
    keeps = gives = False
    condition = b""
    rest = [word.upper() for word in words[3:]]
    place = 0
    timed = False
    while place < len(rest):
        word = rest[place]
        if word in _UNITS and not timed and not keeps and place + 1 < len(rest):
            timed, place = True, place + 1
            unit, number = word, words[3 + place]
        elif word == b"KEEPTTL" and not timed:
            keeps = True
        elif word == b"GET":
            gives = True
        elif word in (b"NX", b"XX") and condition in (b"", word):
            condition = word
        else:
            raise Refused(SYNTAX)
        place += 1
    if timed:
        at = expires_at("set", unit, number)
    keyspace = server.keyspace
    before = keyspace.string(key) if gives else None
    if condition and (keyspace.find(key) is not None) != (condition == b"XX"):
        return before
    store(server, key, value, at, keeps=keeps)
    return before if gives else OK


def store(server: "SimulatedRedis", key: bytes, value: bytes, at: int | None = None, *, keeps: bool = False) -> None:
    """Set a string, whatever was there before, and tell of it.

    Args:
        server: on which.
        key: its name.
        value: it.
        at: when it ends, Unix time in milliseconds; None for never.
        keeps: whether it ends when what was there before did.
    """
    keyspace = server.keyspace
    keyspace.find(key)  # what had run out does not hand its end on
    keyspace.put(key, value)
    if not keeps:
        keyspace.end_at(key, at)
    options = [b"PXAT", b"%d" % at] if at is not None else [b"KEEPTTL"] if keeps else []
    server.feed([b"SET", key, value, *options])
    server.changed(key, "$", "set")
    if at is not None:
        server.changed(key, "g", "expire")


@command("SETEX", 4, 4, grows=True)
def _setex(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    store(server, words[1], words[3], expires_at("setex", b"EX", words[2]))
    return OK


@command("PSETEX", 4, 4, grows=True)
def _psetex(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    store(server, words[1], words[3], expires_at("psetex", b"PX", words[2]))
    return OK


@command("SETNX", 3, 3, grows=True)
def _setnx(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if server.keyspace.find(words[1]) is not None:
        return 0
    store(server, words[1], words[2])
    return 1


@command("MSET", 3, grows=True)
def _mset(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if len(words) % 2 == 0:
        raise Refused("ERR wrong number of arguments for 'mset' command")
    for key, value in zip(words[1::2], words[2::2], strict=True):
        store(server, key, value)
    return OK


@command("APPEND", 3, 3, grows=True)
def _append(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    value = (server.keyspace.string(words[1]) or b"") + words[2]
    server.keyspace.put(words[1], value)
    server.feed(words)
    server.changed(words[1], "$", "append")
    return len(value)


@command("INCR", 2, 2, grows=True)
def _incr(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    value = _add(server, words[1], 1, words)
    if not session.is_primary:
        server.accounts.note_increment(session, words[1], value)
    return value


@command("DECR", 2, 2, grows=True)
def _decr(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _add(server, words[1], -1, words)


@command("INCRBY", 3, 3, grows=True)
def _incrby(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _add(server, words[1], integer(words[2]), words)


@command("DECRBY", 3, 3, grows=True)
def _decrby(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _add(server, words[1], -integer(words[2]), words)


def _add(server: "SimulatedRedis", key: bytes, more: int, words: list[bytes]) -> int:
    keyspace = server.keyspace
    before = keyspace.string(key)
    value = more if before is None else integer(before, NO_INTEGER) + more
    if not -MOST - 1 <= value <= MOST:
        raise Refused("ERR increment or decrement would overflow")
    keyspace.put(key, b"%d" % value)
    server.feed(words)
    server.changed(key, "$", "incrby")
    return value
