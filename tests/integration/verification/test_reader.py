"""What is read of keys together is of one moment."""

import asyncio
import time

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.verification.compare.link import Link
from redis_rehearsal.verification.compare.reader import NONE, bulk, heads
from tests.integration.verification.conftest import ALL, GetServer, outside


@pytest.mark.parametrize("name", ALL)
def test_a_key_that_runs_out_while_it_is_read_does_not_seem_to_live_for_ever(get_server: GetServer, name: str) -> None:
    server = get_server(name)
    client = outside(server)
    client.flushall()
    keys = [f"key:{number}".encode() for number in range(5_000)]
    pipe = client.pipeline(transaction=False)
    until_ms = int(time.time() * 1000) + 500
    for number, key in enumerate(keys):
        pipe.set(key, "x", pxat=until_ms + number // 10)
    pipe.execute()

    async def read() -> tuple[int, list[bytes]]:
        link, times, wrong = Link("source", Endpoint.parse(server.url), 10.0), 0, []
        await link.open()
        try:
            while True:
                types, ttls = await heads(link, bulk(keys))
                times += 1
                # All have a time to live.
                wrong += [key for key, kind, ttl in zip(keys, types, ttls, strict=True) if (kind == NONE) != (ttl < 0)]
                if set(types) == {NONE}:
                    return times, wrong
        finally:
            await link.close()

    times, wrong = asyncio.run(read())
    assert times > 3
    assert wrong == []
