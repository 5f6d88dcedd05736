"""What the preflight says where something hinders it from looking."""

import asyncio
import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from redis_rehearsal.cache.client import identify
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.migration.preflight.look import STRATEGY_NAMES, remaining_strategies
from redis_rehearsal.migration.preflight.read import read_facts
from tests.conftest import MakeServer
from tests.integration.migration.looking import PLAN, facts_of, looked_at, looked_at_all, named, outside, url


@contextlib.contextmanager
def proxy(server: RedisServer, forbidden: bytes) -> Iterator[int]:
    """Passes all to a server, but closes a connection that asks for something."""

    class Passing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", server.port)) as there:
                while True:
                    ready, _, _ = select.select([self.request, there], [], [], 10)
                    for sender in ready:
                        data = sender.recv(65536)
                        if not data or (sender is self.request and forbidden in data):
                            return
                        (there if sender is self.request else self.request).sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Passing) as passing:
        thread = threading.Thread(target=passing.serve_forever)
        thread.start()
        try:
            yield passing.server_address[1]
        finally:
            passing.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ["redis-6.2", "valkey-9.1"])
@pytest.mark.parametrize("with_dry_run", [True, False])
def test_what_a_user_may_not_do_is_found(make_server: MakeServer, name: str, with_dry_run: bool) -> None:
    rights = ["~*", "+@all", "-replicaof", "-config", "-rename", "-restore", "-memory"]
    rights += [] if with_dry_run else ["-acl"]
    old, new = make_server(), make_server("--user", "some", "on", ">geheim", *rights, name=name)
    findings = looked_at(old.url, url(new, "some:geheim@"))
    (finding,) = named(findings, "permissions")
    assert finding.sentence == "The target denies RENAME, REPLICAOF."
    assert set(remaining_strategies(findings)) == {"cold", "external", "observe"}
    assert "geheim" not in repr(findings)
    unseen = [each.sentence for each in findings if "could not be seen" in each.sentence]
    assert any("CONFIG is not permitted" in sentence for sentence in unseen)
    with outside(new) as client:
        assert client.dbsize() == 0


def test_commands_that_a_service_has_taken_away_are_found(make_server: MakeServer) -> None:
    options = ("--rename-command", "CONFIG", "", "--rename-command", "REPLICAOF", "")
    for name in ("redis-6.2", "valkey-9.1"):
        facts = facts_of(make_server(*options, name=name).url)
        assert facts.denied == frozenset({"CONFIG GET", "CONFIG SET", "REPLICAOF"})
        assert facts.unseen["config"] == "the server does not know CONFIG"
        assert facts.number("maxmemory") == 0


def test_without_dump_or_restore_keys_go_type_by_type(make_server: MakeServer) -> None:
    no_dump = make_server("--rename-command", "DUMP", "")
    no_restore = make_server("--rename-command", "RESTORE", "", name="valkey-9.1")
    pairs = [(no_dump.url, make_server(name="valkey-9.1").url), (make_server().url, no_restore.url)]
    looks = looked_at_all(pairs)
    for findings, gone in zip(looks, ("The source denies DUMP", "The target denies RESTORE"), strict=True):
        (finding,) = named(findings, "copy format")
        assert (finding.level, finding.sentence.startswith(gone)) == ("warning", True)
        assert remaining_strategies(findings) == STRATEGY_NAMES
    for findings in looked_at_all(pairs, replace(PLAN, copy_method="dump")):
        assert set(STRATEGY_NAMES) - set(remaining_strategies(findings)) == {"copy", "dual-write", "fallback"}


def test_a_user_who_may_do_next_to_nothing_makes_no_exception(make_server: MakeServer) -> None:
    server = make_server("--user", "poor", "on", ">geheim", "~*", "-@all", "+info", "+auth", name="valkey-9.1")
    findings = looked_at(url(server, "poor:geheim@"), make_server().url)
    assert remaining_strategies(findings) == ()
    assert sum("could not be seen" in each.sentence for each in findings) > 5


def test_keys_that_a_user_may_not_look_at_are_left_out_of_the_sample(make_server: MakeServer) -> None:
    server = make_server("--user", "some", "on", ">geheim", "~rehearsal:*", "+@all")
    with outside(server) as client:
        client.mset({"rehearsal:a": 1, "theirs": 1, "theirs too": 1})
        client.expire("rehearsal:a", 100)
    sample = facts_of(url(server, "some:geheim@")).sample
    assert sample is not None
    assert (sample.keys, sample.without_ttl, sample.big) == (1, 0, ())


def test_a_proxy_that_hangs_up_hides_only_what_it_was_asked(make_server: MakeServer) -> None:
    with proxy(make_server(), b"CONFIG") as port:
        facts = facts_of(f"redis://127.0.0.1:{port}")
    assert "closed the connection" in facts.unseen["config"]
    assert facts.modules == frozenset()
    assert facts.sample is not None


def test_a_server_that_goes_away_is_named(make_server: MakeServer) -> None:
    server = make_server()

    async def work() -> None:
        endpoint = Endpoint.parse(server.url)
        identity = await identify("source", "REDIS_URL", endpoint, 5)
        server.kill()
        await read_facts("source", endpoint, identity, PLAN)

    with pytest.raises(ServerRefusedError, match="went away"):
        asyncio.run(work())
