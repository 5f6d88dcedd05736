"""Simulated servers that follow each other, as servers do, over a network that fails."""

import asyncio

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redis_rehearsal.cache.client import client_of
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.clock import monotonic
from tests.simulation.servers import SOURCE, TARGET, Servers, about, lived, until


def test_what_is_written_reaches_who_follows_and_offsets_agree() -> None:
    async def work(servers: Servers) -> None:
        servers.source.do("SET", "before", "1", "EX", 100)
        await servers.follow()
        async with servers.asking(SOURCE) as (source,):
            await asyncio.gather(*(source.ask("INCR", "counter") for _ in range(100)))
            await source.ask("SET", "gone", "1", "PX", 50)
            await source.ask("HSET", "hash", "f", "1")
            await source.ask("RENAME", "hash", "other")
            assert await source.ask("WAIT", 1, 1000) == 1
        assert servers.target.value_of(b"counter") == b"100"
        assert servers.target.value_of(b"before") == b"1"
        assert servers.target.do("HGETALL", "other") == [b"f", b"1"]
        assert servers.target.do("PEXPIRETIME", "before") == servers.source.do("PEXPIRETIME", "before")
        await asyncio.sleep(0.2)
        assert servers.target.value_of(b"gone") is None
        assert not servers.target.accounts.increments
        assert len(servers.source.accounts.increments) == 100
        source_says, target_says = about(servers.source), about(servers.target)
        assert source_says["master_repl_offset"] == target_says["slave_repl_offset"] != "0"
        assert source_says["master_replid"] == target_says["master_replid"]
        await asyncio.sleep(2.0)
        line = about(servers.source)["slave0"]
        assert line == f"ip=127.0.0.1,port=2,state=online,offset={about(servers.source)['master_repl_offset']},lag=0"

    lived(work)


def test_what_comes_during_a_full_synchronisation_is_there_after_it() -> None:
    async def work(servers: Servers) -> None:
        servers.source.full_sync_seconds = 20.0
        servers.target.do("SET", "own", "1")
        for number in range(1000):
            servers.source.do("SET", f"key{number}", number)
        async with servers.asking(SOURCE) as (source,):
            servers.target.do("REPLICAOF", *SOURCE)
            read = [-2]
            for _ in range(18):
                await asyncio.sleep(1.0)
                await source.ask("INCR", "meanwhile")
                says = about(servers.target)
                assert (says["master_link_status"], says["master_sync_in_progress"]) == ("down", "1")
                read.append(int(says["master_sync_read_bytes"]))
                assert "state=send_bulk" in about(servers.source)["slave0"]
            assert read == sorted(dict.fromkeys(read))
            assert servers.target.keys() == [b"own"]
            await until(lambda: about(servers.target)["master_link_status"] == "up")
            await asyncio.sleep(0.1)
        assert servers.target.value_of(b"meanwhile") == b"18"
        assert set(servers.target.keys()) == set(servers.source.keys())
        assert about(servers.source, "stats")["sync_full"] == "1"

    lived(work)


@pytest.mark.parametrize("fits", [True, False])
def test_who_was_away_goes_on_where_it_was_while_the_backlog_has_that(fits: bool) -> None:
    async def work(servers: Servers) -> None:
        servers.source.config["repl-backlog-size"] = "1048576" if fits else "100"
        await servers.follow()
        async with servers.asking(SOURCE) as (source,):
            await source.ask("INCR", "counter")
            link = servers.target.link_to_primary
            assert link is not None
            link.cut()
            await asyncio.gather(*(source.ask("INCR", "counter") for _ in range(50)))
            await asyncio.sleep(0.01)
            assert about(servers.target)["master_link_status"] == "down"
            assert servers.target.value_of(b"counter") in (None, b"1")
            await until(lambda: about(servers.target)["master_link_status"] == "up")
            await asyncio.sleep(0.01)
        assert servers.target.value_of(b"counter") == b"51"
        stats = about(servers.source, "stats")
        assert (stats["sync_full"], stats["sync_partial_ok"]) == (("1", "1") if fits else ("2", "0"))
        assert about(servers.source)["master_repl_offset"] == about(servers.target)["slave_repl_offset"]

    lived(work)


def test_a_replica_takes_writes_once_it_is_promoted_and_who_was_left_can_follow_it() -> None:
    async def work(servers: Servers) -> None:
        await servers.follow()
        servers.source.do("SET", "a", "1")
        await asyncio.sleep(0.1)
        with pytest.raises(hiredis.ReplyError, match=r"^READONLY You can't write against a read only replica\.$"):
            servers.target.do("SET", "a", "2")
        assert servers.target.do("ROLE")[:4] == [b"slave", b"source", 1, b"connected"]
        shared = about(servers.source)["master_replid"]
        servers.target.do("REPLICAOF", "NO", "ONE")
        assert servers.target.do("SET", "a", "2") == b"OK"
        says = about(servers.target)
        assert (says["role"], says["master_replid2"]) == ("master", shared)
        # It wrote nothing more, so that a part of the stream will do.
        servers.source.do("REPLICAOF", *TARGET)
        await until(lambda: about(servers.source)["master_link_status"] == "up")
        await asyncio.sleep(0.1)
        assert servers.source.value_of(b"a") == b"2"
        assert about(servers.target, "stats")["sync_partial_ok"] == "1"
        # And from it to a third one.
        servers.third.do("REPLICAOF", *SOURCE)
        await until(lambda: about(servers.third)["master_link_status"] == "up")
        servers.target.do("SET", "a", "3")
        await asyncio.sleep(0.1)
        assert servers.third.value_of(b"a") == b"3"

    lived(work)


def test_who_was_left_and_wrote_more_gives_that_up_when_it_follows() -> None:
    async def work(servers: Servers) -> None:
        await servers.follow()
        servers.source.do("SET", "a", "1")
        await asyncio.sleep(0.1)
        servers.target.do("REPLICAOF", "NO", "ONE")
        servers.source.do("INCR", "n")
        for _ in range(10):
            servers.target.do("SET", "a", "2")
        servers.source.do("REPLICAOF", *TARGET)
        await until(lambda: about(servers.source)["master_link_status"] == "up")
        await asyncio.sleep(0.1)
        assert servers.source.keyspace.values == servers.target.keyspace.values == {b"a": b"2"}
        assert about(servers.target, "stats")["sync_full"] == "1"

    lived(work)


@pytest.mark.parametrize("ending", ["fence", "unpause", "timeout"])
def test_what_waits_behind_a_pause_is_carried_out_at_its_end_or_refused_by_the_fence(ending: str) -> None:
    async def work(servers: Servers) -> None:
        await servers.follow()
        client = client_of(Endpoint(*SOURCE), 60.0)
        async with servers.asking(SOURCE, SOURCE) as (reads, writes):
            await client.client_pause(5_000, all=False)
            waiting = [asyncio.create_task(writes.reply("INCR", "n")) for _ in range(3)]
            behind = asyncio.create_task(writes.reply("GET", "n"))
            await asyncio.sleep(1.0)
            assert await reads.ask("GET", "n") is None
            assert not any(task.done() for task in (*waiting, behind))
            if ending == "fence":
                async with client.pipeline(transaction=True) as pipe:
                    pipe.execute_command("CONFIG", "SET", "min-replicas-to-write", "99")
                    pipe.execute_command("CLIENT", "UNPAUSE")
                    await pipe.execute()
            elif ending == "unpause":
                await client.client_unpause()
            began = monotonic()
            replies = await asyncio.gather(*waiting)
            assert (monotonic() - began > 3.0) is (ending == "timeout")
            if ending == "fence":
                assert all(str(reply) == "NOREPLICAS Not enough good replicas to write." for reply in replies)
                assert await behind is None
                assert not servers.source.accounts.increments
            else:
                assert replies == [1, 2, 3]
                assert await behind == b"3"
        await client.aclose()

    lived(work)


def test_a_primary_takes_no_writes_while_too_few_follow_it_closely() -> None:
    async def work(servers: Servers) -> None:
        servers.source.do("CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "3")
        with pytest.raises(hiredis.ReplyError, match=r"^NOREPLICAS"):
            servers.source.do("INCR", "n")
        await servers.follow()
        await asyncio.sleep(0.1)
        assert servers.source.do("INCR", "n") == 1
        servers.target.freeze()
        await asyncio.sleep(2.0)
        assert servers.source.do("INCR", "n") == 2
        await asyncio.sleep(3.0)
        with pytest.raises(hiredis.ReplyError, match=r"^NOREPLICAS"):
            servers.source.do("INCR", "n")
        servers.target.thaw()
        await asyncio.sleep(1.5)
        assert servers.source.do("INCR", "n") == 3
        await asyncio.sleep(0.1)
        assert servers.target.value_of(b"n") == b"3"

    lived(work)


def test_a_stream_that_lags_arrives_later_and_is_lost_with_its_primary() -> None:
    async def work(servers: Servers) -> None:
        await servers.follow()
        servers.source.stream_lag_seconds = 2.0
        servers.source.do("INCR", "n")
        await asyncio.sleep(1.0)
        servers.source.do("INCR", "n")
        assert servers.target.value_of(b"n") is None
        await asyncio.sleep(1.5)
        assert servers.target.value_of(b"n") == b"1"
        servers.source.kill()
        await asyncio.sleep(5.0)
        assert servers.target.value_of(b"n") == b"1"
        assert about(servers.target)["master_link_status"] == "down"
        servers.source.restart(keeps_data=True, loading_seconds=3.0)
        with pytest.raises(hiredis.ReplyError, match=r"^LOADING"):
            servers.source.do("GET", "n")
        await until(lambda: about(servers.target)["master_link_status"] == "up")
        assert servers.target.value_of(b"n") == servers.source.value_of(b"n") == b"2"

    lived(work)


WRITES = st.tuples(
    st.sampled_from(["INCR", "SET", "DEL", "PEXPIRE", "HSET", "cut", "freeze", "wait", "lag", "away"]),
    st.sampled_from(["a", "b", "c"]),
    st.integers(1, 4000),
)


@settings(max_examples=100)
@given(st.lists(WRITES, max_size=40), st.floats(0.0, 3.0))
def test_who_follows_ends_with_the_same_data_whatever_happens_on_the_way(
    writes: list[tuple[str, str, int]], sync_seconds: float
) -> None:
    async def work(servers: Servers) -> None:
        source, target = servers.source, servers.target
        source.full_sync_seconds = sync_seconds
        source.config["repl-backlog-size"] = "200"
        target.do("REPLICAOF", *SOURCE)
        for what, name, amount in writes:
            match what:
                case "cut":
                    for link in servers.network.links_to(*SOURCE):
                        link.cut()
                case "freeze":
                    target.freeze()
                    await asyncio.sleep(amount / 1000)
                    target.thaw()
                case "wait":
                    await asyncio.sleep(amount / 1000)
                case "lag":
                    source.stream_lag_seconds = (amount % 3) / 2
                case "away":
                    target.restart(keeps_data=True, as_replica_of=SOURCE)
                case "PEXPIRE":
                    source.do("PEXPIRE", name, amount * 100)
                case "HSET":
                    source.do("HSET", f"hash:{name}", amount % 5, amount)
                case "SET":
                    source.do("SET", name, amount)
                case _:
                    source.do(what, name)
            # So that some of it is in the copy, some comes during it, and most after it.
            await asyncio.sleep(amount / 10_000)
        await asyncio.sleep(15.0)
        assert about(target)["master_link_status"] == "up"
        await until(lambda: about(target)["slave_repl_offset"] == about(source)["master_repl_offset"])
        assert target.keyspace.values == source.keyspace.values
        assert target.keyspace.expiry == source.keyspace.expiry
        assert target.keyspace.used_bytes == source.keyspace.used_bytes

    lived(work)
