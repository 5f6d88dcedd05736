import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import asyncpg
import psutil
import pytest
import redis.asyncio as redis
from structlog.testing import capture_logs

from redis_rehearsal.cache.client import Identity, client_of
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.clock import unix
from redis_rehearsal.coordinator.equipment import Equipment
from redis_rehearsal.coordinator.resources import ResourcesPoller
from redis_rehearsal.database.run_database import PostgresRunDatabase
from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.site import DatabaseSite, Site, Sites
from redis_rehearsal.telemetry.resources import Resources, Watched
from tests.conftest import MakeServer

SOMEBODY = Identity("redis", "6.2.14", "", "standalone")


def database_at(url: str) -> PostgresRunDatabase:
    return PostgresRunDatabase(url, 5.0, 3600, 24, unix)


@dataclass
class Room:
    """What a poller needs of a run's equipment."""

    endpoints: dict[Role, Endpoint]
    database: PostgresRunDatabase = field(default_factory=lambda: database_at(""))
    database_process: PostgresServer | None = None
    clients: dict[Role, redis.Redis] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role, endpoint in self.endpoints.items():
            self.clients[role] = client_of(endpoint, 2.0)

    @property
    def sites(self) -> Sites:
        source, target = (
            Site(role, self.endpoints[role], self.endpoints[role], SOMEBODY, self.clients[role]) for role in ROLES
        )
        return Sites(source, target, DatabaseSite("", "", self.database_process), ())

    async def close(self) -> None:
        for client in self.clients.values():
            await client.aclose()
        self.database.close()


def poller_of(room: Room, resources: Resources) -> ResourcesPoller:
    return ResourcesPoller(resources, cast("Equipment", room), 2.0)


def room_of(source: RedisServer, target: RedisServer) -> Room:
    return Room({"source": Endpoint.parse(source.url), "target": Endpoint.parse(target.url)})


def test_what_servers_say_of_themselves_is_seen(source: RedisServer, make_server: MakeServer) -> None:
    target = make_server(name="valkey-9.1")

    async def poll() -> Resources:
        room, resources = room_of(source, target), Resources()
        for number in range(7):
            await room.clients["source"].set(f"key{number}", "value")
        await poller_of(room, resources).poll()
        await room.close()
        return resources

    resources = asyncio.run(poll())
    seen = resources.redis["source"]
    assert (seen.keys, seen.commands["set"][0], seen.is_replica) == (7, 7, False)
    assert seen.resident_bytes == pytest.approx(psutil.Process(source.pid).memory_info().rss, rel=0.5)
    assert resources.redis["target"].keys == 0
    assert resources.failures == {"database": 1}
    assert resources.database is None
    assert resources.coordinator is not None


def test_the_lag_of_a_replica_is_how_far_it_is_behind(source: RedisServer, make_server: MakeServer) -> None:
    target = make_server(name="valkey-9.1")

    async def poll() -> int | None:
        room, resources = room_of(source, target), Resources()
        poller = poller_of(room, resources)
        await poller.poll()
        assert resources.replication_lag_bytes("target") is None
        await room.clients["target"].replicaof("127.0.0.1", source.port)
        for _ in range(200):
            await poller.poll()
            if resources.replication_lag_bytes("target") is not None:
                break
            await asyncio.sleep(0.05)
        assert resources.replication_lag_bytes("source") is None
        found = resources.replication_lag_bytes("target")
        await room.close()
        return found

    lag = asyncio.run(poll())
    assert lag is not None
    assert 0 <= lag < 1000


def test_a_server_that_is_away_or_does_not_permit_it_has_no_figures_and_is_told_of_once(
    source: RedisServer, make_server: MakeServer
) -> None:
    target = make_server(name="valkey-9.1")

    async def poll() -> Resources:
        room, resources = room_of(source, target), Resources()
        poller = poller_of(room, resources)
        await room.clients["source"].acl_setuser("default", enabled=True, commands=["-info"])
        await poller.poll()
        assert "source" not in resources.redis
        assert "target" in resources.redis
        target.kill()
        await poller.poll()
        await poller.poll()
        await room.close()
        return resources

    with capture_logs() as logs:
        resources = asyncio.run(poll())
    assert resources.redis == {}
    assert (resources.failures["source"], resources.failures["target"]) == (3, 2)
    said = [entry["event"].split(" could")[0] for entry in logs]
    assert sorted(said) == ["The database", "The source", "The target"]


def test_restarts_and_evictions_meanwhile_are_counted(source: RedisServer, make_server: MakeServer) -> None:
    target = make_server("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-random", name="valkey-9.1")

    async def fill(client: redis.Redis, until: int) -> int:
        number = 0
        while (evicted := int((await client.info("stats"))["evicted_keys"])) < until:
            number += 1
            await client.set(f"key:{number}", b"x" * 10_000)
        return evicted

    async def poll() -> tuple[Resources, int]:
        room, resources = room_of(source, target), Resources()
        poller, client = poller_of(room, resources), room.clients["target"]
        await fill(client, 10)
        await poller.poll()
        assert resources.watched["target"].evicted_keys == 0  # what was before counts for nothing
        evicted = await fill(client, 30) - int(resources.redis["target"].evicted_keys)
        await poller.poll()
        assert resources.watched["target"].evicted_keys == evicted
        await asyncio.to_thread(target.kill)
        target.start()
        evicted += await fill(client, 5)
        await poller.poll()
        await poller.poll()
        await room.close()
        return resources, evicted

    resources, evicted = asyncio.run(poll())
    watched = resources.watched
    assert (watched["target"].restarts, watched["target"].evicted_keys) == (1, evicted)
    assert (watched["source"].restarts, watched["source"].evicted_keys) == (0, 0)


def test_another_server_that_answers_in_its_place_is_no_restart(source: RedisServer) -> None:
    async def poll() -> Resources:
        room, resources = room_of(source, source), Resources()
        await poller_of(room, resources).poll()
        await room.close()
        return resources

    found = asyncio.run(poll()).redis["source"]
    watched = Watched()
    for run_id, uptime_seconds, evicted in (("a", 500, 3), ("b", 900, 70), ("b", 901, 71)):
        watched.see(replace(found, run_id=run_id, uptime_seconds=uptime_seconds, evicted_keys=evicted), uptime_seconds)
    assert (watched.restarts, watched.evicted_keys) == (0, 1)


def test_another_target_is_followed(source: RedisServer, make_server: MakeServer) -> None:
    first, second = make_server(name="valkey-9.1"), make_server(name="valkey-9.1")

    async def poll() -> tuple[int, int]:
        room, resources = room_of(source, first), Resources()
        poller = poller_of(room, resources)
        await room.clients["target"].set("key", "value")
        await poller.poll()
        before = resources.redis["target"].keys
        await room.clients["target"].aclose()
        room.endpoints["target"] = Endpoint.parse(second.url)
        room.clients["target"] = client_of(room.endpoints["target"], 2.0)
        await poller.poll()
        await room.close()
        return before, resources.redis["target"].keys

    assert asyncio.run(poll()) == (1, 0)


def test_an_embedded_database_is_measured_as_processes_and_its_processor_time_only_grows(
    source: RedisServer, postgres: PostgresServer
) -> None:
    async def poll() -> tuple[Resources, list[float]]:
        room, resources = (
            Room({"source": Endpoint.parse(source.url), "target": Endpoint.parse(source.url)}),
            Resources(),
        )
        room.database, room.database_process = database_at(postgres.url), postgres
        await room.database.open()
        poller, seconds = poller_of(room, resources), []
        for _ in range(4):
            other = await asyncpg.connect(postgres.url)
            await other.fetchval("SELECT sum(n) FROM generate_series(1, 300000) AS t(n)")
            await poller.poll()
            assert resources.database_process is not None
            seconds.append(resources.database_process.cpu_seconds)
            await other.close()
        await room.close()
        return resources, seconds

    resources, seconds = asyncio.run(poll())
    assert seconds == sorted(seconds)
    assert seconds[-1] > seconds[0] > 0
    assert resources.database is not None
    assert resources.database.connections >= 1
    assert (resources.database.size_bytes or 0) > 1_000_000
    assert resources.database_process is not None
    whole = sum(
        process.memory_info().rss
        for process in (psutil.Process(postgres.pid), *psutil.Process(postgres.pid).children())
    )
    assert 1_000_000 < resources.database_process.memory_bytes <= whole
