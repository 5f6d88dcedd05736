""""""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import CannotTellError, ConfigurationError
from redis_rehearsal.verification.compare import contents
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Outcome, Progress
from redis_rehearsal.verification.compare.rounds import compare
from tests.conftest import MakeServer
from tests.integration.verification.comparing import DATA, PAIRS, QUICK, Entry, Value, compared, fill, kinds, put
from tests.integration.verification.conftest import GetServer, outside


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
    rng = random.Random(0)  # no secret
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
