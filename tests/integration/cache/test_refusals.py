"""Each refusal of the table is provoked on a real server, which then has not applied what it refused."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.refusals import SURELY_NOT_APPLIED
from tests.conftest import MakeServer
from tests.support import wait_for

SERVERS = ("redis-6.2", pytest.param("redis-8.2", marks=pytest.mark.matrix), "valkey-9.1")
KEY = "rehearsal:counter"


class Asking:
    """Another client, which shows replies as they are."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self._socket.makefile("rb")

    def __call__(self, *words: str) -> str:
        self._socket.sendall(pack(*words))
        return self._reply()

    def _reply(self) -> str:
        line = self._file.readline().decode().strip()
        if line.startswith("$") and line != "$-1":
            return self._file.read(int(line[1:]) + 2).decode().strip()
        if line.startswith("*"):
            return " ".join(self._reply() for _ in range(max(0, int(line[1:]))))
        return line

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def client(server: Any) -> Any:
    return redis.Redis(port=server.port, protocol=2)


def oom(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    server = make(name=name)
    with client(server) as outside:
        outside.config_set("maxmemory", 1)

    def undo() -> None:
        with client(server) as outside:
            outside.config_set("maxmemory", 0)

    return server, undo


def misconf(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    server = make(name=name)
    with client(server) as outside:
        directory, file = (outside.config_get(name)[name] for name in ("dir", "dbfilename"))
        # A directory in the place of the file makes saving fail, for root too.
        (Path(directory) / file / "full").mkdir(parents=True)
        outside.config_set("save", "3600 1000000")
        outside.config_set("stop-writes-on-bgsave-error", "yes")
        outside.bgsave()
        wait_for(lambda: outside.info("persistence")["rdb_last_bgsave_status"] == "err", "a save that fails")

    def undo() -> None:
        with client(server) as outside:
            outside.config_set("save", "")

    return server, undo


def readonly(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    server = make(name=name)
    with client(server) as outside:
        outside.replicaof("127.0.0.1", 1)

    def undo() -> None:
        with client(server) as outside:
            outside.replicaof("NO", "ONE")

    return server, undo


def masterdown(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    server, undo = readonly(make, name)
    with client(server) as outside:
        outside.config_set("replica-serve-stale-data", "no")
        outside.config_set("replica-read-only", "no")
    return server, undo


def noreplicas(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    server = make(name=name)
    with client(server) as outside:
        outside.config_set("min-replicas-to-write", 1)

    def undo() -> None:
        with client(server) as outside:
            outside.config_set("min-replicas-to-write", 0)

    return server, undo


def noperm(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    server = make(name=name)
    with client(server) as outside:
        outside.execute_command("ACL", "SETUSER", "default", "-incr")

    def undo() -> None:
        with client(server) as outside:
            outside.execute_command("ACL", "SETUSER", "default", "+incr")

    return server, undo


def clusterdown(make: MakeServer, name: str) -> tuple[Any, Callable[[], None]]:
    return make("--cluster-enabled", "yes", name=name), lambda: None


PROVOKED = {
    "OOM": oom,
    "MISCONF": misconf,
    "READONLY": readonly,
    "MASTERDOWN": masterdown,
    "NOREPLICAS": noreplicas,
    "NOPERM": noperm,
    "CLUSTERDOWN": clusterdown,
}


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("code", PROVOKED)
def test_a_server_that_refuses_has_not_applied_it(make_server: MakeServer, code: str, name: str) -> None:
    server, undo = PROVOKED[code](make_server, name)
    ask = Asking(server.port)
    assert ask("INCR", KEY).startswith(f"-{code} ")
    undo()
    if code != "CLUSTERDOWN":
        assert ask("GET", KEY) == "$-1"
    ask.close()


@pytest.mark.parametrize("name", SERVERS)
def test_what_depends_on_key_connection_or_transaction(make_server: MakeServer, name: str) -> None:
    server = make_server(name=name)
    ask = Asking(server.port)
    ask("SET", KEY, "7")
    ask("RPUSH", "rehearsal:list", "one")
    assert ask("INCR", "rehearsal:list").startswith("-WRONGTYPE ")
    ask("MULTI")
    ask("INCR", KEY)
    ask("INCR")
    assert ask("EXEC").startswith("-EXECABORT ")
    # Of a transaction that is carried out each element has its own outcome.
    ask("MULTI")
    ask("INCR", "rehearsal:list")
    ask("INCR", KEY)
    assert "-WRONGTYPE" in ask("EXEC")
    assert ask("GET", KEY) == "8"
    # An ERR may come from a command that was carried out in part: it is not in the table.
    failing = "redis.call('INCR', KEYS[1]); return redis.call('INCR')"
    assert ask("EVAL", failing, "1", KEY).partition(" ")[0][1:] not in SURELY_NOT_APPLIED
    assert ask("GET", KEY) == "9"
    ask("CONFIG", "SET", "requirepass", "secret")
    stranger = Asking(server.port)
    assert stranger("INCR", KEY).startswith("-NOAUTH ")
    assert ask("GET", KEY) == "9"
    stranger.close()
    ask.close()


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_is_busy_or_loading(make_server: MakeServer, name: str) -> None:
    server = make_server(*(() if name == "redis-6.2" else ("--enable-debug-command", "yes")), name=name)
    limit = "busy-reply-threshold" if name != "redis-6.2" else "lua-time-limit"
    with client(server) as outside:
        outside.config_set(limit, 1)
        busy, ask = Asking(server.port), Asking(server.port)
        busy._socket.sendall(pack("EVAL", "while true do end", "0"))
        assert wait_for(lambda: (said := ask("INCR", KEY)).startswith("-") and said, "a busy server").startswith(
            "-BUSY "
        )
        assert ask("SCRIPT", "KILL") == "+OK"
        wait_for(lambda: not ask("GET", KEY).startswith("-BUSY"), "the script to end")
        # At most what came before the script was over its time.
        assert ask("GET", KEY) in ("$-1", "1")
        busy.close()
        # While it loads it looks at what clients say once in some megabytes.
        outside.config_set("rdbcompression", "no")
        outside.execute_command("DEBUG", "POPULATE", 10_000, "key", 1_000)
        outside.config_set("key-load-delay", 100)
        loading = Asking(server.port)
        loading._socket.sendall(pack("DEBUG", "RELOAD"))
        refused = wait_for(lambda: (said := ask("INCR", KEY)).startswith("-LOADING") and said, "a loading server")
        assert refused.startswith("-LOADING ")
        loading.close()
        ask.close()


@pytest.mark.parametrize("name", SERVERS)
def test_a_slot_that_is_elsewhere_or_moves(make_server: MakeServer, name: str) -> None:
    server = make_server("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", name=name)
    other = make_server("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", name=name)
    ask, there = Asking(server.port), Asking(other.port)
    ask("CLUSTER", "MEET", "127.0.0.1", str(other.port))
    wait_for(lambda: "cluster_known_nodes:2" in ask("CLUSTER", "INFO"), "two nodes that know each other")
    slot = ask("CLUSTER", "KEYSLOT", KEY)[1:]
    ask("CLUSTER", "ADDSLOTS", slot)
    wait_for(lambda: there("INCR", KEY).startswith("-MOVED "), "the other node to know who has the slot")
    wait_for(lambda: ask("INCR", KEY) == ":1", "the slot to be served")
    ids = [each("CLUSTER", "MYID") for each in (ask, there)]
    ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    assert ask("INCR", f"{{{KEY}}}").startswith("-ASK ")
    there("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    assert there("ASKING") == "+OK"
    assert there("MSET", KEY, "1", f"{{{KEY}}}", "2").startswith("-TRYAGAIN ")
    assert ask("GET", KEY) == "1"
    for each in (ask, there):
        each.close()


def test_the_page_lists_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("Surely not applied: "))
    listed = {word.strip("`") for word in line.partition(": ")[2].rstrip(".").split(", ")}
    assert listed == SURELY_NOT_APPLIED
