"""Commands of hashes, and what those of all other types say where nothing of theirs is there."""

from typing import TYPE_CHECKING, Any, Final

from tests.simulation.redis.replies import OK, WRONG_TYPE, Refused, integer, wrong_number
from tests.simulation.redis.table import Handler, command

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

_FIELD_BYTES: Final = 16


def _put(server: "SimulatedRedis", key: bytes, pairs: list[bytes]) -> int:
    """Set fields; returns how many are new."""
    keyspace = server.keyspace
    fields = keyspace.fields(key)
    if fields is None:
        fields = {}
        keyspace.put(key, fields)
    added = 0
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        before = fields.get(name)
        fields[name] = value
        if before is None:
            added += 1
            keyspace.grew(_FIELD_BYTES + len(name) + len(value))
        else:
            keyspace.grew(len(value) - len(before))
    return added


@command("HSET", 4, grows=True)
def _hset(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if len(words) % 2:
        raise wrong_number("HSET")
    added = _put(server, words[1], words[2:])
    server.feed(words)
    server.changed(words[1], "h", "hset")
    return added


@command("HMSET", 4, grows=True)
def _hmset(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    _hset(server, session, words)
    return OK


@command("HSETNX", 4, 4, grows=True)
def _hsetnx(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if words[2] in (server.keyspace.fields(words[1]) or ()):
        return 0
    return _hset(server, session, [b"HSET", *words[1:]])


@command("HDEL", 3, writes=True)
def _hdel(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    key, keyspace = words[1], server.keyspace
    fields = keyspace.fields(key)
    if fields is None:
        return 0
    gone = 0
    for name in words[2:]:
        value = fields.pop(name, None)
        if value is not None:
            gone += 1
            keyspace.grew(-_FIELD_BYTES - len(name) - len(value))
    if gone:
        server.feed(words)
        server.changed(key, "h", "hdel")
        if not fields:
            keyspace.remove(key)
            server.changed(key, "g", "del")
    return gone


@command("HGET", 3, 3)
def _hget(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return (server.keyspace.fields(words[1]) or {}).get(words[2])


@command("HMGET", 3)
def _hmget(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    fields = server.keyspace.fields(words[1]) or {}
    return [fields.get(name) for name in words[2:]]


@command("HEXISTS", 3, 3)
def _hexists(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return int(words[2] in (server.keyspace.fields(words[1]) or ()))


@command("HLEN", 2, 2)
def _hlen(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return len(server.keyspace.fields(words[1]) or ())


@command("HGETALL", 2, 2)
def _hgetall(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return [part for pair in (server.keyspace.fields(words[1]) or {}).items() for part in pair]


@command("HSCAN", 3)
def _hscan(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    fields = server.keyspace.fields(words[1]) or {}
    names_only = b"NOVALUES" in [word.upper() for word in words[3:]]
    return [b"0", list(fields) if names_only else [part for pair in fields.items() for part in pair]]


@command("HPTTL", 5, since=(7, 4))
@command("HPEXPIRETIME", 5, since=(7, 4))
def _field_ends(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    """Fields do not end by themselves here."""
    fields, names = server.keyspace.fields(words[1]) or {}, words[4:]
    if words[2].upper() != b"FIELDS" or integer(words[3]) != len(names):
        raise Refused("ERR The `numfields` parameter must match the number of arguments")
    return [-1 if name in fields else -2 for name in names]


@command("HPEXPIREAT", 6, writes=True, since=(7, 4))
def _end_fields(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if server.keyspace.fields(words[1]):
        raise Refused("ERR fields do not end by themselves in the simulation")
    return [-2] * integer(words[4])


def _without(nothing: Any) -> Handler:
    """Answers where no value of the type can be."""

    def answer(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
        if server.keyspace.find(words[1]) is not None:
            raise Refused(WRONG_TYPE)
        return list(nothing) if isinstance(nothing, list) else nothing

    return answer


def _unmade(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if server.keyspace.find(words[1]) is not None:
        raise Refused(WRONG_TYPE)
    raise Refused("ERR the simulation holds strings and hashes only")


def _no_key(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if len(words) > 2 and server.keyspace.find(words[2]) is not None:
        raise Refused(WRONG_TYPE)
    raise Refused("ERR no such key")


for _name, _least, _nothing in (
    *(("LRANGE", 4, []), ("SMEMBERS", 2, []), ("ZRANGE", 4, []), ("ZREVRANGE", 4, []), ("ZRANGEBYSCORE", 4, [])),
    *(("XRANGE", 4, []), ("LLEN", 2, 0), ("SCARD", 2, 0), ("ZCARD", 2, 0), ("XLEN", 2, 0)),
    *(("SSCAN", 3, [b"0", []]), ("ZSCAN", 3, [b"0", []])),
):
    command(_name, _least)(_without(_nothing))
for _name, _least in (
    *(("RPUSH", 3), ("LPUSH", 3), ("LTRIM", 4), ("SADD", 3), ("ZADD", 4), ("XADD", 5), ("ZINCRBY", 4)),
    *(("HINCRBY", 4), ("SREM", 3), ("ZREM", 3)),
):
    command(_name, _least, grows=True)(_unmade)
command("XINFO", 2)(_no_key)
