"""What the workload explains of a difference between two servers, and what it does not."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis

from redis_rehearsal.cache.encodings import ENCODINGS
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.coordinator.comparing import AfterCutover, compare_servers
from redis_rehearsal.coordinator.left_server import Look, look_at, written
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.migration.assessment.evidence import KeyComparison
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.compare.classify import Difference
from redis_rehearsal.verification.compare.contents import contents
from redis_rehearsal.workload.keys import Keys
from tests.conftest import MakeServer
from tests.support import wait_for

KEYS = Keys("rehearsal:")
BUCKET_SECONDS, KEPT = 3600, 24
NOTHING = {"missing": 0, "extra": 0, "type": 0, "value": 0, "ttl": 0}


class Pair:
    """Two servers of one state, of which the second one is written to from then on."""

    def __init__(self, old: RedisServer, new: RedisServer) -> None:
        self.servers = old, new
        self.old, self.new = (redis.Redis(port=server.port, protocol=2) for server in (old, new))
        self.cutover_seconds = time.time()
        # The hour of the cutover, also where the tests began in the one before.
        self.start = int(self.cutover_seconds) // BUCKET_SECONDS * BUCKET_SECONDS
        self.expiry = self.start + (1 + KEPT) * BUCKET_SECONDS
        self.verified: set[str] = set()
        self.unsettled: set[str] = set()
        self.deleted: set[int] = set()
        self.deleted_at = float("inf")
        self.rows_complete = True
        self.operation_timeout = 0.0
        self.stored_late: set[tuple[str, int]] = set()

    def counter(self, organization: int, before: int, since: int) -> str:
        key = KEYS.counter(organization, 0, self.start)
        self.old.set(key, before, exat=self.expiry)
        self.new.set(key, before + since, exat=self.expiry)
        self.verified.add(key)
        return key

    def report(self, client: "redis.Redis", kind: str, data_type: str, at_seconds: float) -> str:
        identity = KEYS.report_identity(1, kind, 0)
        value = ENCODINGS[data_type].encode(expected_identity(identity), {"a": 1}, int(at_seconds * 1000), 300_000)
        key = KEYS.report(identity)
        if data_type == "string":
            client.set(key, value, px=300_000)
        else:
            client.rpush(key, *value)
            client.pexpire(key, 300_000)
        return key

    def look_behind(self) -> Look:
        found = asyncio.run(look_at(Endpoint.parse(self.servers[0].url), KEYS))
        assert found is not None
        return found

    def compared(
        self,
        drift_seconds: float = 2.0,
        left_with: Look | None = None,
        left: Callable[[], Awaitable[Look | None]] | None = None,
        after_cutover: type[AfterCutover] = AfterCutover,
    ) -> KeyComparison:
        async def audit() -> Audit:
            return Audit(verified=self.verified, unsettled=self.unsettled)

        async def deleted_since(unix_seconds: float) -> tuple[set[int], bool]:
            assert unix_seconds <= self.cutover_seconds
            return self.deleted if unix_seconds <= self.deleted_at else set(), self.rows_complete

        async def given() -> Look | None:
            return left_with

        old, new = (Endpoint.parse(server.url) for server in self.servers)
        limits = drift_seconds, self.operation_timeout
        after = after_cutover(KEYS, self.cutover_seconds, BUCKET_SECONDS, KEPT, *limits, self.stored_late)
        look = given if left_with is not None else left
        return asyncio.run(compare_servers(old, new, KEYS, after, audit, deleted_since, left_with=look))


@pytest.fixture
def pair(make_server: MakeServer) -> Iterator[Pair]:
    pair = Pair(make_server(), make_server(name="valkey-9.1"))
    yield pair
    pair.old.close()
    pair.new.close()


def only(**counts: int) -> dict[str, int]:
    return NOTHING | counts


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


@pytest.mark.parametrize("data_type", ["string", "list"])
def test_reports_are_explained_by_when_they_were_computed(pair: Pair, data_type: str) -> None:
    now = time.time()
    pair.report(pair.old, "hourly_series", data_type, now - 60)
    pair.report(pair.new, "hourly_series", data_type, now + 1)
    pair.report(pair.new, "top_pages", data_type, now + 1)
    assert pair.compared().counts == NOTHING
    # Another value that is no newer, and a damaged one that looks new.
    pair.report(pair.old, "overview", data_type, now - 60)
    pair.report(pair.new, "overview", data_type, now - 50)
    damaged = pair.report(pair.new, "event_distribution", data_type, now + 1)
    if data_type == "string":
        pair.new.append(damaged, "x")
    else:
        pair.new.rpush(damaged, "x")
    assert pair.compared().counts == only(value=1, extra=1)


def test_a_report_is_missing_for_a_reason_only_where_an_event_deleted_it(pair: Pair) -> None:
    for kind in ("overview", "event_distribution", "top_pages"):
        pair.report(pair.old, kind, "string", time.time() - 60)
    pair.deleted = {2}
    assert pair.compared().counts == only(missing=3)
    pair.deleted = {1}
    assert pair.compared().counts == only(missing=1)  # events delete no top pages
    pair.deleted, pair.rows_complete = set(), False
    found = pair.compared()
    assert found.counts == only(missing=1)
    assert found.unreadable.startswith("2 reports that only one server has may have been deleted")


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


def test_a_miss_of_before_the_cutover_may_have_been_stored_after_it(pair: Pair) -> None:
    pair.operation_timeout, at = 2.0, pair.cutover_seconds
    pair.report(pair.new, "top_pages", "string", at - 1)
    pair.report(pair.old, "daily", "string", at - 60)
    pair.report(pair.new, "daily", "string", at - 1)
    assert pair.compared().counts == NOTHING
    # Longer before than a query may take; and an older one than the source has.
    pair.report(pair.new, "top_pages", "string", at - 3)
    pair.report(pair.old, "daily", "string", at - 0.5)
    assert pair.compared().counts == only(extra=1, value=1)


def test_of_one_that_an_event_may_have_deleted_nobody_knows(pair: Pair) -> None:
    pair.operation_timeout = 2.0
    pair.report(pair.new, "overview", "string", pair.cutover_seconds - 1)
    found = pair.compared()
    assert (found.counts, found.unreadable) == (NOTHING, "")
    pair.deleted = {1}
    found = pair.compared()
    assert (found.counts, found.benign_reasons) == (NOTHING, {})
    assert found.unreadable.startswith("1 reports that only one server has may have been deleted")


@pytest.mark.parametrize(("before_seconds", "known"), [(1.5, True), (0.5, False), (-0.5, False)])
def test_what_was_deleted_well_before_it_was_computed_says_nothing_of_it(
    pair: Pair, before_seconds: float, known: bool
) -> None:
    pair.operation_timeout, computed_at = 2.0, pair.cutover_seconds - 1
    pair.report(pair.new, "overview", "string", computed_at)
    pair.deleted, pair.deleted_at = {1}, computed_at - before_seconds
    found = pair.compared()
    assert (found.counts, found.unreadable == "") == (NOTHING, known)


def test_one_that_the_application_itself_stored_late_is_what_it_would_be_on_one_server(pair: Pair) -> None:
    pair.operation_timeout, computed_at = 2.0, pair.cutover_seconds - 1
    key = pair.report(pair.new, "overview", "string", computed_at)
    pair.deleted, computed_ms = {1}, int(computed_at * 1000)
    for other in ((key, computed_ms - 1), (f"{key}0", computed_ms)):
        pair.stored_late = {other}
        assert pair.compared().unreadable.startswith("1 reports")
    pair.stored_late.add((key, computed_ms))
    found = pair.compared()
    assert (found.counts, found.unreadable) == (NOTHING, "")
    # Longer ago than a query may take.
    pair.operation_timeout = 0.5
    assert pair.compared().counts == only(extra=1)


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


def test_a_report_may_live_longer_within_the_limit_of_the_drift(pair: Pair) -> None:
    at = time.time() - 60
    for client, left in ((pair.old, 200_000), (pair.new, 201_500)):
        client.pexpire(pair.report(client, "overview", "string", at), left)
    found = pair.compared()
    assert (found.counts, found.drift.count) == (NOTHING, 1)
    assert pair.compared(drift_seconds=0.5).counts == only(ttl=1)
    pair.new.pexpire(KEYS.report("1:overview"), 260_000)
    found = pair.compared()
    assert (found.counts, found.drift.count) == (only(ttl=1), 1)
    assert 50 < (found.drift.max_seconds or 0) < 65


def test_a_report_that_got_there_late_expires_there_later_by_no_more_than_the_limit(pair: Pair) -> None:
    at = time.time() - 60
    # Until it was seen to be gone it is there on one server only, whatever times to live may be apart by.
    for kind, left in (("top_pages", 60_000), ("daily", 1_500)):
        pair.new.pexpire(pair.report(pair.new, kind, "string", at), left)
    found = pair.compared(drift_seconds=90.0)
    assert (found.counts, found.benign_reasons) == (only(extra=1), {"expired": 1})


def test_what_is_renewed_and_was_never_copied_is_missing_however_soon_it_would_expire(pair: Pair) -> None:
    ended = threading.Event()
    sessions = [f"{KEYS.prefix}session:{number}" for number in range(50)]

    def renew() -> None:
        with redis.Redis(port=pair.servers[0].port) as client:
            while not ended.is_set():
                pipe = client.pipeline(transaction=False)
                for session in sessions:
                    pipe.set(session, "x", px=1_900)
                pipe.execute()
                ended.wait(0.05)

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        wait_for(lambda: pair.old.exists(sessions[-1]), "the sessions")
        found = pair.compared()
    finally:
        ended.set()
        renewing.join()
    assert (found.counts, found.benign_reasons) == (only(missing=50), {})


def test_a_report_that_goes_while_it_is_explained_had_run_out_or_an_event_deleted_it(pair: Pair) -> None:
    class Vanishing(AfterCutover):
        def explain(self, difference: Difference) -> str | None:
            reason = super().explain(difference)
            pair.new.delete(difference.key)
            return reason

    for kind in ("overview", "top_pages"):
        pair.report(pair.new, kind, "string", time.time() + 1)
    pair.deleted = {1}
    found = pair.compared(after_cutover=Vanishing)
    assert found.counts == only(extra=1)  # no event deletes top pages
    # Nor need it: this one runs out a moment after its time to live was asked for.
    soon = pair.report(pair.new, "top_pages", "string", time.time() + 1)
    pair.new.pexpire(soon, 4_300)

    class Waiting(AfterCutover):
        def explain(self, difference: Difference) -> str | None:
            wait_for(lambda: not pair.new.exists(difference.key), "its end")
            return super().explain(difference)

    assert pair.compared(after_cutover=Waiting).counts == NOTHING
    pair.verified.discard(pair.counter(2, 10, 1))
    pair.counter(1, 10, 1)  # which the ledger verified, and which is not to expire yet
    assert pair.compared(after_cutover=Vanishing).counts == only(value=2)


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
