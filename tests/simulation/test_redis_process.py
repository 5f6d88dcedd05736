"""Simulated servers as processes: stopped, ended, full, and of another version."""

import asyncio
from functools import partial
from typing import Any

import hiredis
import pytest

from tests.simulation.redis import SimulatedRedis
from tests.simulation.servers import SOURCE, Servers, about, lived, until


def test_a_stopped_process_answers_once_it_goes_on_and_an_ended_one_is_another() -> None:
    async def work(servers: Servers) -> None:
        source = servers.source
        async with servers.asking(SOURCE) as (asker,):
            source.freeze()
            waiting = asyncio.create_task(asker.ask("INCR", "n"))
            await asyncio.sleep(5.0)
            assert not waiting.done()
            assert source.value_of(b"n") is None
            source.thaw()
            assert await waiting == 1
            (increment,) = source.accounts.increments
            assert increment.client == "redis-rehearsal:test"
            assert increment.acknowledged_seconds is not None
            before = source.run_id
            servers.source.do("CONFIG", "SET", "maxmemory", "100mb")
            lost = asyncio.create_task(asker.ask("INCR", "n"))
            await asyncio.sleep(0.0007)
            source.kill()
            with pytest.raises(OSError, match="reset"):
                await lost
        assert [each.acknowledged_seconds is not None for each in source.accounts.increments] == [True, False]
        source.restart(keeps_data=False)
        assert source.run_id != before
        assert (source.keys(), source.config["maxmemory"]) == ([], "0")

    lived(work)


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "volatile-lru"])
def test_memory_that_is_used_up_is_refused_or_made_room_in(policy: str) -> None:
    async def work(servers: Servers) -> None:
        source = servers.source
        await servers.follow()
        source.do("CONFIG", "SET", "maxmemory", 1_100_000, "maxmemory-policy", policy)
        refused = 0
        for number in range(200):
            try:
                source.do("SET", f"key{number}", bytes(1000))
            except hiredis.ReplyError as error:
                refused += str(error) == "OOM command not allowed when used memory > 'maxmemory'."
        await asyncio.sleep(0.1)
        evicted = int(about(source, "stats")["evicted_keys"])
        assert (refused > 50, evicted > 50) == ((False, True) if policy == "allkeys-lru" else (True, False))
        assert set(servers.target.keys()) == set(source.keys())

    lived(work)


def test_a_replica_that_has_no_data_yet_or_not_any_more_says_so() -> None:
    async def work(servers: Servers) -> None:
        source, target = servers.source, servers.target
        source.config["requirepass"] = "secret"
        source.full_sync_seconds, target.load_seconds = 1.0, 2.0
        target.config["replica-serve-stale-data"] = "no"
        target.do("REPLICAOF", *SOURCE)
        with pytest.raises(hiredis.ReplyError, match=r"^MASTERDOWN"):
            target.do("GET", "a")
        await asyncio.sleep(5.0)
        assert about(target)["master_link_status"] == "down"  # it has not logged in
        target.do("CONFIG", "SET", "masterauth", "secret", "replica-serve-stale-data", "yes")
        await until(lambda: about(target)["master_sync_in_progress"] == "1")
        assert target.do("GET", "a") is None
        await asyncio.sleep(2.5)
        with pytest.raises(hiredis.ReplyError, match=r"^LOADING"):
            target.do("GET", "a")
        await until(lambda: about(target)["master_link_status"] == "up")
        link = target.link_to_primary
        assert link is not None
        target.cannot_reach = (SOURCE,)
        link.cut()
        await asyncio.sleep(10.0)
        assert about(target)["master_link_down_since_seconds"] in ("9", "10")
        assert target.link_to_primary is None
        target.cannot_reach = ()
        await until(lambda: about(target)["master_link_status"] == "up")

    lived(work)


def test_what_an_older_version_does_not_have_it_does_not_know() -> None:
    async def work(servers: Servers) -> None:
        old = SimulatedRedis(servers.network, ("old", 4), servers.source.rng, version="6.2.9")
        old.listen()
        servers.source.do("SET", "a", "1")
        assert isinstance(servers.source.do("PEXPIRETIME", "a"), int)
        with pytest.raises(hiredis.ReplyError, match=r"^ERR unknown command 'PEXPIRETIME'"):
            old.do("PEXPIRETIME", "a")
        with pytest.raises(hiredis.ReplyError, match=r"^ERR DUMP payload"):
            old.do("RESTORE", "a", 0, servers.source.do("DUMP", "a"))
        old.do("SET", "own", "1")
        assert servers.source.do("RESTORE", "b", 0, old.do("DUMP", "own")) == b"OK"
        # It cannot read what it is sent, and loses what it had.
        old.do("REPLICAOF", *SOURCE)
        await asyncio.sleep(3.0)
        assert (about(old)["master_link_status"], old.keys()) == ("down", [])
        assert int(about(servers.source, "stats")["sync_full"]) > 1

    lived(work)


def test_one_seed_is_one_history() -> None:
    async def history(servers: Servers, told: list[Any]) -> None:
        await servers.follow()
        async with servers.asking(SOURCE) as (source,):
            for number in range(200):
                await source.ask("INCR", f"n{number % 7}")
                await source.ask("SET", f"k{number}", number, "PX", 1000 + number)
            told += [await source.ask("SCAN", 0), await source.ask("RANDOMKEY"), await source.ask("INFO", "all")]
        told += [servers.source.accounts.increments, servers.target.keys(), about(servers.target)]

    histories: list[list[Any]] = [[], []]
    for told in histories:
        lived(partial(history, told=told))
    assert histories[0] == histories[1]
