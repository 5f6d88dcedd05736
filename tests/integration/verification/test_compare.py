import asyncio
import random
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import CannotTellError, ConfigurationError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.verification.compare import contents
from redis_rehearsal.verification.compare.classify import Difference
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Comparison, Outcome, Progress
from redis_rehearsal.verification.compare.rounds import compare
from tests.conftest import MakeServer
from tests.integration.verification.conftest import GetServer, outside
from tests.support import wait_for

QUICK = CompareOptions(round_interval=0)
PAIRS = [
    ("redis-6.2", "valkey-9.1"),
    ("redis-6.2", "redis-8.2"),
    ("redis-8.2", "valkey-9.1"),
    ("valkey-9.1", "redis-6.2"),
]
SIZES = st.sampled_from([1, 2, 3, 16, 127, 128, 129, 512, 513, 700])
ELEMENT = st.sampled_from([b"", b"\xff\x00", b"short", b"x" * 63, b"x" * 64, b"x" * 65, b"y" * 300])

Value = tuple[str, Any]
Entry = tuple[Value, int | None, str]
"""A value, its time to live in seconds, and what is done to it on the target."""


def compared(source: RedisServer, target: RedisServer, options: CompareOptions = QUICK, **more: Any) -> Comparison:
    return asyncio.run(compare(Endpoint.parse(source.url), Endpoint.parse(target.url), options, **more))


def kinds(source: RedisServer, target: RedisServer, options: CompareOptions = QUICK) -> dict[bytes, str]:
    found: dict[bytes, str] = {}

    def record(difference: Difference, *_: Any) -> None:
        if not difference.benign:
            found[difference.key] = difference.kind.value

    comparison = compared(source, target, options, record=record)
    assert comparison.unexplained == len(found)
    return found


@st.composite
def values(draw: st.DrawFn) -> Value:
    kind = draw(st.sampled_from(["string", "list", "hash", "set", "zset", "stream"]))
    if kind == "string":
        size = draw(st.sampled_from([0, 1, 44, 45, 16_383, 16_384, 16_385, 1_100_000]))
        return kind, draw(st.binary(min_size=1, max_size=3)) * size
    size, element = draw(SIZES), draw(ELEMENT)
    if draw(st.booleans()) and kind == "set":
        return kind, list(range(size))  # integers have an encoding of their own
    elements = [element + b"%d" % number for number in range(size)]
    if kind in ("hash", "stream"):
        return kind, {field: draw(ELEMENT) if place < 3 else b"v" for place, field in enumerate(elements)}
    if kind == "zset":
        scores = draw(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
        return kind, {member: scores[place % len(scores)] for place, member in enumerate(elements)}
    return kind, elements


def put(client: Any, key: bytes, value: Value) -> None:
    kind, content = value
    match kind:
        case "string":
            client.set(key, content)
        case "list":
            client.rpush(key, *content)
        case "hash":
            client.hset(key, mapping=content)
        case "set":
            client.sadd(key, *content)
        case "zset":
            client.zadd(key, content)
        case _:
            pipe = client.pipeline(transaction=False)
            for number, (field, text) in enumerate(content.items(), 1):
                pipe.xadd(key, {field: text}, id=f"{number}-0")
            pipe.xgroup_create(key, "group", "1-0")
            pipe.execute()


def change(client: Any, key: bytes, value: Value) -> None:
    """The least that is another value."""
    kind, content = value
    match kind:
        case "string":
            client.append(key, b"x")
        case "list":
            client.lset(key, -1, b"another")
        case "hash":
            client.hset(key, list(content)[-1], b"another")
        case "set":
            client.srem(key, content[-1])
            client.sadd(key, b"another")
        case "zset":
            member, score = list(content.items())[-1]
            client.zadd(key, {member: 1.0 if score != 1.0 else 1.0000000000000002})
        case _:
            client.xgroup_setid(key, "group", "0-0")


def edit(source: Any, target: Any, key: bytes, value: Value, what: str) -> None:
    match what:
        case "missing":
            target.delete(key)
        case "extra":
            source.delete(key)
        case "type":
            target.delete(key)
            target.set(key, b"1") if value[0] != "string" else target.rpush(key, b"1")
        case "value":
            change(target, key, value)
        case "ttl":
            target.persist(key) if target.ttl(key) >= 0 else target.expire(key, 5000)
        case "value and ttl":
            change(target, key, value)
            target.expire(key, 7000)


EDITS = ["same", "same", "missing", "extra", "type", "value", "ttl", "value and ttl"]
DATA = st.dictionaries(
    st.binary(max_size=5),
    st.tuples(values(), st.sampled_from([None, 1, 1000]), st.sampled_from(EDITS)),
    max_size=12,
)


def fill(source: Any, target: Any, data: dict[bytes, Entry]) -> dict[bytes, str]:
    """Put the same on both servers, edit it on one, and say which differences there are."""
    source.flushall()
    target.flushall()
    expected = {}
    for key, (value, ttl, what) in data.items():
        for client in (source, target):
            put(client, key, value)
        if ttl == 1:  # what expires while it is compared is no edit
            at = int(time.time() * 1000) + 1000
            for client in (source, target):
                client.pexpireat(key, at)
            continue
        if ttl is not None:
            # The same moment for both, however long the test is kept waiting in between.
            at = int(time.time()) + ttl
            for client in (source, target):
                client.expireat(key, at)
        edit(source, target, key, value, what)
        if what != "same":
            expected[key] = "value" if what == "value and ttl" else what
    return expected


@pytest.mark.parametrize("names", PAIRS)
def test_exactly_the_edits_are_found_each_in_its_class(get_server: GetServer, names: tuple[str, str]) -> None:
    source, target = map(get_server, names)
    one, other = outside(source), outside(target)

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(DATA)
    def work(data: dict[bytes, Entry]) -> None:
        expected = fill(one, other, data)
        assert kinds(source, target) == expected

    work()


def test_values_read_in_many_pieces_compare_as_those_read_whole(
    get_server: GetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SMALL_BYTES", 0)
    monkeypatch.setattr(contents, "_SMALL_STRING_BYTES", 10)
    monkeypatch.setattr(contents, "_PAGE_BYTES", 3000)
    monkeypatch.setattr(contents, "_MOST_ELEMENTS", 7)
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)

    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(DATA)
    def work(data: dict[bytes, Entry]) -> None:
        expected = fill(one, other, data)
        assert kinds(source, target) == expected

    work()


@pytest.mark.parametrize("names", [("valkey-9.1", "valkey-9.1'"), ("redis-6.2", "redis-8.2")])
def test_equal_content_in_other_encodings_is_equal(get_server: GetServer, names: tuple[str, str]) -> None:
    source, target = map(get_server, names)
    one, other = outside(source), outside(target)
    thresholds = {
        name: value
        for name, value in other.config_get("*-max-*").items()
        if name.startswith(("hash-max", "zset-max", "set-max", "list-max"))
    }
    for name in thresholds:
        other.config_set(name, 1)
    data: dict[bytes, Value] = {
        b"hash": ("hash", {b"f%d" % n: b"v" for n in range(20)}),
        b"set": ("set", list(range(20))),
        b"set of words": ("set", [b"w%d" % n for n in range(20)]),
        b"zset": ("zset", {b"m%d" % n: n / 3 for n in range(20)}),
        b"list": ("list", [b"e%d" % n for n in range(2000)]),
    }
    try:
        for client in (one, other):
            client.flushall()
            for key, value in data.items():
                put(client, key, value)
        others = [key for key in data if one.object("encoding", key) != other.object("encoding", key)]
        assert len(others) >= 3  # not each type has two encodings in each version
        comparison = compared(source, target)
        assert comparison.outcome is Outcome.EQUAL
        assert comparison.keys_compared == len(data)
    finally:
        for name, value in thresholds.items():
            other.config_set(name, value)


def test_one_changed_byte_in_values_of_ten_megabytes_is_found(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    rng = random.Random(0)  # noqa: S311 # no secret
    text = rng.randbytes(10_000_000)
    fields = {b"field:%d" % n: rng.randbytes(1000) for n in range(10_000)}
    for client in (one, other):
        client.flushall()
        client.set("string", text)
        client.set("string too", text)
        client.hset("hash", mapping=fields)
        client.hset("hash too", mapping=fields)
        client.rpush("elements of a megabyte", *(text[:1_000_000] for _ in range(10)))
        client.rpush("one huge element", text * 2)
    assert kinds(source, target) == {}
    other.setrange("string", 9_999_999, bytes([text[-1] ^ 1]))
    other.hset("hash", b"field:9999", b"another")
    other.lset("one huge element", 0, text * 2 + b"x")
    assert kinds(source, target) == {b"string": "value", b"hash": "value", b"one huge element": "value"}


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


def test_many_keys_are_compared_both_ways(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        client.mset({f"key:{n}": f"value {n}" for n in range(20_000)})
        client.mset({f"other:{n}": "x" for n in range(1000)})
    one.delete(*(f"key:{n}" for n in range(100)))
    other.delete(*(f"key:{n}" for n in range(200, 500)))
    told: list[Progress] = []
    comparison = compared(source, target, progress=told.append)
    assert comparison.counts == {"missing": 300, "extra": 100, "type": 0, "value": 0, "ttl": 0}
    assert [part.keys for part in comparison.rounds] == [comparison.rounds[0].keys, 400, 400]
    assert told[-1].differences == 400
    chosen = compared(source, target, CompareOptions(prefix="other:"))
    assert (chosen.keys_compared, chosen.outcome) == (1000, Outcome.EQUAL)
    sample = compared(source, target, CompareOptions(sample=2000, round_interval=0))
    assert sample.keys_compared == 2000
    assert 0 < sample.unexplained < 200


def test_a_difference_that_the_caller_explains_is_benign(get_server: GetServer) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    one, other = outside(source), outside(target)
    for client in (one, other):
        client.flushall()
        client.set("counter", 1)
        client.set("report", 1)
    other.incr("counter")
    other.incr("report")
    comparison = compared(
        source, target, explain=lambda found: "written after the cutover" if found.key == b"counter" else None
    )
    assert comparison.benign == {"written after the cutover": 1}
    assert comparison.document()["unexplained"] == comparison.counts["value"] == 1
    assert [found.key for found in comparison.examples] == [b"report"]


@pytest.mark.parametrize("options", [{"match": "usr:*"}, {"prefix": "usr:"}, {"match": "usr:*", "sample": 5}])
def test_a_pattern_that_matches_nothing_compares_nothing(get_server: GetServer, options: dict[str, Any]) -> None:
    source, target = get_server("redis-6.2"), get_server("valkey-9.1")
    for server in (source, target):
        outside(server).flushall()
        outside(server).set("user:1", "x")
    assert compared(source, target, CompareOptions(**options)).outcome is Outcome.UNKNOWN
    assert compared(source, target).outcome is Outcome.EQUAL


def test_one_database_is_not_compared_with_itself(get_server: GetServer) -> None:
    server = get_server("valkey-9.1")
    with pytest.raises(ConfigurationError, match="same database"):
        compared(server, server)


def test_a_server_that_dies_leaves_it_unknown(make_server: MakeServer) -> None:
    source, target = make_server(name="valkey-9.1"), make_server(name="valkey-9.1")
    for server in (source, target):
        outside(server).mset({f"key:{n}": n for n in range(20_000)})
    with pytest.raises(CannotTellError, match=r"The target redis://127\.0\.0\.1:.* went away while it was compared"):
        compared(source, target, progress=lambda _: target.kill())


def test_what_may_not_be_read_leaves_it_unknown(make_server: MakeServer) -> None:
    source, target = make_server(name="valkey-9.1"), make_server(name="valkey-9.1")
    client = outside(source)
    client.hset("secret", "field", "value")
    outside(target).hset("secret", "field", "value")
    client.execute_command("ACL", "SETUSER", "half", "on", ">word", "~*", "+@all", "-hgetall")
    endpoint = Endpoint.parse(f"redis://half:word@127.0.0.1:{source.port}/0")
    with pytest.raises(CannotTellError, match="does not permit"):
        asyncio.run(compare(endpoint, Endpoint.parse(target.url), QUICK))


def test_values_of_a_type_that_cannot_be_read_leave_it_unknown(get_server: GetServer) -> None:
    source, target = get_server("redis-8.2"), get_server("redis-8.2'")
    for client in (outside(source), outside(target)):
        client.flushall()
        client.set("string", 1)
        client.execute_command("VADD", "vectors", "VALUES", "2", "1", "2", "element")
    comparison = compared(source, target)
    assert (comparison.outcome, comparison.unreadable) == (Outcome.UNKNOWN, 1)
    assert comparison.document()["unreadable_types"] == ["vectorset"]
    # What is surely different is more than what is not known.
    outside(target).expire("vectors", 1000)
    comparison = compared(source, target)
    assert comparison.outcome is Outcome.DIFFERENT
    assert comparison.counts["ttl"] == 1
