"""What hashes, streams and HyperLogLogs have beside their elements is compared too."""

from typing import Any

import pytest

from redis_rehearsal.errors import CannotTellError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Outcome, Progress
from tests.conftest import MakeServer
from tests.integration.verification.comparing import compared, kinds
from tests.integration.verification.conftest import GetServer, outside
from tests.support import wait_for


def test_consumer_groups_are_part_of_a_stream(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        for key in ("same", "acknowledged", "claimed", "another group", "moved", "trimmed"):
            for number in range(1, 20):
                client.xadd(key, {"field": "value"}, id=f"{number}-1")
            client.xgroup_create(key, "group", "0")
            client.xreadgroup("group", "consumer", {key: ">"}, count=10)
    assert kinds(source, target) == {}
    other.xack("acknowledged", "group", "3-1")
    other.xclaim("claimed", "group", "another consumer", 0, ["3-1"])
    other.xgroup_create("another group", "new", "0")
    other.xgroup_setid("moved", "group", "5-1")
    other.xdel("trimmed", "19-1")
    found = kinds(source, target)
    assert found == {key.encode(): "value" for key in ("acknowledged", "claimed", "another group", "moved", "trimmed")}


@pytest.mark.parametrize("asked", [b"CONSUMERS", b"XPENDING"])
@pytest.mark.parametrize("what", ["key", "group"])
def test_a_stream_that_goes_while_it_is_read_is_looked_at_again(
    get_server: GetServer, monkeypatch: pytest.MonkeyPatch, asked: bytes, what: str
) -> None:
    """As one that expires between two questions does, or whose group somebody destroys."""
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    clients = outside(source), outside(target)
    for client in clients:
        client.flushall()
        client.xadd("stream", {"field": "value"}, id="1-1")
        client.xgroup_create("stream", "group", "0")
        client.xreadgroup("group", "consumer", {"stream": ">"})
        client.set("other", "value")
    clients[1].xack("stream", "group", "1-1")
    pipeline = Asker.pipeline
    done: list[int] = []

    async def after_it_went(self: Asker, commands: bytes, count: int) -> list[Any]:
        if asked in commands and not done:
            gone = (
                each.delete("stream") if what == "key" else each.xgroup_destroy("stream", "group") for each in clients
            )
            done.extend(gone)
        return await pipeline(self, commands, count)

    monkeypatch.setattr(Asker, "pipeline", after_it_went)
    comparison = compared(source, target)
    assert done == [1, 1]
    # What they hold in the end is the same.
    assert (comparison.outcome, comparison.unexplained) == (Outcome.EQUAL, 0)


@pytest.mark.parametrize("names", [("redis-8.2", "valkey-9.1"), ("valkey-9.1", "redis-8.2")])
def test_a_field_that_lives_longer_or_for_ever_is_a_difference(get_server: GetServer, names: tuple[str, str]) -> None:
    source, target = map(get_server, names)
    one, other = outside(source), outside(target)
    many = {f"field:{number}": "x" * 20 for number in range(5_000)}
    for client in (one, other):
        client.flushall()
        for key in ("same", "lost", "later", "added", "never"):
            client.hset(key, mapping={"one": 1, "two": 2})
        for key in ("large", "large and lost"):
            client.hset(key, mapping=many)
    for client, keys in (
        (one, ("same", "lost", "later", "large", "large and lost")),
        (other, ("same", "added", "large")),
    ):
        for key in keys:
            client.hexpire(key, 3600, *(("field:7", "field:4999") if "large" in key else ("one",)))
    other.hexpire("later", 3700, "one")
    other.hexpire("large and lost", 3600, "field:7")
    found = kinds(source, target)
    assert found == dict.fromkeys((b"lost", b"later", b"added", b"large and lost"), "value")
    comparison = compared(source, target)
    assert comparison.not_carried.things == 0
    # What a person sees says why, since the values are alike.
    assert all("of fields" in each.target.digest for each in comparison.examples if each.target and each.target.digest)


def test_what_the_target_cannot_hold_is_counted_once(get_server: GetServer) -> None:
    source, target = get_server("redis-8.2"), get_server("redis-6.2")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        client.hset("hash", mapping={"one": 1, "two": 2, "three": 3})
        client.hset("large", mapping={f"field:{number}": "x" * 20 for number in range(5_000)})
        client.hset("differs", "one", "here" if client is one else "there")
        client.xadd("stream", {"field": "value"}, id="1-1")
        client.xgroup_create("stream", "group", "0")
        client.xreadgroup("group", "consumer", {"stream": ">"})
        client.xadd("plain", {"field": "value"}, id="1-1")
    one.hexpire("hash", 3600, "one", "two")
    one.hexpire("large", 3600, *(f"field:{number}" for number in range(2_500)))
    one.hexpire("differs", 3600, "one")
    one.hset("only here", "one", "1")
    one.hexpire("only here", 3600, "one")
    comparison = compared(source, target)
    assert comparison.not_carried.things == 2 + 2_500 + 1 + 1
    assert comparison.not_carried.keys == ("differs", "hash", "large", "stream")
    assert (comparison.counts["value"], comparison.counts["missing"], comparison.unexplained) == (1, 1, 2)
    other.hset("differs", "one", "here")
    one.delete("only here")
    assert compared(source, target).outcome is Outcome.DIFFERENT
    allowed = CompareOptions(round_interval=0, max_not_carried=2_504)
    assert compared(source, target, allowed).outcome is Outcome.EQUAL
    # The other way, an older server has nothing that the newer one could not hold, and says what is not compared.
    for client in (one, other):
        client.delete("hash", "large", "differs")
    back = compared(target, source)
    assert (back.outcome, back.not_carried.things) == (Outcome.EQUAL, 0)
    assert {note.partition(" are not compared")[0] for note in back.notes} == {
        "idle times of stream consumers",
        "entries read by stream groups",
    }


def test_a_server_that_may_not_say_how_long_fields_live_is_not_one_without_such_fields(make_server: MakeServer) -> None:
    source, target = make_server("--rename-command", "HPTTL", "", name="redis-8.2"), make_server(name="redis-8.2")
    with outside(source) as one, outside(target) as other:
        for client in (one, other):
            client.hset("hash", mapping={"one": 1, "two": 2})
        assert compared(source, target).outcome == Outcome.EQUAL
        one.hexpire("hash", 3600, "one")
        for left, right in ((source, target), (target, source)):
            with pytest.raises(CannotTellError, match="HPTTL"):
                compared(left, right)


def test_a_hash_whose_fields_begin_to_live_shorter_is_counted_as_it_is_last(get_server: GetServer) -> None:
    source, target = get_server("redis-8.2"), get_server("redis-6.2")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
    one.hset("hash", mapping={"one": 1, "two": 2})
    one.hexpire("hash", 3600, "one", "two")
    other.hset("hash", "one", "1")

    def between(told: Progress) -> None:
        if told.round == 1 and told.differences:
            one.hpersist("hash", "one")
            other.hset("hash", "two", "2")

    comparison = compared(source, target, progress=between)
    assert comparison.unexplained == 0
    assert comparison.not_carried.things == 1


@pytest.mark.parametrize("names", [("redis-8.2", "valkey-9.1"), ("valkey-9.1", "redis-8.2")])
def test_what_groups_have_read_is_compared_where_both_keep_it(get_server: GetServer, names: tuple[str, str]) -> None:
    source, target = map(get_server, names)
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        for key in ("same", "read less", "another consumer", "delivered again", "deleted more"):
            for number in range(1, 10):
                client.xadd(key, {"field": "value"}, id=f"{number}-1")
            client.xgroup_create(key, "group", "0")
            client.xreadgroup("group", "consumer", {key: ">"}, count=5)
    assert kinds(source, target) == {}
    other.xgroup_setid("read less", "group", "5-1", entries_read=4)
    other.xgroup_createconsumer("another consumer", "group", "another")
    other.xclaim("delivered again", "group", "consumer", 0, ["3-1"])
    for identifier in ("10-1", "11-1"):
        other.xadd("deleted more", {"field": "value"}, id=identifier)
        other.xdel("deleted more", identifier)
    found = kinds(source, target)
    assert found == dict.fromkeys((b"read less", b"another consumer", b"delivered again", b"deleted more"), "value")


@pytest.mark.parametrize("name", ["redis-6.2", "redis-8.2", "valkey-9.1"])
@pytest.mark.parametrize("promoted", [False, True])
def test_what_only_reading_changes_is_no_difference_to_a_replica(
    make_server: MakeServer, name: str, promoted: bool
) -> None:
    source, target = make_server(name=name), make_server(name=name)
    one, other = outside(source), outside(target)
    one.pfadd("counted", *range(100))
    one.pfadd("dense", *range(20_000))
    one.xadd("stream", {"field": "value"}, id="1-1")
    one.xgroup_create("stream", "group", "0")
    one.xreadgroup("group", "consumer", {"stream": ">"})
    other.replicaof("127.0.0.1", source.port)
    wait_for(lambda: other.info("replication").get("master_link_status") == "up" and other.dbsize() == 3, "the link")
    if promoted:
        other.replicaof("NO", "ONE")
    assert one.pfcount("counted") > 90
    assert other.pfcount("dense") > 19_000
    one.xreadgroup("group", "consumer", {"stream": "0"})
    one.xreadgroup("group", "another", {"stream": ">"})
    comparison = compared(source, target)
    assert comparison.outcome is Outcome.EQUAL, comparison.examples
    assert any("nothing pending" in note and "delivered: 1 (" in note for note in comparison.notes)
    # It is the rest that counts.
    if promoted:
        other.xclaim("stream", "group", "another", 0, ["1-1"])
        other.pfadd("counted", "one more")
        assert kinds(source, target) == {b"stream": "value", b"counted": "value"}


def test_a_count_that_is_not_what_was_counted_is_a_difference(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        client.pfadd("count", *range(100))
        client.set("no count", b"HYLL\x01\0\0\0" + (b"11111111" if client is one else b"22222222") + b"text")
    assert one.pfcount("count") == other.pfcount("count")
    assert kinds(source, target) == {b"no count": "value"}
    other.setrange("count", 8, b"\x07")
    assert one.pfcount("count") != other.pfcount("count")
    assert kinds(source, target) == {b"no count": "value", b"count": "value"}
