"""What the workload explains of a difference between two servers, and what it does not."""

import threading
import time
from typing import Any

import pytest
import redis

from redis_rehearsal.coordinator.comparing import AfterCutover
from redis_rehearsal.coordinator.left_server import Look, written
from redis_rehearsal.verification.compare.classify import Difference
from redis_rehearsal.verification.compare.contents import contents
from tests.conftest import MakeServer
from tests.integration.coordinator.pair import BUCKET_SECONDS, KEYS, NOTHING, Pair, only
from tests.support import wait_for


def test_counters_are_what_the_ledger_verified_and_expire_when_they_are_to(pair: Pair) -> None:
    for organization in range(1, 6):
        pair.counter(organization, 10, organization)
    assert pair.compared().counts == NOTHING
    pair.verified.discard(pair.counter(6, 10, 1))  # of which no ledger knows
    pair.new.persist(pair.counter(7, 10, 1))
    pair.old.incrby(pair.counter(8, 10, 1), 1_000)  # somebody writes to the old server still
    pair.new.delete(pair.counter(9, 10, 1))
    pair.new.persist(pair.counter(10, 10, 0))
    gone = pair.counter(11, 10, 1)
    pair.new.delete(gone)
    pair.new.rpush(gone, "another type")
    assert pair.compared().counts == only(value=3, missing=1, ttl=1, type=1)


def test_a_counter_that_was_made_since_is_extra_only_where_no_ledger_knows_it(pair: Pair) -> None:
    for organization in (1, 2):
        pair.old.delete(pair.counter(organization, 10, 1))
    pair.verified.discard(KEYS.counter(2, 0, pair.start))
    assert pair.compared().counts == only(extra=1)


def test_what_expires_while_a_server_that_was_left_is_read_was_not_written_to(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, goes = pair.counter(1, 10, 0), pair.counter(2, 10, 0)
    seen = pair.look_behind()
    assert set(seen) == {stays.encode(), goes.encode()}

    async def expired_first(*arguments: Any) -> Any:
        pair.old.delete(goes)
        return await contents(*arguments)

    monkeypatch.setattr("redis_rehearsal.coordinator.left_server.contents", expired_first)
    assert written(seen, pair.look_behind()) == set()
    pair.old.incr(stays)
    assert written(seen, pair.look_behind()) == {stays.encode()}


def test_what_was_over_before_the_cutover_was_not_written_since(pair: Pair) -> None:
    start, expiry = pair.start - 2 * BUCKET_SECONDS, pair.expiry - 2 * BUCKET_SECONDS
    counter, live = KEYS.counter(1, 0, start), KEYS.live("totals", 1, start)
    for client, value in ((pair.old, 10), (pair.new, 11)):
        client.set(counter, value, exat=expiry)
        client.hset(live, "page_view", value)
        client.expireat(live, expiry)
    pair.verified |= {counter, live}
    assert pair.compared().counts == only(value=2)


def test_of_a_structure_that_never_rests_nobody_knows(pair: Pair) -> None:
    live = KEYS.live("totals", 1, pair.start)
    for client, value in ((pair.old, 10), (pair.new, 11)):
        client.hset(live, "page_view", value)
        client.expireat(live, pair.expiry)
    assert pair.compared().counts == only(value=1)
    pair.unsettled.add(live)
    found = pair.compared()
    assert (found.counts, found.benign_reasons) == (NOTHING, {})
    assert found.unreadable.startswith("1 structures kept changing")


def test_what_a_server_refuses_to_tell_is_not_known(pair: Pair) -> None:
    pair.report(pair.new, "top_pages", "string", pair.cutover_seconds + 1)
    pair.counter(1, 10, 1)

    def forbid(*rules: str) -> None:
        client: Any = pair.new
        client.execute_command("ACL", "SETUSER", "default", *rules)

    class Refused(AfterCutover):
        def explain(self, difference: Difference) -> str | None:
            forbid("-type", "-pttl")
            return super().explain(difference)

    try:
        found = pair.compared(after_cutover=Refused)
    finally:
        forbid("+@all")
    assert found.counts == {}
    assert "NOPERM" in found.error


def test_every_reason_is_counted_by_its_name(pair: Pair) -> None:
    now = time.time()
    for organization in range(1, 4):
        pair.counter(organization, 10, organization)
    pair.verified.discard(KEYS.counter(1, 0, pair.start))
    for at, client in ((now - 60, pair.old), (now + 1, pair.new)):
        pair.report(client, "hourly_series", "string", at)
    pair.report(pair.old, "overview", "string", now - 60)
    pair.deleted = {1}
    found = pair.compared()
    assert found.counts == only(value=1)
    assert found.benign_reasons == {
        "written since the cutover, as the ledger has it": 2,
        "computed since the cutover": 1,
        "deleted since the cutover by an event": 1,
    }
    assert found.benign == 4


def test_what_is_the_runs_own_is_not_compared(pair: Pair) -> None:
    for client, lives in ((pair.old, 10_000), (pair.new, 9_000)):
        client.set(KEYS.lock, "owner", px=lives)
    found = pair.compared()
    assert (found.keys_compared, found.drift.count) == (0, 0)


def test_who_writes_to_the_server_that_was_left_is_noticed(pair: Pair) -> None:
    for organization in (1, 2, 3):
        pair.counter(organization, 10, organization)
    live = KEYS.live("totals", 1, pair.start)
    for client in (pair.old, pair.new):
        client.hset(live, mapping={"page_view": 5})
        client.expireat(live, pair.expiry)
    pair.verified.add(live)
    left_with = pair.look_behind()
    assert len(left_with) == 4
    assert pair.compared(left_with=left_with).written_behind == 0
    # So that both are as the ledger has it, but one did not come from us; and one that was not there.
    pair.old.incr(KEYS.counter(1, 0, pair.start))
    pair.counter(4, 10, 1)
    found = pair.compared(left_with=left_with)
    assert (found.counts, found.written_behind) == (NOTHING, 2)
    assert pair.compared().written_behind == 0
    # In a live structure too, of which the target has as many by now.
    pair.old.hincrby(live, "page_view")
    pair.new.hincrby(live, "page_view", 3)
    found = pair.compared(left_with=left_with)
    assert (found.counts, found.written_behind) == (NOTHING, 3)


def test_where_it_could_not_be_looked_behind_nothing_is_proven(pair: Pair) -> None:
    pair.counter(1, 10, 1)

    async def look() -> Look | None:
        return None

    found = pair.compared(left_with={})
    assert (found.written_behind, found.unreadable) == (1, "")
    found = pair.compared(left=look)
    assert found.counts == NOTHING
    assert "could not be read" in found.doubts


def test_what_was_left_out_is_missing_while_the_keys_of_a_neighbour_are_evicted(make_server: MakeServer) -> None:
    pair = Pair(make_server(), make_server("--maxmemory-policy", "volatile-ttl", name="valkey-9.1"))
    pair.old.mset({KEYS.ballast(number): "x" for number in range(293)})
    pair.new.mset({KEYS.ballast(number): "x" for number in range(147, 293)})
    pair.new.config_set("maxmemory", pair.new.info("memory")["used_memory"] + 1_000_000)
    ended = threading.Event()

    def fill() -> None:
        with redis.Redis(port=pair.servers[1].port) as neighbour:
            written = 0
            while not ended.is_set():
                pipe = neighbour.pipeline(transaction=False)
                for _ in range(50):
                    written += 1
                    pipe.set(f"neighbour:{written}", "x" * 4000, ex=600)
                pipe.execute()

    filling = threading.Thread(target=fill)
    filling.start()
    try:
        before = wait_for(lambda: pair.new.info("stats")["evicted_keys"], "evictions")
        found = pair.compared()
        assert pair.new.info("stats")["evicted_keys"] > before + 147
    finally:
        ended.set()
        filling.join()
    assert (found.counts, found.benign_reasons) == (only(missing=147), {})


def test_two_writers_are_noticed_from_round_to_round(pair: Pair) -> None:
    pair.old.set("rehearsal:others", 0)
    pair.new.set("rehearsal:others", 1_000_000)
    ended = threading.Event()

    def write() -> None:
        with redis.Redis(port=pair.servers[0].port) as old, redis.Redis(port=pair.servers[1].port) as new:
            while not ended.wait(0.02):
                old.incr("rehearsal:others")
                new.incr("rehearsal:others")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        found = pair.compared()
    finally:
        ended.set()
        writing.join()
    assert (found.counts, found.unsettled, found.written_behind) == (NOTHING, 1, 1)


def test_everything_else_must_be_the_same(pair: Pair) -> None:
    for client in (pair.old, pair.new):
        client.set(KEYS.ballast(1), "x")
        client.set("others:key", time.time())
    assert pair.compared().counts == NOTHING
    pair.new.set(KEYS.ballast(1), "y")
    assert pair.compared().counts == only(value=1)


def test_what_cannot_be_read_is_said(make_server: MakeServer) -> None:
    pair = Pair(make_server(name="redis-8.2"), make_server(name="redis-8.2"))
    clients: tuple[tuple[Any, str], ...] = ((pair.old, "1"), (pair.new, "2"))
    for client, number in clients:
        client.execute_command("VADD", "rehearsal:vectors", "VALUES", "2", number, "1", "element")
        client.close()
    found = pair.compared()
    assert found.unexplained == 0
    assert "vectorset" in found.unreadable
