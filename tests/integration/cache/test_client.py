import asyncio
import contextlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_rehearsal.cache.client import client_of, first_contact
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.lock import RunLock
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.cache.prefix import add_dead_weight, remove_all
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import LockedError, ServerRefusedError
from redis_rehearsal.workload.keys import Keys
from tests.conftest import MakeServer

KEYS = Keys("rehearsal:")


def refusal(work: Awaitable[object]) -> str:
    async def run() -> None:
        await work

    with pytest.raises(ServerRefusedError) as error:
        asyncio.run(run())
    return str(error.value)


def contact(url: str) -> str:
    return refusal(first_contact("source", "REDIS_URL", Endpoint.parse(url), 0.5))


def test_each_product_is_known_with_its_own_version(make_server: MakeServer) -> None:
    valkey = make_server(name="valkey-9.1")
    identity = asyncio.run(first_contact("source", "REDIS_URL", Endpoint.parse(valkey.url), 5))
    assert (identity.product, identity.version[:4], identity.mode) == ("valkey", "9.1.", "standalone")


def test_a_server_that_is_not_there_is_named() -> None:
    sentence = contact("redis://127.0.0.1:1")
    assert "redis://127.0.0.1:1/0" in sentence
    assert "REDIS_URL" in sentence


def test_a_wrong_password_is_named_and_not_shown(make_server: MakeServer) -> None:
    server = make_server("--requirepass", "right")
    sentence = contact(f"redis://:geheim@127.0.0.1:{server.port}")
    assert "refused the login" in sentence
    assert "geheim" not in sentence


@contextlib.contextmanager
def speaking_tls(directory: Path, *, wants_ours: bool) -> Iterator[tuple[int, Path]]:
    """A port whose server shows a certificate for localhost that it made itself, and says nothing else."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    how = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run((*how, "-keyout", key, "-out", certificate), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if wants_ours:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate)

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            kept = self.request.dup()
            with contextlib.suppress(OSError), context.wrap_socket(self.request, server_side=True) as encrypted:
                encrypted.recv(1000)
            # What is closed with something unread in it is reset, and a reset may overtake what was said before.
            kept.settimeout(5)
            with contextlib.suppress(OSError), kept:
                kept.shutdown(socket.SHUT_WR)
                while kept.recv(1000):
                    pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], certificate
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_a_certificate_that_is_not_trusted_is_no_server_that_is_away(tmp_path: Path) -> None:
    with speaking_tls(tmp_path, wants_ours=False) as (port, certificate):
        sentence = contact(f"rediss://localhost:{port}")
        assert "its certificate is not trusted: name its authority in REDIS_URL (?ssl_ca_certs=FILE)" in sentence
        assert "Is it running" not in sentence
        other = contact(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}")
        assert "Give REDIS_URL the name that the server's certificate is for" in other
    with speaking_tls(tmp_path, wants_ours=True) as (port, certificate):
        assert "ssl_certfile=FILE" in contact(f"rediss://localhost:{port}?ssl_ca_certs={certificate}")


def test_a_server_that_speaks_no_tls_is_told_of(source: RedisServer) -> None:
    assert "speak no TLS" in contact(source.url.replace("redis://", "rediss://"))


def test_a_cluster_endpoint_is_refused(make_server: MakeServer) -> None:
    server = make_server("--cluster-enabled", "yes")
    assert "cluster endpoint" in contact(server.url)


def test_a_second_run_is_kept_away_until_the_first_gives_up(source: RedisServer, client: Any) -> None:
    async def work() -> None:
        one, two = (client_of(Endpoint.parse(source.url), 5) for _ in range(2))
        first, second = RunLock(one, KEYS.lock, "here"), RunLock(two, KEYS.lock, "here")
        await first.take()
        with pytest.raises(LockedError, match="KEY_PREFIX"):
            await second.take()
        assert not await second.refresh()
        await second.release()
        assert await first.refresh()
        assert 0 < client.ttl(KEYS.lock) <= 30
        await first.release()
        await second.take()
        await second.release()
        assert client.exists(KEYS.lock) == 0
        await one.aclose()
        await two.aclose()

    asyncio.run(work())


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_over(source: RedisServer, client: Any) -> None:
    import platform

    client.set(KEYS.lock, f"{platform.node()}:{2**22 + 1}:abc", ex=30)

    async def work() -> None:
        ours = client_of(Endpoint.parse(source.url), 5)
        await RunLock(ours, KEYS.lock, "here").take()
        await ours.aclose()

    asyncio.run(work())


def test_a_user_without_permission_is_told_what_is_missing(make_server: MakeServer) -> None:
    server = make_server("--user", "reader", "on", ">x", "~*", "+@read", "+info", "+ping", "+client", "+auth")

    async def work() -> None:
        ours = client_of(Endpoint.parse(f"redis://reader:x@127.0.0.1:{server.port}"), 5)
        try:
            await RunLock(ours, KEYS.lock, "here").take()
        finally:
            await ours.aclose()

    assert "does not permit" in refusal(work())


def test_commands_that_are_not_permitted_are_found_before_the_run(make_server: MakeServer) -> None:
    rights = ("on", ">x", "~rehearsal:*", "+@all", "-incr", "-expireat", "-mget", "-sadd")
    server = make_server("--user", "some", *rights)

    async def work(login: str, types: tuple[str, ...] = ("string",)) -> None:
        endpoint = Endpoint.parse(f"redis://{login}127.0.0.1:{server.port}")
        await check_permissions("source", endpoint, KEYS, types, 5)

    sentence = refusal(work("some:x@"))
    assert "does not permit MGET, INCR, EXPIREAT under rehearsal:" in sentence
    sentence = refusal(work("some:x@", ("string", "set", "json")))
    assert "does not permit MGET, INCR, EXPIREAT, SADD under rehearsal:" in sentence
    asyncio.run(work(""))
    with redis.Redis(port=server.port, protocol=2) as outside:
        assert outside.keys() == []
        assert outside.info("commandstats")["cmdstat_incr"]["calls"] == 0


def test_nothing_is_removed_under_a_live_run_of_a_longer_prefix(source: RedisServer, client: Any) -> None:
    client.mset({"rehearsal:a": 1, "rehearsal:inner:lock": 2, "rehearsal:inner:b": 3})

    async def work() -> None:
        ours = client_of(Endpoint.parse(source.url), 5)
        try:
            await remove_all(ours, KEYS, keep_lock=True)
        finally:
            await ours.aclose()

    with pytest.raises(LockedError, match="rehearsal:inner:lock"):
        asyncio.run(work())
    assert client.dbsize() == 3


@pytest.mark.parametrize("stream", [b"*1000000000\r\n" + b":1\r\n" * 100_000, b"$1000000000\r\n" + b"x" * 100_000])
def test_an_endless_reply_ends_the_first_contact(stream: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(stream)
                await writer.drain()

    async def work() -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerRefusedError) as error:
            await first_contact("source", "REDIS_URL", Endpoint.parse(f"redis://127.0.0.1:{port}"), 20)
        server.close()
        return str(error.value)

    assert "did not end within" in asyncio.run(work())


def test_only_what_is_under_the_prefix_is_removed(source: RedisServer, client: Any) -> None:
    client.mset({"rehearsal:a": 1, "rehearsal:lock": 2, "rehearsa": 3, "other:rehearsal:b": 4})

    async def work() -> int:
        ours = client_of(Endpoint.parse(source.url), 5)
        removed = await remove_all(ours, KEYS, keep_lock=True)
        await ours.aclose()
        return removed

    assert asyncio.run(work()) == 1
    assert sorted(client.keys()) == [b"other:rehearsal:b", b"rehearsa", b"rehearsal:lock"]


def test_dead_weight_has_the_size_that_was_asked_for(source: RedisServer, client: Any) -> None:
    async def work() -> None:
        ours = client_of(Endpoint.parse(source.url), 5)
        await add_dead_weight(ours, KEYS, 10_000, 1, lambda *_: None)
        await ours.aclose()

    asyncio.run(work())
    sizes = [client.strlen(key) for key in client.scan_iter("rehearsal:ballast:*")]
    assert sum(sizes) == 10_000
    assert client.hlen(KEYS.big(0)) == 10_240
    assert len(client.hget(KEYS.big(0), "field:0")) == 1024
