"""What servers say to who asks them, in one set of sentences."""

import asyncio
from typing import Any

import hiredis
import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.errors import AwayError, LostError, RefusedError, RefusingError, UnreachedError
from redis_rehearsal.keyspace.scanning import literally, scan
from tests.support import wait_for


def asker(url: str, **options: Any) -> Asker:
    return Asker("source", Endpoint.parse(url), "test", 5.0, **options)


def names(client: Any) -> list[str]:
    return [each["name"] for each in client.client_list() if each["name"]]


def test_an_answer_of_each_kind(source: RedisServer, client: Any) -> None:
    client.rpush("list", "element")

    async def work() -> None:
        async with asker(source.url) as server:
            assert await server.ask("SET", b"key", 1) == b"OK"
            assert await server.reply("GET", "key") == b"1"
            assert await server.all([]) == []
            refused = await server.reply("GET", "list")
            assert isinstance(refused, hiredis.ReplyError)
            where = rf"the source redis://127\.0\.0\.1:{source.port}/0"
            with pytest.raises(RefusedError, match=f"^{where} refused GET: WRONGTYPE") as caught:
                await server.ask(b"GET", "list")
            assert not isinstance(caught.value, OSError)
            # That it is of another type by now is no refusal to be read.
            server.see_no_refusal("GET", [b"1", refused])
            with pytest.raises(RefusedError, match=f"^{where} refused NONE: ERR unknown command"):
                server.see_no_refusal("NONE", [b"1", await server.reply("NONE")])
            assert names(client) == ["redis-rehearsal:test"]

    asyncio.run(work())
    wait_for(lambda: not names(client), "the end of the connection")


def test_a_refusal_that_concerns_the_server_ends_whatever_it_was_asked(source: RedisServer, client: Any) -> None:
    client.replicaof("127.0.0.1", "1")

    async def work() -> None:
        async with asker(source.url, refusals=("READONLY",)) as server:
            with pytest.raises(RefusingError, match=r"^the source .* refuses all work: READONLY") as caught:
                await server.reply("SET", "key", "value")
            assert isinstance(caught.value, OSError)
            assert await server.ask("PING") == b"PONG"

    asyncio.run(work())


def test_a_server_that_goes_away_while_it_is_asked_is_named(source: RedisServer) -> None:
    async def work() -> None:
        async with asker(source.url, reopens=True) as server:
            waiting = asyncio.create_task(server.reply("BLPOP", "list", 0))
            await asyncio.sleep(0)
            source.kill()
            with pytest.raises(LostError, match=r"^the source redis://127\.0\.0\.1:\d+/0 went away: "):
                await waiting
            with pytest.raises(UnreachedError, match=r"^the source redis://127\.0\.0\.1:\d+/0 cannot be reached: "):
                await server.reply("PING")

    asyncio.run(work())


def test_who_may_not_log_in_is_told_so_without_the_password(source: RedisServer, client: Any) -> None:
    client.config_set("requirepass", "geheim")

    async def work() -> None:
        async with asker(source.url.replace("redis://", "redis://:falsch@")):
            pass

    with pytest.raises(AwayError, match="cannot be reached: WRONGPASS") as caught:
        asyncio.run(work())
    assert "falsch" not in str(caught.value)


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_every_name_is_found_and_those_that_match_alone(source: RedisServer, client: Any, count: int) -> None:
    client.mset({f"a*b:{number}": number for number in range(150)} | {f"axb:{number}": 1 for number in range(150)})
    client.rpush("a*b:list", 1)

    async def found(**chosen: Any) -> set[bytes]:
        async with asker(source.url) as server:
            return {key async for keys in scan(server, count, **chosen) for key in keys}

    assert asyncio.run(found()) == set(client.keys("*"))
    ours = literally(b"a*b:") + b"*"
    assert asyncio.run(found(pattern=ours)) == {b"a*b:%d" % number for number in range(150)} | {b"a*b:list"}
    assert asyncio.run(found(pattern=ours, kind="list")) == {b"a*b:list"}


def test_names_that_may_not_be_asked_for_are_a_refusal(source: RedisServer, client: Any) -> None:
    client.execute_command("ACL", "SETUSER", "default", "-scan")

    async def work() -> None:
        async with asker(source.url) as server:
            async for _ in scan(server, 100):
                pass

    with pytest.raises(RefusedError, match=r"refused SCAN: NOPERM"):
        asyncio.run(work())
