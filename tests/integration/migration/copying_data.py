"""A data set with everything in it, and a reader that is not the copier's."""

import time
from typing import Any

import redis

Snapshot = dict[bytes, dict[str, Any]]
STREAM_COUNTS = ("entries-added", "max-deleted-entry-id")


def has(client: Any, *command: str) -> bool:
    try:
        client.execute_command(*command)
    except redis.ResponseError:
        return False
    return True


def has_field_ttls(client: Any) -> bool:
    return has(client, "HPEXPIRETIME", "nothing", "FIELDS", "1", "f")


def has_stream_counts(client: Any) -> bool:
    client.execute_command("XGROUP", "CREATE", "probe:stream", "g", "0", "MKSTREAM")
    try:
        return has(client, "XSETID", "probe:stream", "1-1", "ENTRIESADDED", "1", "MAXDELETEDID", "0-0")
    finally:
        client.delete("probe:stream")


def fill(client: Any, *, big: bool) -> None:
    """Write every type, with encodings on both sides of each threshold."""
    strings: dict[bytes, bytes] = {
        b"": b"an empty key",
        bytes(range(256)): bytes(reversed(range(256))),
        b"key with \r\n and {braces}* [x]?": b"\r\n$-1\r\n",
        b"s:empty": b"",
        b"s:int": b"-9223372036854775808",
        b"s:int-like": b"007",
        b"s:beyond-int": b"9223372036854775808",
    }
    strings |= {b"s:%d" % size: b"\xff\x00" * (size // 2) + b"x" * (size % 2) for size in (43, 44, 45, 999, 70_000)}
    pipe = client.pipeline(transaction=False)
    for key, value in strings.items():
        pipe.set(key, value)
    pipe.setbit("s:bits", 12_345, 1)
    pipe.pfadd("s:hll", *range(3000))
    for size in (1, 127, 128, 129, 511, 512, 513, 3000):
        pipe.rpush(f"l:{size}", *(b"%d" % number for number in range(size)))
        pipe.sadd(f"set:int:{size}", *range(-5, size - 5))
        pipe.sadd(f"set:text:{size}", *(f"member {number}" for number in range(size)))
        pipe.zadd(f"z:{size}", {f"member {number}": number / 7 for number in range(size)})
        pipe.hset(f"h:{size}", mapping={f"field {number}": number for number in range(size)})
    for width in (63, 64, 65, 9000):
        pipe.rpush(f"l:wide:{width}", b"w" * width, b"")
        pipe.sadd(f"set:wide:{width}", b"w" * width, b"")
        pipe.zadd(f"z:wide:{width}", {b"w" * width: 1, b"": 2})
        pipe.hset(f"h:wide:{width}", mapping={b"w" * width: b"w" * width, b"": b""})
    scores = ("inf", "-inf", "0", "-0", "3.0000000000000004", "1e308", "5e-324", "9007199254740993", "0.1")
    for number, score in enumerate(scores):
        pipe.execute_command("ZADD", "z:scores", score, f"m{number}")
    pipe.geoadd("z:geo", (13.361389, 38.115556, "Palermo"))
    pipe.execute()
    _fill_streams(client)
    client.expire("h:3000", 777)
    client.expire("x:many", 777)
    if has_field_ttls(client):
        client.hset("h:ttl", mapping={f"f{number}": number for number in range(600)})
        client.execute_command("HPEXPIRE", "h:ttl", 500_000, "FIELDS", 3, "f1", "f2", "f599")
        client.execute_command("HPEXPIRE", "h:ttl", 600_000, "FIELDS", 1, "f3")
    if big:
        client.set("big:s", b"\x00big" * 2_500_000)
        _fill_big(client)
    # Last, so that the shortest are still there when they are copied.
    for seconds in (1, 2, 10, 3600, 10**8):
        client.set(f"ttl:s:{seconds}", "x", px=seconds * 1000 + 500)
        client.rpush(f"ttl:l:{seconds}", "x")
        client.pexpire(f"ttl:l:{seconds}", seconds * 1000 + 500)


def _fill_big(client: Any) -> None:
    for start in range(0, 10_000, 500):
        numbers = range(start, start + 500)
        pipe = client.pipeline(transaction=False)
        pipe.rpush("big:l", *(b"%01000d" % number for number in numbers))
        pipe.sadd("big:set", *(b"%01000d" % number for number in numbers))
        pipe.zadd("big:z", {b"%01000d" % number: number for number in numbers})
        pipe.hset("big:h", mapping={b"%d" % number: b"%01000d" % number for number in numbers})
        for number in numbers:
            pipe.xadd("big:x", {"n": b"%01000d" % number}, id=f"{number + 1}-1")
        pipe.execute()
    client.hset("big:one-field", "f", b"\x01" * 10_000_000)


def _fill_streams(client: Any) -> None:
    client.xgroup_create("x:never-used", "g", "0", mkstream=True)
    client.xadd("x:emptied", {"a": "b"}, id="5-5")
    client.xdel("x:emptied", "5-5")
    client.xadd("x:no-groups", {"a": "b", "": b"\x00"}, id="18446744073709551614-18446744073709551615")
    pipe = client.pipeline(transaction=False)
    for number in range(1, 2501):
        pipe.xadd("x:many", {"n": number, b"\xff": b"\x00" * (number % 50)}, id=f"{number}-{number % 3}")
    pipe.execute()
    client.xgroup_create("x:many", "first", "0")
    client.xgroup_create("x:many", b"second \x00", "$")
    client.xgroup_create("x:many", "third", "7-1")
    client.execute_command("XGROUP", "CREATECONSUMER", "x:many", "third", "idle one")
    client.xreadgroup("first", "alice", {"x:many": ">"}, count=1200)
    client.xreadgroup("first", "bob", {"x:many": ">"}, count=15)
    client.xack("x:many", "first", "5-2", "6-0")
    client.xclaim("x:many", "first", "carol", 0, ["9-0", "10-1"], idle=120_000, retrycount=17)
    # Pending entries that are no longer there, at both ends and within.
    client.xdel("x:many", "1-1", "11-2", "12-0", "1215-0", "2500-1")
    for number in range(3):
        client.xadd("x:all-deleted", {"n": number}, id=f"{number + 1}-0")
    client.xgroup_create("x:all-deleted", "g", "0")
    client.xreadgroup("g", "c", {"x:all-deleted": ">"})
    client.xdel("x:all-deleted", "1-0", "2-0", "3-0")


def take(client: Any) -> Snapshot:
    """All of a database."""
    values = {key: _value(client, key) for key in client.keys("*")}
    # What expired while it was read is not there.
    return {key: found for key, found in values.items() if client.exists(key)}


def _value(client: Any, key: bytes) -> dict[str, Any]:
    kind = client.type(key).decode()
    if kind == "none":
        return {}
    readers: dict[str, Any] = {
        "string": lambda: client.get(key),
        "list": lambda: client.lrange(key, 0, -1),
        "set": lambda: client.smembers(key),
        "zset": lambda: client.zrange(key, 0, -1, withscores=True),
        "hash": lambda: client.hgetall(key),
        "stream": lambda: client.xrange(key),
    }
    found = {"type": kind, "value": readers[kind]() if kind in readers else client.dump(key)}
    if kind == "stream":
        found |= _stream(client, key)
    if kind == "hash" and has_field_ttls(client):
        names = list(found["value"])
        found["field ttls"] = dict(
            zip(names, client.execute_command("HPEXPIRETIME", key, "FIELDS", len(names), *names), strict=True)
        )
    asked = time.time()
    left = client.pttl(key)
    # Between these: the machine may have stood still while it was asked.
    found["ends"] = None if left < 0 else (asked + left / 1000, time.time() + left / 1000)
    return found


def _stream(client: Any, key: bytes) -> dict[str, Any]:
    info = client.xinfo_stream(key)
    groups = {}
    for group in client.xinfo_groups(key):
        name = group["name"]
        asked = time.time()
        pending = client.xpending_range(key, name, "-", "+", 10_000)
        answered = time.time()
        groups[name] = {
            "last": group["last-delivered-id"],
            "read": group.get("entries-read"),
            "consumers": sorted(one["name"] for one in client.xinfo_consumers(key, name)),
            "pending": [(row["message_id"], row["consumer"], row["times_delivered"]) for row in pending],
            # Between these: the machine may have stood still while it was asked.
            "delivered": [
                tuple(at - row["time_since_delivered"] / 1000 for at in (asked, answered)) for row in pending
            ],
        }
    return {"last": info["last-generated-id"], "groups": groups, **{name: info.get(name) for name in STREAM_COUNTS}}


def assert_equal(before: Snapshot, after: Snapshot, *, field_ttls: bool = True, stream_counts: bool = True) -> None:
    """What expired between the two readings is no difference."""
    now = time.time()
    alive = {key: found for key, found in before.items() if key in after or not _may_have_ended(found, now)}
    assert alive.keys() == after.keys()
    for key, found in alive.items():
        copied = after[key]
        for name in ("type", "value", "last"):
            assert copied.get(name) == found.get(name), (key, name)
        assert (copied["ends"] is None) == (found["ends"] is None), key
        if found["ends"] is not None:
            assert _are_close(copied["ends"], found["ends"]), key
        if field_ttls:
            assert copied.get("field ttls") == found.get("field ttls"), key
        if stream_counts:
            assert [copied.get(name) for name in STREAM_COUNTS] == [found.get(name) for name in STREAM_COUNTS], key
        _assert_equal_groups(key, found.get("groups", {}), copied.get("groups", {}), stream_counts)


def _are_close(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two times, each of which lies between two, may be less than a second apart."""
    return one[0] - 1 < other[1] and other[0] - 1 < one[1]


def _assert_equal_groups(key: bytes, before: dict[str, Any], after: dict[str, Any], stream_counts: bool) -> None:
    assert before.keys() == after.keys()
    for name, group in before.items():
        copied = after[name]
        for what in ("last", "consumers", "pending", *(("read",) if stream_counts else ())):
            assert copied[what] == group[what], (key, name, what)
        for one, other in zip(group["delivered"], copied["delivered"], strict=True):
            assert _are_close(one, other), (key, name)


def _may_have_ended(found: dict[str, Any], now: float) -> bool:
    return found["ends"] is not None and found["ends"][0] < now + 1
