"""What is read of live structures that somebody else has written to."""

import asyncio

import pytest
import redis.asyncio as redis
from redis.exceptions import ResponseError

from redis_rehearsal.verification.live_reading import read_structures
from redis_rehearsal.workload.events import PAGES
from redis_rehearsal.workload.live import LiveStructure, structures_of
from tests.conftest import MakeServer
from tests.integration.verification.conftest import outside

STRUCTURES = {each.name: each for kind in ("hash", "sorted-set", "set", "list") for each in structures_of((kind,))}
Found = tuple[list[int], int]


def read(url: str, structure: LiveStructure) -> Found:
    async def work() -> Found:
        client = redis.Redis.from_url(url, protocol=2)
        try:
            values, foreign = await read_structures(client, structure, ["live"], 5)
            return values[0, :5].tolist(), int(foreign[0])
        finally:
            await client.aclose()

    return asyncio.run(work())


def test_a_count_that_is_none_is_no_count(make_server: MakeServer) -> None:
    server = make_server(name="valkey-9.1")
    client, totals, pages = outside(server), STRUCTURES["totals"], STRUCTURES["pages"]
    client.hset("live", mapping={"page_view": 12})
    (count, *_), foreign = read(server.url, totals)
    assert (count, foreign) == (12, 0)
    for damaged in ("12.9", "abc", "", "1e3", "9" * 30, "nan"):
        client.hset("live", mapping={"page_view": damaged})
        assert read(server.url, totals) == ([0, 0, 0, 0, 0], 1), damaged
    client.delete("live")

    client.zadd("live", {PAGES[0]: 12})
    (count, *_), foreign = read(server.url, pages)
    assert (count, foreign) == (12, 0)
    for score in ("12.5", "inf", "-inf", "1e300"):
        client.execute_command("ZADD", "live", score, PAGES[0])
        assert read(server.url, pages) == ([0, 0, 0, 0, 0], 1), score


def test_another_type_in_its_place_is_something_else_and_a_refusal_is_not_known(make_server: MakeServer) -> None:
    server = make_server(name="valkey-9.1")
    client = outside(server)
    client.set("live", "x")
    for structure in STRUCTURES.values():
        assert read(server.url, structure)[1] == 1
    client.execute_command("ACL", "SETUSER", "half", "on", ">word", "~*", "+@all", "-hgetall")
    with pytest.raises(ResponseError, match="permission"):
        read(f"redis://half:word@127.0.0.1:{server.port}/0", STRUCTURES["totals"])
