"""What the program itself asks of servers, asked of simulated ones in virtual time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as redis

from redis_rehearsal.cache.client import client_of, first_contact, why_no_json
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.journal import Entry, Journal, Server
from redis_rehearsal.cache.lock import TTL_SECONDS, RunLock
from redis_rehearsal.cache.permissions import check_permissions
from redis_rehearsal.cache.prefix import add_dead_weight, count_keys, count_others, remove_all
from redis_rehearsal.coordinator.left_server import look_at, written
from redis_rehearsal.errors import LockedError, ServerRefusedError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.changes import ChangeFeed
from redis_rehearsal.keyspace.scanning import scan
from redis_rehearsal.migration.copying.copier import Copier
from redis_rehearsal.migration.linking import Syncs
from redis_rehearsal.migration.preflight.facts import Plan
from redis_rehearsal.migration.preflight.look import preflight
from redis_rehearsal.migration.site import Site
from redis_rehearsal.telemetry.resources import RedisResources
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.rounds import compare
from redis_rehearsal.workload.keys import Keys
from tests.simulation.loop import simulate
from tests.simulation.network import Network
from tests.simulation.redis import SimulatedRedis

SOURCE, TARGET = Endpoint("source", 1), Endpoint("target", 2)
KEYS = Keys("rehearsal:")


@dataclass
class World:
    """Two servers, and a client of each."""

    source: SimulatedRedis
    target: SimulatedRedis
    clients: list[redis.Redis] = field(default_factory=list)

    def site(self, number: int, identity: Any) -> Site:
        role, endpoint = (("source", SOURCE), ("target", TARGET))[number]
        return Site(role, endpoint, endpoint, identity, self.clients[number])  # type: ignore[arg-type]  # two roles


def lived(work: Callable[[World], Awaitable[None]], **servers: Any) -> None:
    async def live(loop: Any) -> None:
        network, rng = Network(), random.Random(1)  # gives ids
        loop.connect = network.connect
        made = [
            SimulatedRedis(network, (each.host, each.port), rng, name=each.host, **servers) for each in (SOURCE, TARGET)
        ]
        for each in made:
            each.listen()
        world = World(made[0], made[1], [client_of(each, 5.0) for each in (SOURCE, TARGET)])
        try:
            await work(world)
        finally:
            for client in world.clients:
                await client.aclose()

    simulate(live)


def fill(server: SimulatedRedis, count: int = 3000) -> None:
    for number in range(count):
        server.do("SET", f"rehearsal:count:{number % 20 + 1}:view:{number}", number)
    server.do("SET", "rehearsal:report:1:pages", bytes(range(256)) * 100, "EX", 1000)
    server.do("HSET", "rehearsal:hash", "f", "1", "g", "2")
    server.do("SET", "other", "1")


def test_a_server_is_met_locked_and_written_to() -> None:
    async def work(world: World) -> None:
        source, _ = world.clients
        identity = await first_contact("source", "REDIS_URL", SOURCE, 5.0)
        assert (identity.product, identity.version, identity.run_id) == ("redis", "8.0.0", world.source.run_id)
        assert "unknown command" in await why_no_json(SOURCE, "rehearsal:", 5.0)
        mine, other = (RunLock(source, KEYS.lock, "source", f"elsewhere:1:{owner}") for owner in "ab")
        await mine.take()
        with pytest.raises(LockedError, match=f"its lock ends in {TTL_SECONDS} s"):
            await other.take()
        await asyncio.sleep(TTL_SECONDS / 2)
        assert await mine.refresh()
        assert not await other.refresh()
        await asyncio.sleep(TTL_SECONDS * 0.7)
        assert not await other.may_be_taken()
        await mine.release()
        await other.take()
        await asyncio.sleep(TTL_SECONDS + 0.1)
        assert world.source.keys() == []
        await mine.take()

    lived(work)


def test_a_server_permits_what_it_can_and_a_replica_takes_no_lock() -> None:
    async def work(world: World) -> None:
        await check_permissions("source", SOURCE, KEYS, ["string", "hash", "list", "set", "sorted-set"], 5.0)
        assert world.source.keys() == []
        world.target.do("REPLICAOF", "source", 1)
        await asyncio.sleep(1.0)
        await check_permissions("target", TARGET, KEYS, ["string"], 5.0, may_follow=True)
        with pytest.raises(ServerRefusedError, match="is a read-only replica"):
            await check_permissions("target", TARGET, KEYS, ["string"], 5.0)
        lock = RunLock(world.clients[1], KEYS.lock, "target")
        with pytest.raises(ServerRefusedError, match="is a read-only replica"):
            await lock.take()
        await lock.take(may_follow=True)

    lived(work)


def test_what_was_changed_is_put_back_from_the_journal(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        source, target = world.clients
        journal = Journal(KEYS, tmp_path)
        await journal.note(world.clients, Entry(world.source.run_id, "notify-keyspace-events", "", "AKE"))
        await source.config_set("notify-keyspace-events", "KEA")
        await journal.note(world.clients, Entry(world.target.run_id, "replicaof", "", "source 1"))
        await target.replicaof("source", "1")
        await asyncio.sleep(1.0)
        servers = [
            Server("the source", world.source.run_id, source),
            Server("the target", world.target.run_id, target),
        ]
        said = await Journal(KEYS, None).put_back(servers)
        assert [sentence.rpartition(", ")[2] for sentence in said] == ["and is put back", "and is a primary again"]
        assert world.source.config["notify-keyspace-events"] == ""
        assert not world.target.is_replica
        assert await source.hgetall(KEYS.changed) == {}

    lived(work)


def test_each_key_is_found_and_those_of_a_prefix_are_removed() -> None:
    async def work(world: World) -> None:
        fill(world.source)
        async with Asker("source", SOURCE, "test", 8.0) as asker:
            pages = [page async for page in scan(asker, 100)]
            assert len(pages) > 10
            assert sorted(key for page in pages for key in page) == sorted(world.source.keys())
            (hashes,) = [page async for page in scan(asker, 10_000, kind="hash")]
            assert hashes == [b"rehearsal:hash"]
        client = world.clients[0]
        assert (await count_keys(client, KEYS), await count_others(client, KEYS)) == (3002, 1)
        await add_dead_weight(client, KEYS, 10_000, 0, lambda *_: None)
        assert await remove_all(client, KEYS, keep_lock=True) == 3012
        assert world.source.keys() == [b"other"]

    lived(work)


def test_keys_are_copied_and_the_copy_is_seen_to_be_equal_and_not_where_one_is_missing() -> None:
    async def work(world: World) -> None:
        fill(world.source)
        for method in ("dump", "types"):
            world.target.do("FLUSHALL")
            async with Copier(SOURCE, TARGET, temporary_prefix="rehearsal:tmp:", method=method) as copier:
                assert copier.what_method()[0] == method
                assert await copier.estimate() == 3003
                async for keys in copier.scan("*"):
                    result = await copier.copy(keys)
                    assert not result.failed
                assert await copier.differing(world.source.keys()) == [b"rehearsal:hash"]  # what is no string may
            options = CompareOptions(rounds=2, round_interval=0.1)
            found = await compare(SOURCE, TARGET, options)
            assert (found.unexplained, found.keys_compared) == (0, 3003)
            world.target.do("DEL", "rehearsal:count:1:view:0")
            world.target.do("INCR", "rehearsal:count:2:view:1")
            world.target.do("SET", "more", "1")
            world.target.do("PERSIST", "rehearsal:report:1:pages")
            found = await compare(SOURCE, TARGET, options)
            assert {name: count for name, count in found.counts.items() if count} == {
                "missing": 1,
                "value": 1,
                "extra": 1,
                "ttl": 1,
            }

    lived(work)


def test_changes_are_told_to_who_listens_until_the_connection_breaks() -> None:
    async def work(world: World) -> None:
        world.source.do("CONFIG", "SET", "notify-keyspace-events", "KA")
        async with ChangeFeed.open(SOURCE, b"rehearsal:") as feed:
            world.source.do("SET", "rehearsal:a", "1", "PX", 100)
            world.source.do("SET", "other", "1")
            assert await feed.is_complete()
            assert feed.take() == {b"rehearsal:a"}
            await asyncio.sleep(0.3)
            assert await feed.is_complete()
            assert feed.take() == {b"rehearsal:a"}
            world.source.do("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.1)
            assert not await feed.is_complete()
        before = await look_at(SOURCE, KEYS)
        world.source.do("INCR", KEYS.counter(1, 0, 0))
        after = await look_at(SOURCE, KEYS)
        assert before is not None
        assert after is not None
        assert written(before, after) == {KEYS.counter(1, 0, 0).encode()}

    lived(work)


def test_a_look_before_a_migration_sees_all_there_is_to_see() -> None:
    async def work(world: World) -> None:
        fill(world.source, 50)
        found = await preflight(SOURCE, TARGET, Plan(freeze="server", allow_server_wide=True))
        told = [finding.sentence for finding in found if finding.level != "ok"]
        assert told == ["98% of 53 keys that were looked at on the source never expire."]
        site = world.site(0, await first_contact("source", "REDIS_URL", SOURCE, 5.0))
        assert await Syncs.of(site) == Syncs(0, 0, 0)
        resources = RedisResources.of(await site.info("all"), 0)
        assert (resources.keys, resources.is_replica) == (53, False)
        assert resources.commands["scan"][0] > 0

    lived(work, version="8.2.0")
