"""What a comparison is told by an address at which something takes connections and does not answer."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.rounds import compare
from tests.integration.verification.conftest import GetServer

QUICK = CompareOptions(timeout=0.25)


@pytest.fixture
def silent() -> Iterator[str]:
    """Where the system takes connections, and nobody reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


def refusal(source: str, target: str, options: CompareOptions) -> str:
    with pytest.raises(ServerRefusedError) as error:
        asyncio.run(compare(Endpoint.parse(source), Endpoint.parse(target), options))
    return str(error.value)


# The sentence has the seconds that were waited for: a clock would tell of the machine.
@pytest.mark.parametrize(("options", "seconds"), [(CompareOptions(), "5 s"), (QUICK, "0.25 s")])
@pytest.mark.parametrize("role", ["source", "target"])
def test_who_is_silent_is_given_up_soon(
    get_server: GetServer, silent: str, role: str, options: CompareOptions, seconds: str
) -> None:
    answering = get_server("valkey-9.1").url
    sentence = refusal(*((silent, answering) if role == "source" else (answering, silent)), options)
    assert sentence == f"The {role} {silent}/0 did not answer within {seconds}."


@pytest.mark.parametrize(("options", "seconds"), [(CompareOptions(), "5 s"), (QUICK, "0.25 s")])
def test_so_is_who_speaks_no_tls(get_server: GetServer, options: CompareOptions, seconds: str) -> None:
    server = get_server("redis-6.2")
    sentence = refusal(server.url.replace("redis://", "rediss://"), server.url, options)
    assert f"did not answer within {seconds}. It may speak no TLS (rediss://)." in sentence


def test_who_greets_late_and_then_says_nothing_has_no_more_time_for_both() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError):
            await reader.readuntil(b"PING\r\n")
            # How late it greets is what is made to happen.
            await asyncio.sleep(1.2)
            writer.write(b"+OK\r\n$9\r\nrun_id:ab\r\n*1\r\n$6\r\nmaster\r\n+PONG\r\n")
            # Who waited for as long again would be told something else.
            async with asyncio.timeout(1.6):
                await reader.readuntil(b"for ever")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async def work() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        endpoint = Endpoint.parse(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        # Both wait in one loop, however late that is: what is due first comes first.
        with pytest.raises(ServerRefusedError, match=r"did not answer within 2 s\."):
            await compare(endpoint, endpoint, CompareOptions(timeout=2.0))
        await ended.wait()
        server.close()

    asyncio.run(work())
