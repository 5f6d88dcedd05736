"""What is compared changes, expires or is evicted meanwhile, and some servers take their time."""

import asyncio
import random
import time

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.verification.compare.classify import Difference
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Comparison, Outcome, Progress
from redis_rehearsal.verification.compare.rounds import compare
from tests.conftest import MakeServer
from tests.integration.verification.comparing import compared
from tests.integration.verification.conftest import GetServer, outside


def test_what_changes_meanwhile_on_both_ends_as_benign(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        client.mset({f"key:{n}": 0 for n in range(1000)})
    one.mset({f"key:{n}": 1 for n in range(1000)})
    followed = False

    def follow(_: Progress) -> None:
        nonlocal followed
        if not followed:
            followed = True
            pipe = other.pipeline(transaction=False)
            for number in range(1000):
                pipe.incr(f"key:{number}")
            pipe.execute()

    async def work() -> Comparison:
        ended = asyncio.Event()

        async def write() -> None:
            rng = random.Random(0)  # no secret
            while not ended.is_set():
                keys = [f"key:{rng.randrange(1000)}" for _ in range(200)]
                for client in (one, other):
                    pipe = client.pipeline(transaction=False)
                    for key in keys:
                        pipe.incr(key)
                    pipe.execute()
                    await asyncio.sleep(0.02)

        writing = asyncio.create_task(write())
        try:
            options = CompareOptions(rounds=20, round_interval=0.05)
            return await compare(Endpoint.parse(source.url), Endpoint.parse(target.url), options, follow)
        finally:
            ended.set()
            await writing

    comparison = asyncio.run(work())
    assert comparison.rounds[0].counts["value"] > 0
    assert comparison.unexplained == 0
    assert comparison.benign["changed"] > 0


def test_keys_that_expire_meanwhile_end_as_benign(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
    one.psetex("gone on the target", 700, "x")
    comparison = compared(source, target, CompareOptions(rounds=2, round_interval=0.9))
    assert comparison.benign == {"expired": 1}
    assert comparison.outcome is Outcome.EQUAL


def test_of_what_differed_and_was_evicted_since_nothing_is_known(make_server: MakeServer) -> None:
    source = make_server(name="valkey-9.1")
    target = make_server("--maxmemory-policy", "allkeys-random", name="valkey-9.1")
    for server in (source, target):
        outside(server).mset({f"key:{n}": "x" * 1000 for n in range(20_000)})
    other = outside(target)
    # All are seen there, since all differ.
    other.mset({f"key:{n}": "y" * 1000 for n in range(10_000)})
    other.delete(*(f"key:{n}" for n in range(10_000, 10_300)))

    def squeeze(progress: Progress) -> None:
        if progress.round == 2 and not other.info("stats")["evicted_keys"]:
            other.config_set("maxmemory", other.info("memory")["used_memory"] - 4_000_000)

    comparison = compared(source, target, CompareOptions(rounds=3, round_interval=0), progress=squeeze)
    evicted = comparison.evicted
    assert comparison.benign == {}
    assert 0 < evicted <= other.info("stats")["evicted_keys"]
    # What was not seen there is missing, whatever else is evicted.
    assert comparison.counts["missing"] == 300
    assert evicted + 300 == comparison.rounds[-1].counts["missing"]


def test_what_was_never_copied_was_not_evicted_while_others_are(make_server: MakeServer) -> None:
    source = make_server(name="valkey-9.1")
    target = make_server("--maxmemory-policy", "volatile-ttl", name="valkey-9.1")
    one, other = outside(source), outside(target)
    one.mset({f"app:{n}": "x" for n in range(1000)})
    other.mset({f"app:{n}": "x" for n in range(700)})
    pipe = other.pipeline(transaction=False)
    for number in range(2000):
        pipe.set(f"neighbour:{number}", "x" * 1000, ex=3600)
    pipe.execute()

    def squeeze(_: Progress) -> None:
        if not other.info("stats")["evicted_keys"]:
            other.config_set("maxmemory", other.info("memory")["used_memory"] - 1_000_000)

    comparison = compared(source, target, CompareOptions(prefix="app:", round_interval=0), progress=squeeze)
    assert other.info("stats")["evicted_keys"] > 300
    assert (comparison.benign, comparison.counts["missing"]) == ({}, 300)


def test_counters_that_are_written_to_on_both_servers_are_never_equal(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client, start in ((one, 1_000_000), (other, 500)):
        client.flushall()
        client.mset({f"orders:{n}": start for n in range(20)})
        client.set("same", "x")

    def both(progress: Progress) -> None:
        for client in (one, other):
            for number in range(20):
                client.incr(f"orders:{number}")

    moved: list[bytes] = []

    def explain(found: Difference) -> None:
        moved.extend([found.key] * found.source_moved)

    split = compared(source, target, progress=both, explain=explain)
    assert (split.outcome, split.unsettled, len(moved), split.benign) == (Outcome.UNKNOWN, 20, 20, {})
    assert split.document()["unsettled"] == 20
    # What moves on one of them only does not follow, and one sure difference decides.
    for client, moved_there in ((one, [b"orders:1"]), (other, [])):
        moved.clear()
        left = compared(source, target, progress=lambda _, client=client: client.incr("orders:1"), explain=explain)
        assert (left.counts["value"], left.unsettled, moved) == (20, 0, moved_there)


def test_times_to_live_that_are_apart_are_counted_and_beyond_the_limit_they_differ(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    at = int(time.time() * 1000) + 1_000_000
    late = {f"late:{n}": 1_200 + n for n in range(101)}
    for client, by in ((one, 0), (other, 1)):
        client.flushall()
        client.set("for ever", "x")
        client.set("another value", by)
        client.pexpireat("another value", at + by * 1000)
        pipe = client.pipeline(transaction=False)
        for number in range(1000):
            pipe.set(f"same:{number}", "x")
            pipe.pexpireat(f"same:{number}", at)
        for key, late_ms in late.items():
            pipe.rpush(key, "x")
            pipe.pexpireat(key, at + by * late_ms)
        pipe.execute()
    found = compared(source, target, CompareOptions(round_interval=0))
    drift = found.document()["ttl_drift"]
    assert (drift["count"], found.counts["ttl"], found.counts["value"]) == (101, 0, 1)
    # Less what it took to read both.
    assert 0.2 < drift["median_seconds"] <= 1.25
    assert drift["median_seconds"] <= drift["max_seconds"] <= 1.3
    strict = compared(source, target, CompareOptions(round_interval=0, max_ttl_drift=0.3))
    assert (strict.counts["ttl"], strict.drift.count) == (101, 101)
    other.pexpireat("late:0", at + 60_000)
    far = compared(source, target, CompareOptions(round_interval=0))
    assert (far.counts["ttl"], far.drift.count) == (1, 101)
    assert 59 < (far.drift.max_seconds or 0) < 61
    # What a limit of nothing lets through is what nobody can tell apart.
    assert compared(source, target, CompareOptions(prefix="same:", max_ttl_drift=0)).outcome is Outcome.EQUAL


def test_times_to_live_that_were_read_far_apart_are_read_again(get_server: GetServer) -> None:
    """A server that stands still for a moment must not make two times to live seem the same, nor different."""
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    paused: list[int] = []

    def pause(_: bytes) -> bool:
        if not paused:
            other.client_pause(1_500)
            paused.append(1)
        return False

    # So that on the target, which is read 1.5 s later, as much seems to be left.
    expires_at_ms = int(time.time() * 1000) + 60_000
    for client, later_ms in ((one, 0), (other, 1_500)):
        client.flushall()
        pipe = client.pipeline(transaction=False)
        for number in range(100):
            pipe.set(f"key:{number}", "x")
            pipe.pexpireat(f"key:{number}", expires_at_ms + later_ms)
        pipe.execute()
    comparison = compared(source, target, CompareOptions(rounds=1, max_ttl_drift=1.0), leave_out=pause)
    assert paused
    assert (comparison.counts["ttl"], comparison.unsettled) == (100, 0)
    assert 1_400 < comparison.drift.largest_ms < 1_700

    # And such that live as long on both, though less seems to be left on one.
    paused.clear()
    for number in range(100):
        one.pexpireat(f"key:{number}", expires_at_ms + 1_500)
    comparison = compared(source, target, CompareOptions(rounds=1, max_ttl_drift=1.0), leave_out=pause)
    assert paused
    assert (comparison.outcome, comparison.unsettled) == (Outcome.EQUAL, 0)


def test_a_value_that_cannot_be_read_may_come_meanwhile(get_server: GetServer) -> None:
    source, target = get_server("redis-8.2"), get_server("redis-8.2'")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        client.set("string", 1)
    one.execute_command("VADD", "vectors", "VALUES", "2", "1", "2", "element")

    def follow(_: Progress) -> None:
        other.execute_command("VADD", "vectors", "VALUES", "2", "7", "7", "another")

    async def work() -> Comparison:
        options = CompareOptions(rounds=2, round_interval=0.05)
        return await compare(Endpoint.parse(source.url), Endpoint.parse(target.url), options, follow)

    comparison = asyncio.run(work())
    assert (comparison.outcome, comparison.unreadable) == (Outcome.UNKNOWN, 1)
    assert comparison.unreadable_types == {"vectorset"}


def test_reading_fields_takes_time_that_is_no_drift(get_server: GetServer) -> None:
    source, target = get_server("redis-8.2"), get_server("redis-8.2'")
    for client in (outside(source), outside(target)):
        client.flushall()
        pipe = client.pipeline(transaction=False)
        at = int(time.time() * 1000) + 500_000
        for number in range(300):
            pipe.hset(f"hash:{number}", mapping={f"field:{n}": n for n in range(50)})
            pipe.execute_command("HPEXPIREAT", f"hash:{number}", at, "FIELDS", 2, "field:1", "field:2")
        pipe.execute()
    clients = outside(source), outside(target)
    for number in range(300):
        for client in clients:
            client.execute_command("HPEXPIREAT", f"hash:{number}", at, "FIELDS", 2, "field:1", "field:2")
    comparison = compared(source, target, CompareOptions(max_ttl_drift=0.0))
    assert (comparison.outcome, comparison.counts["value"]) == (Outcome.EQUAL, 0)
