"""Commands of keys, whatever their values are: what there is, when it ends, what it takes."""

from typing import TYPE_CHECKING, Any

from redis_rehearsal.clock import unix
from tests.simulation.redis.globbing import compiled
from tests.simulation.redis.keyspace import bytes_of
from tests.simulation.redis.replies import MOST, NO_INTEGER, OK, SYNTAX, Refused, Simple, integer
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.keyspace import Value
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

_NO_KEY = "ERR no such key"
_EMBEDDED_BYTES = 44
_LISTPACK_FIELDS = 512
_LISTPACK_BYTES = 64


def kind_of(value: "Value | None") -> bytes:
    """The type of a value, as TYPE says it."""
    return b"none" if value is None else b"string" if isinstance(value, bytes) else b"hash"


@command("DEL", 2, writes=True)
@command("UNLINK", 2, writes=True)
def _del(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    keyspace, gone = server.keyspace, []
    for key in words[1:]:
        if keyspace.find(key) is not None:
            keyspace.remove(key)
            server.changed(key, "g", "del")
            gone.append(key)
    if gone:
        server.feed([words[0], *gone])
    server.accounts.note_deletion(session, words[1:])
    return len(gone)


@command("EXISTS", 2)
def _exists(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    find = server.keyspace.find
    return sum(find(key) is not None for key in words[1:])


@command("TOUCH", 2)
def _touch(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _exists(server, session, words)


@command("TYPE", 2, 2)
def _type(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return Simple(kind_of(server.keyspace.find(words[1])))


@command("EXPIRE", 3, 4, writes=True)
def _expire(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _end(server, session, words, 1000, relative=True)


@command("PEXPIRE", 3, 4, writes=True)
def _pexpire(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _end(server, session, words, 1, relative=True)


@command("EXPIREAT", 3, 4, writes=True)
def _expireat(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _end(server, session, words, 1000, relative=False)


@command("PEXPIREAT", 3, 4, writes=True)
def _pexpireat(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _end(server, session, words, 1, relative=False)


def _end(server: "SimulatedRedis", session: "Session", words: list[bytes], unit: int, *, relative: bool) -> int:
    key, keyspace, now = words[1], server.keyspace, int(unix() * 1000)
    at = integer(words[2]) * unit + (now if relative else 0)
    if not -MOST <= at <= MOST:
        raise Refused(f"ERR invalid expire time in '{words[0].decode().lower()}' command")
    condition = words[3].upper() if len(words) > 3 else b""
    if condition not in (b"", b"NX", b"XX", b"GT", b"LT"):
        raise Refused(f"ERR Unsupported option {words[3].decode(errors='replace')}")
    if keyspace.find(key) is None:
        return 0
    before = keyspace.expiry.get(key)
    if (
        (condition == b"NX" and before is not None)
        or (condition == b"XX" and before is None)
        or (condition == b"GT" and (before is None or at <= before))
        or (condition == b"LT" and before is not None and at >= before)
    ):
        return 0
    if at <= now and not session.is_primary:
        keyspace.remove(key)
        server.feed([b"DEL", key])
        server.changed(key, "g", "del")
        return 1
    keyspace.end_at(key, at)
    server.feed([b"PEXPIREAT", key, b"%d" % at])
    server.changed(key, "g", "expire")
    return 1


@command("PERSIST", 2, 2, writes=True)
def _persist(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    key, keyspace = words[1], server.keyspace
    if keyspace.find(key) is None or key not in keyspace.expiry:
        return 0
    keyspace.end_at(key, None)
    server.feed(words)
    server.changed(key, "g", "persist")
    return 1


def _left(server: "SimulatedRedis", key: bytes) -> int:
    """Milliseconds; -1 for ever, -2 where there is no such key."""
    at = _ends(server, key)
    return at if at < 0 else max(0, at - int(unix() * 1000))


def _ends(server: "SimulatedRedis", key: bytes) -> int:
    """Unix time in milliseconds; -1 for never, -2 where there is no such key."""
    keyspace = server.keyspace
    return -2 if keyspace.find(key) is None else keyspace.expiry.get(key, -1)


@command("PTTL", 2, 2)
def _pttl(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _left(server, words[1])


@command("TTL", 2, 2)
def _ttl(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    left = _left(server, words[1])
    return left if left < 0 else (left + 500) // 1000


@command("PEXPIRETIME", 2, 2, since=(7, 0))
def _pexpiretime(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _ends(server, words[1])


@command("EXPIRETIME", 2, 2, since=(7, 0))
def _expiretime(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    at = _ends(server, words[1])
    return at if at < 0 else (at + 500) // 1000


@command("RENAME", 3, 3, writes=True)
def _rename(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    _move(server, words)
    return OK


@command("RENAMENX", 3, 3, writes=True)
def _renamenx(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if server.keyspace.find(words[1]) is None:
        raise Refused(_NO_KEY)
    if server.keyspace.find(words[2]) is not None:
        return 0
    _move(server, words)
    return 1


def _move(server: "SimulatedRedis", words: list[bytes]) -> None:
    old, new, keyspace = words[1], words[2], server.keyspace
    value = keyspace.find(old)
    if value is None:
        raise Refused(_NO_KEY)
    if old == new:
        return
    at = keyspace.expiry.get(old)
    keyspace.find(new)
    keyspace.remove(old)
    keyspace.remove(new)
    keyspace.put(new, value)
    keyspace.end_at(new, at)
    server.feed([b"RENAME", old, new])
    server.changed(old, "g", "rename_from")
    server.changed(new, "g", "rename_to")


@command("SCAN", 2)
def _scan(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if not words[1].isdigit():
        raise Refused("ERR invalid cursor")
    pattern = kind = None
    count = 10
    options = words[2:]
    if len(options) % 2:
        raise Refused(SYNTAX)
    for name, value in zip(options[::2], options[1::2], strict=True):
        match name.upper():
            case b"MATCH":
                pattern = None if value == b"*" else compiled(value).fullmatch
            case b"TYPE":
                kind = value.lower()
            case b"COUNT":
                count = integer(value)
                if count < 1:
                    raise Refused(SYNTAX)
            case _:
                raise Refused(SYNTAX)
    keyspace = server.keyspace
    cursor, found = keyspace.page(int(words[1]), count)
    if pattern is not None:
        found = [key for key in found if pattern(key)]
    expiry, values = keyspace.expiry, keyspace.values
    found = [key for key in found if key not in expiry or not keyspace.has_run_out(key)]
    if kind is not None:
        found = [key for key in found if kind_of(values.get(key)) == kind]
    return [b"%d" % cursor, list(found)]


@command("KEYS", 2, 2)
def _keys(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    keyspace, match = server.keyspace, compiled(words[1]).fullmatch
    return [key for key in list(keyspace.values) if match(key) and keyspace.find(key) is not None]


@command("RANDOMKEY", 1, 1)
def _randomkey(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    for _ in range(100):
        key = server.keyspace.any_key()
        if key is None or server.keyspace.find(key) is not None:
            return key
    return key


@command("DBSIZE", 1, 1)
def _dbsize(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return len(server.keyspace.values)


@command("OBJECT", 2, parts="ENCODING IDLETIME REFCOUNT FREQ")
def _object(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if len(words) != 3:
        raise Refused("ERR wrong number of arguments for 'object' command")
    what = words[1].upper()
    value = server.keyspace.find(words[2])
    if value is None:
        return None
    if what == b"ENCODING":
        return _encoding(value)
    if what == b"FREQ" and "lfu" not in server.config["maxmemory-policy"]:
        raise Refused("ERR An LFU maxmemory policy is not selected, access frequency not tracked.")
    return int(what != b"IDLETIME")


def _encoding(value: "Value") -> bytes:
    if isinstance(value, dict):
        small = len(value) <= _LISTPACK_FIELDS and all(
            len(part) <= _LISTPACK_BYTES for pair in value.items() for part in pair
        )
        return b"listpack" if small else b"hashtable"
    try:
        integer(value)
    except Refused:
        return b"embstr" if len(value) <= _EMBEDDED_BYTES else b"raw"
    return b"int"


@command("MEMORY", 2, parts="USAGE")
def _memory(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if len(words) not in (3, 5):
        raise Refused(SYNTAX if len(words) > 3 else "ERR wrong number of arguments for 'memory|usage' command")
    value = server.keyspace.find(words[2])
    return None if value is None else bytes_of(words[2], value)


@command("FLUSHDB", 1, 2, writes=True)
@command("FLUSHALL", 1, 2, writes=True)
def _flush(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    for key in list(server.watchers):
        if key in server.keyspace.values:
            server.disturb(key)
    server.keyspace.clear()
    server.feed(words)
    return OK


def count_of(text: bytes) -> int:
    """A number of things, which is not negative.

    Raises:
        Refused: it is none.
    """
    number = integer(text)
    if number < 0:
        raise Refused(NO_INTEGER)
    return number
