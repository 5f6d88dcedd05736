"""What is read of keys together is of one moment."""

import asyncio
import time

import pytest
import redis

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import server_binary
from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.batches import bulk, heads
from redis_rehearsal.keyspace.types import NONE
from tests.conftest import MakeServer


@pytest.mark.parametrize("name", ["redis-6.2", "redis-8.2", "valkey-9.1"])
def test_a_key_that_runs_out_while_it_is_read_does_not_seem_to_live_for_ever(
    make_server: MakeServer, name: str
) -> None:
    try:
        server_binary(name)
    except ConfigurationError as error:
        pytest.skip(str(error))
    server = make_server(name=name)
    keys = [f"key:{number}".encode() for number in range(5_000)]

    def write(head_start_ms: int) -> None:
        until_ms = int(time.time() * 1000) + head_start_ms
        with redis.Redis(port=server.port, protocol=2) as client:
            pipe = client.pipeline(transaction=False)
            for number, key in enumerate(keys):
                pipe.set(key, "x", pxat=until_ms + number // 10)
            pipe.execute()

    async def read() -> tuple[int, list[bytes]]:
        times, wrong = 0, []
        async with Asker("source", Endpoint.parse(server.url), "test", 10.0) as asker:
            while True:
                types, ttls = await heads(asker, bulk(keys))
                times += 1
                # All have a time to live.
                wrong += [key for key, kind, ttl in zip(keys, types, ttls, strict=True) if (kind == NONE) != (ttl < 0)]
                if set(types) == {NONE}:
                    return times, wrong

    # A machine that is busy may take longer to write them than they live.
    for head_start_ms in (500, 4_000, 16_000):
        write(head_start_ms)
        times, wrong = asyncio.run(read())
        assert wrong == []
        if times > 3:
            return
    pytest.fail("none was read while it ran out")
