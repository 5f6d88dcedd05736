"""The simulated Redis against a real one: the same commands, the same answers."""

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redis_rehearsal.cache.client import info_lines
from redis_rehearsal.cache.commands import pack
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import ConfigurationError
from tests.simulation.network import Network
from tests.simulation.redis import SimulatedRedis
from tests.simulation.redis.connection import Connection

SLACK_MILLISECONDS = 3_000
RNG = random.Random(1)  # gives ids
KEYS = (b"a", b"b", b"c{x}", b"k:1", b"h")
FIELDS_IN_USE = {
    "server": ("redis_version", "redis_mode", "run_id", "tcp_port", "uptime_in_seconds"),
    "clients": ("connected_clients", "maxclients"),
    "memory": (
        *("used_memory", "used_memory_rss", "used_memory_startup", "maxmemory", "maxmemory_policy"),
        *("total_system_memory", "number_of_cached_scripts"),
    ),
    "persistence": ("loading", "rdb_last_bgsave_status", "aof_enabled"),
    "stats": (
        *("total_net_input_bytes", "evicted_keys", "expired_keys", "sync_full", "sync_partial_ok", "sync_partial_err"),
        *("client_output_buffer_limit_disconnections",),
    ),
    "replication": (
        *("role", "connected_slaves", "master_replid", "master_replid2", "master_repl_offset", "second_repl_offset"),
        *("repl_backlog_active", "repl_backlog_size"),
    ),
    "cpu": ("used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children"),
    "cluster": ("cluster_enabled",),
}


class Asked:
    """A real server, asked command by command."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._reader = hiredis.Reader()

    def ask(self, *words: bytes | str | int) -> Any:
        self._socket.sendall(pack(*words))
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(65_536))
        return reply

    def heard(self) -> list[Any]:
        """What came unasked, up to now."""
        found: list[Any] = []
        self._socket.sendall(pack("PING", "now"))
        while True:
            while (reply := self._reader.gets()) is False:
                self._reader.feed(self._socket.recv(65_536))
            if reply in (b"now", [b"pong", b"now"]):
                return found
            found.append(reply)

    def close(self) -> None:
        self._socket.close()


class Both:
    """A real server and a simulated one, over one connection each."""

    def __init__(self, port: int, version: str) -> None:
        self.real = Asked(port)
        self.simulated = SimulatedRedis(Network(), ("127.0.0.1", port), RNG, version=version)
        self._session = _Heard(self.simulated)
        self._port = port

    @contextlib.contextmanager
    def others(self) -> Iterator[tuple[Asked, "_Heard"]]:
        """One more connection to each."""
        real = Asked(self._port)
        try:
            yield real, _Heard(self.simulated)
        finally:
            real.close()

    def ask(self, *words: bytes) -> tuple[Any, Any]:
        return self.real.ask(*words), self._session.ask(*words)

    def begin(self) -> None:
        """Nothing is there, and all is as at first."""
        self.real.ask("RESET")
        self._session = _Heard(self.simulated)
        for words in (
            (b"CONFIG", b"SET", b"notify-keyspace-events", b"", b"min-replicas-to-write", b"0", b"maxmemory", b"0"),
            (b"FLUSHALL",),
            (b"CONFIG", b"RESETSTAT"),
        ):
            assert self.ask(*words) == (b"OK", b"OK")


class _Heard:
    """A connection to a simulated server, without a network."""

    sent_seconds = 0.0

    def __init__(self, server: SimulatedRedis) -> None:
        self._connection = Connection(server)
        self._reader = hiredis.Reader()
        self._connection.connection_made(self)  # type: ignore[arg-type]  # as much of a transport as it needs

    def write(self, data: bytes) -> None:
        self._reader.feed(data)

    def write_noted(self, data: bytes, delivered: Any) -> None:
        self._reader.feed(data)
        delivered()

    def close(self) -> None:
        """See asyncio."""

    def ask(self, *words: bytes) -> Any:
        self._connection.data_received(pack(*words))
        reply = self._reader.gets()
        assert reply is not False, f"{words!r} has no reply"
        return reply

    def heard(self) -> list[Any]:
        """What came unasked, up to now."""
        self._connection.flush()
        found: list[Any] = []
        while (reply := self._reader.gets()) is not False:
            found.append(reply)
        return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    place: Path = tmp_path_factory.mktemp("server")
    try:
        server = RedisServer("redis-8.2", place)
    except ConfigurationError as error:
        pytest.skip(str(error))
    server.start()
    try:
        found = Both(server.port, "8.2.0")
        yield found
        found.real.close()
    finally:
        server.kill()


def same(words: tuple[bytes, ...], real: Any, simulated: Any) -> bool:
    """Whether two answers are the same, as far as they can be."""
    if isinstance(real, hiredis.ReplyError):
        return isinstance(simulated, hiredis.ReplyError) and str(real).split()[0] == str(simulated).split()[0]
    if isinstance(real, int) and isinstance(simulated, int):
        name = words[0].upper()
        unit = 1 if name.startswith(b"P") else 1000
        near = abs(real - simulated) * unit <= SLACK_MILLISECONDS and min(real, simulated) >= 0
        return real == simulated or (name in (b"TTL", b"PTTL", b"PEXPIRETIME", b"EXPIRETIME") and near)
    if isinstance(real, list) and isinstance(simulated, list):
        if words[0].upper() in (b"KEYS", b"SCAN"):
            return sorted(map(repr, real)) == sorted(map(repr, simulated))
        return len(real) == len(simulated)
    return type(real) is type(simulated) and bool(real == simulated)


key = st.sampled_from(KEYS)
value = st.sampled_from((b"", b"1", b"-5", b"007", b"x", b"9223372036854775807", b"long" * 20))
number = st.sampled_from((b"0", b"1", b"-1", b"3", b"100000", b"x", b"9223372036854775807"))
seconds = st.sampled_from((b"100", b"5000", b"0", b"-1", b"x", b"4000000000", b"9223372036854775807"))
field = st.sampled_from((b"f", b"g"))
word = st.sampled_from((b"XX", b"NX", b"KEEPTTL", b"GET", b"xx", b"what"))


def told(name: bytes, *parts: Any) -> Any:
    return st.tuples(st.just(name), *parts)


COMMANDS = st.one_of(
    *(
        told(name, key)
        for name in (b"GET", b"STRLEN", b"INCR", b"DECR", b"TTL", b"PTTL", b"PEXPIRETIME", b"EXPIRETIME")
    ),
    *(told(name, key) for name in (b"TYPE", b"PERSIST", b"DEL", b"UNLINK", b"EXISTS", b"HGETALL", b"HLEN", b"MGET")),
    *(told(name, key) for name in (b"LLEN", b"SCARD", b"ZCARD", b"XLEN", b"SMEMBERS", b"TOUCH")),
    *(told(name, key, key) for name in (b"RENAME", b"RENAMENX", b"MGET", b"EXISTS", b"DEL")),
    *(told(name, key, seconds) for name in (b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT")),
    told(b"EXPIRE", key, seconds, st.sampled_from((b"NX", b"XX", b"GT", b"LT", b"what"))),
    told(b"SET", key, value),
    told(b"SET", key, value, word),
    told(b"SET", key, value, word, word),
    told(b"SET", key, value, st.sampled_from((b"EX", b"PX", b"px")), seconds),
    told(b"SET", key, value, st.sampled_from((b"EXAT", b"PXAT")), st.sampled_from((b"4000000000", b"4000000000000"))),
    told(b"SET", key, value, st.just(b"EX"), seconds, word),
    told(b"SETEX", key, seconds, value),
    told(b"SETNX", key, value),
    told(b"MSET", key, value, key, value),
    told(b"MSET", key, value, key),
    told(b"APPEND", key, value),
    told(b"INCRBY", key, number),
    told(b"DECRBY", key, number),
    told(b"GETRANGE", key, number, number),
    told(b"HSET", key, field, value),
    told(b"HSETNX", key, field, value),
    told(b"HDEL", key, field),
    told(b"HGET", key, field),
    told(b"HMGET", key, field, field),
    told(b"HEXISTS", key, field),
    told(b"HPEXPIRETIME", key, st.just(b"FIELDS"), st.just(b"1"), field),
    told(b"LRANGE", key, st.just(b"0"), st.just(b"-1")),
    told(b"ZRANGE", key, st.just(b"0"), st.just(b"-1")),
    told(b"XRANGE", key, st.just(b"-"), st.just(b"+")),
    told(b"OBJECT", st.sampled_from((b"ENCODING", b"FREQ", b"REFCOUNT", b"nothing")), key),
    told(b"RESTORE", key, number, st.just(b"nothing")),
    told(b"KEYS", st.sampled_from((b"*", b"k:*", b"[ab]", b"[^a]", b"?", b"c{x\\}", b"[a-c]*"))),
    *(st.just(words) for words in ((b"DBSIZE",), (b"MULTI",), (b"EXEC",), (b"DISCARD",), (b"UNWATCH",), (b"PING",))),
    told(b"WATCH", key),
    told(b"PING", value),
    told(b"SELECT", st.sampled_from((b"0", b"99", b"x"))),
    told(b"XINFO", st.just(b"STREAM"), key),
    *(st.just(words) for words in ((b"GET",), (b"SET", b"a"), (b"nothing", b"at", b"all"), (b"ACL", b"WHOAMI"))),
    *(st.just(words) for words in ((b"CLIENT", b"GETNAME"), (b"CLIENT", b"SETNAME", b"me"), (b"CLIENT", b"nothing"))),
    *(st.just((b"CONFIG", b"GET", name)) for name in (b"maxmemory", b"min-replicas-*", b"nothing", b"save-not")),
    st.just((b"CONFIG", b"SET", b"nothing", b"0")),
    told(b"CONFIG", st.just(b"SET"), st.just(b"min-replicas-to-write"), st.sampled_from((b"0", b"99", b"x"))),
    told(b"CONFIG", st.just(b"SET"), st.just(b"maxmemory"), st.sampled_from((b"0", b"1", b"1gb", b"x"))),
    told(b"CONFIG", st.just(b"SET"), st.just(b"notify-keyspace-events"), st.sampled_from((b"KA", b"Ex$g", b"?", b""))),
    st.just((b"CONFIG", b"GET", b"notify-keyspace-events")),
    st.just((b"REPLICAOF", b"NO", b"ONE")),
    st.just((b"ROLE",)),
)


@settings(max_examples=300)
@given(st.lists(COMMANDS, min_size=1, max_size=40))
def test_commands_are_answered_as_by_a_real_server(both: Both, commands: list[tuple[bytes, ...]]) -> None:
    both.begin()
    queued: list[tuple[bytes, ...]] = []
    for words in commands:
        real, simulated = both.ask(*words)
        assert same(words, real, simulated), (words, real, simulated)
        if real == b"QUEUED":
            queued.append(words)
        elif words == (b"EXEC",) and isinstance(real, list):
            for each, one, other in zip(queued, real, simulated, strict=True):
                assert same(each, one, other), (each, one, other)
        if real != b"QUEUED":
            queued = []


def test_info_has_the_fields_that_are_in_use_as_a_real_server_has_them(both: Both) -> None:
    both.begin()
    both.ask(b"SET", b"a", b"1")
    for section, names in FIELDS_IN_USE.items():
        real, simulated = map(info_lines, both.ask(b"INFO", section.encode()))
        for name in names:
            assert real[name].isdigit() == simulated[name].isdigit(), (name, real[name], simulated[name])
    for sections in ((), (b"all",), (b"everything",), (b"modules",), (b"commandstats",), (b"keyspace",)):
        titles = [
            [
                line
                for line in reply.decode().splitlines()
                if line.startswith(("# Modules", "# Comm", "# Keyspace", "db0:"))
            ]
            for reply in both.ask(b"INFO", *sections)
        ]
        assert titles[0] == titles[1], sections
    assert info_lines(both.ask(b"INFO", b"commandstats")[1])["cmdstat_set"].startswith("calls=1,usec=")


def test_a_payload_is_taken_that_was_given_and_no_other(both: Both) -> None:
    both.begin()
    both.ask(b"SET", b"a", b"1", b"PXAT", b"4000000000000")
    for ask in (both.real.ask, lambda *words: both.ask(*words)[1]):
        payload = ask(b"DUMP", b"a")
        assert str(ask(b"RESTORE", b"a", b"0", payload)).startswith("BUSYKEY")
        assert ask(b"RESTORE", b"b", b"4000000000000", payload, b"ABSTTL") == b"OK"
        assert ask(b"GET", b"b") == b"1"
        assert ask(b"PEXPIRETIME", b"b") == 4_000_000_000_000
        broken = payload[:-1] + bytes([payload[-1] ^ 1])
        assert str(ask(b"RESTORE", b"c", b"0", broken)).startswith("ERR DUMP payload")
        assert str(ask(b"RESTORE", b"c", b"-1", payload)).startswith("ERR Invalid TTL")
        assert ask(b"DUMP", b"nothing") is None
        ask(b"DEL", b"a", b"b")


@settings(max_examples=150)
@given(st.lists(COMMANDS, min_size=1, max_size=40))
def test_who_listens_and_who_watches_is_told_as_by_a_real_server(both: Both, commands: list[tuple[bytes, ...]]) -> None:
    both.begin()
    both.ask(b"CONFIG", b"SET", b"notify-keyspace-events", b"KEA")
    with both.others() as listening, both.others() as watching:
        for each in listening:
            each.ask(b"PSUBSCRIBE", b"__key*@0__:*")
        for each in watching:
            each.ask(b"SET", b"a", b"seen")
            assert [each.ask(b"WATCH", b"a", b"b"), each.ask(b"MULTI")] == [b"OK", b"OK"]
        for words in commands:
            if words[0] != b"CONFIG":
                both.ask(*words)
        both.ask(b"DISCARD")
        real, simulated = (each.heard() for each in listening)
        assert real == simulated
        assert watching[0].ask(b"EXEC") == watching[1].ask(b"EXEC")


def test_what_has_run_out_is_gone_and_told(both: Both) -> None:
    both.begin()
    both.ask(b"CONFIG", b"SET", b"notify-keyspace-events", b"Ex")
    with both.others() as listening:
        for each in listening:
            each.ask(b"PSUBSCRIBE", b"*")
        for name in KEYS:
            both.ask(b"SET", name, b"1", b"PX", b"20")
        time.sleep(0.05)
        for name in KEYS:
            assert both.ask(b"GET", name) == (None, None)
        heard = [sorted(each.heard()) for each in listening]
        assert heard[0] == heard[1] == [[b"pmessage", b"*", b"__keyevent@0__:expired", name] for name in sorted(KEYS)]


WORD_FOR_WORD = """
MULTI / INCR q / *CONFIG SET min-replicas-to-write 99 / EXEC / GET q / EXEC / MULTI / GET q / EXEC / INCR q
*CONFIG SET min-replicas-to-write 0 / MULTI / INCR q / *CONFIG SET maxmemory 1 / EXEC / INCR q / DEL q / EXPIRE q 1
HSET h a b / UNLINK q / PERSIST q / RENAME q r / RESTORE x 0 y / *CONFIG SET maxmemory 0
SET a 1 / WATCH a / *SET a 2 / MULTI / GET a / EXEC / MULTI / nothing / EXEC / MULTI / MULTI / WATCH a / DISCARD
CLIENT PAUSE x / CLIENT PAUSE -1 / CLIENT PAUSE 10 what / CLIENT UNPAUSE / CLIENT PAUSE / CLIENT SETNAME a\u00e9
CLIENT KILL ID 99999 / CLIENT NO-EVICT on / CLIENT SETINFO LIB-NAME x
AUTH x / AUTH default x / AUTH nobody x / HELLO 4
ACL DRYRUN default GET a / ACL DRYRUN default nothing / ACL DRYRUN default GET / ACL DRYRUN x GET a / ACL USERS
ACL LIST / ACL DRYRUN default PSYNC ? -1 / ACL DRYRUN default REPLCONF ack 0
CONFIG SET maxmemory x / CONFIG SET min-replicas-to-write x / CONFIG SET notify-keyspace-events ? / CONFIG SET a-b 1
CONFIG SET maxmemory-policy x / CONFIG SET port / CONFIG GET / CONFIG GET slave-read-only / CONFIG GET replica-read-only
CONFIG GET client-output-buffer-limit / CONFIG GET proto-max-bulk-len / CONFIG GET client-query-buffer-limit
CONFIG GET rdb-version-check / CONFIG GET masterauth / CONFIG GET tls-replication / CONFIG GET repl-backlog-size
CONFIG SET notify-keyspace-events AKE / CONFIG GET notify-keyspace-events / CONFIG SET notify-keyspace-events g$lshzxeKE
CONFIG GET notify-keyspace-events / CONFIG SET notify-keyspace-events mEKn / CONFIG GET notify-keyspace-events
FUNCTION LIST / CLUSTER INFO / SUBSCRIBE a / GET a / PING / PING x / UNSUBSCRIBE / GET a / PSUBSCRIBE a*
PUNSUBSCRIBE a* / UNSUBSCRIBE / RESET / WAIT 0 0 / JSON.GET a
HPEXPIREAT n 4000000000000 FIELDS 1 f / HPEXPIRETIME n FIELDS 1 f
HSCAN n 0 COUNT 10 NOVALUES / SCAN 0 MATCH zz* COUNT 10000 / MEMORY USAGE nothing / XINFO GROUPS nothing
ZRANGE n 0 -1 WITHSCORES / SSCAN n 0 / REPLICAOF x / REPLICAOF host x
"""
"""What others say meanwhile has a star."""


def test_refusals_are_worded_as_those_of_a_real_server(both: Both) -> None:
    both.begin()
    with both.others() as others:
        for line in WORD_FOR_WORD.replace("\n", " / ").strip(" /").split(" / "):
            words = [word.encode() for word in line.lstrip("*").split()]
            real, simulated = [each.ask(*words) for each in others] if line[0] == "*" else both.ask(*words)
            assert str(real) == str(simulated), line
