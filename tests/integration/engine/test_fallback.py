"""What a real-time read gets where the server that would have the rest does not answer."""

import asyncio
from typing import Any

import pytest
import redis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.server import Server
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.engine.fallback import Fallback


@pytest.mark.parametrize("wrong", ["", "refused", "lost"])
def test_what_the_source_did_not_answer_is_no_answer(source: RedisServer, client: Any, wrong: str) -> None:
    client.set("a", 7)
    user = "some:word@" if wrong == "refused" else ""
    client.execute_command("ACL", "SETUSER", "some", "on", ">word", "~*", "&*", "+@all", "-mget")

    async def asked() -> Reply:
        server = Server("source", Endpoint.parse(f"redis://{user}127.0.0.1:{source.port}/0"), 2, "test", 5.0)
        await server.open()
        unused: Any = None
        fallback = Fallback(server, unused, unused, unused)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if wrong == "lost":
            with redis.Redis(port=source.port, protocol=2) as other:
                # It answers nobody, until the connection is gone.
                other.execute_command("CLIENT", "PAUSE", "60000")
        assert fallback.ask_counters(pack("MGET", "a", "b"), [None, b"3"], lambda value, _: answer.set_result(value))
        if wrong == "lost":
            await asyncio.sleep(0)
            source.kill()
        value = await answer
        await server.close()
        return value

    value = asyncio.run(asked())
    if wrong == "refused":
        assert str(value).startswith("NOPERM")
    else:
        assert value == (None if wrong == "lost" else [b"7", b"3"])
