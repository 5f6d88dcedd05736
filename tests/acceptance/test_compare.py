"""The command as a user runs it: its output, its file and its exit codes."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.conftest import MakeServer
from tests.support import command, run_to_the_end, wait_for


@pytest.fixture
def servers(make_server: MakeServer) -> tuple[RedisServer, RedisServer]:
    return make_server(name="valkey-9.1"), make_server(name="valkey-9.1")


def clients(servers: tuple[RedisServer, RedisServer]) -> tuple[Any, Any]:
    one, other = (redis.Redis(port=server.port, protocol=2, single_connection_client=True) for server in servers)
    return one, other


def urls(servers: tuple[RedisServer, RedisServer]) -> dict[str, str]:
    return {"REDIS_URL": servers[0].url, "TARGET_REDIS_URL": servers[1].url}


def test_equal_databases_end_with_0_and_a_sentence(tmp_path: Path, servers: tuple[RedisServer, RedisServer]) -> None:
    for client in clients(servers):
        client.mset({f"key:{n}": n for n in range(1000)})
    ended = run_to_the_end(tmp_path, "compare", servers[0].url, servers[1].url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("Equal. 1,000 keys compared in ")
    assert ended.stderr == ""


def test_what_was_not_compared_and_what_kept_changing_end_with_3(
    tmp_path: Path, servers: tuple[RedisServer, RedisServer]
) -> None:
    for client, start in zip(clients(servers), (1_000_000, 500), strict=True):
        client.mset({f"orders:{n}": start for n in range(20)})
    for place, arguments in enumerate((("--match", "ordres:*"), ("--prefix", "ordres:", "--json"))):
        (tmp_path / str(place)).mkdir()
        ended = run_to_the_end(tmp_path / str(place), "compare", *arguments, **urls(servers))
        assert ended.returncode == 3, ended.stderr
        assert '"unknown"' in ended.stdout or "Neither server has a key to compare" in ended.stdout
    ended_writing = threading.Event()

    def write() -> None:
        both = clients(servers)
        while not ended_writing.wait(0.01):
            for client in both:
                for number in range(20):
                    client.incr(f"orders:{number}")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        ended = run_to_the_end(tmp_path, "compare", **urls(servers))
    finally:
        ended_writing.set()
        writing.join()
    assert ended.returncode == 3, ended.stdout
    assert "20  kept changing on both servers" in ended.stdout


def test_what_differs_is_counted_and_written_to_the_file(
    tmp_path: Path, servers: tuple[RedisServer, RedisServer]
) -> None:
    one, other = clients(servers)
    for client in (one, other):
        client.mset({"same": 1, "lost": 1, b"\xff\x00": "secret value", "kind": 1, "time": 1})
    other.delete("lost", "kind")
    other.rpush("kind", 1, 2)
    other.append(b"\xff\x00", "!")
    other.expire("time", 1000)
    other.set("new", 1, ex=500)
    arguments = ("compare", "--output", "differing.jsonl", "--json", "--round-interval", "50ms")
    ended = run_to_the_end(tmp_path, *arguments, **urls(servers))
    assert ended.returncode == 1, ended.stderr
    document = json.loads(ended.stdout)
    counts = {"missing": 1, "extra": 1, "type": 1, "value": 1, "ttl": 1}
    assert counts.items() <= document.items()
    assert (document["outcome"], document["unexplained"], document["keys_compared"]) == ("different", 5, 6)
    assert [part["keys"] for part in document["rounds"]] == [6, 5, 5]
    text = (tmp_path / "differing.jsonl").read_text()
    rows = {row.get("key", row.get("key_base64")): row for row in map(json.loads, text.splitlines())}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "lost": "missing",
        "new": "extra",
        "kind": "type",
        "/wA=": "value",
        "time": "ttl",
    }
    assert rows["lost"]["source"] == {"type": "string", "length": 1, "ttl_ms": None, "digest": None}
    assert rows["lost"]["target"] is None
    assert rows["kind"]["target"]["length"] == 2
    assert rows["/wA="]["source"]["digest"] != rows["/wA="]["target"]["digest"]
    assert 0 < rows["time"]["target"]["ttl_ms"] <= 1_000_000
    assert "secret value" not in text + ended.stdout + ended.stderr


def test_whole_values_are_written_where_they_are_asked_for(
    tmp_path: Path, servers: tuple[RedisServer, RedisServer]
) -> None:
    one, other = clients(servers)
    one.hset("hash", mapping={"field": b"\xff"})
    one.zadd("scores", {"member": float("inf")})
    one.xadd("stream", {"field": "value"}, id="1-1")
    one.set("string", "é")
    one.sadd("set", "member")
    other.rpush("list", "a", "b")
    ended = run_to_the_end(tmp_path, "compare", "--rounds=1", "--output=out", "--values", **urls(servers))
    assert ended.returncode == 1, ended.stderr
    rows = {row["key"]: row for row in map(json.loads, (tmp_path / "out").read_text().splitlines())}
    assert {key: (row["source"] or row["target"])["value"] for key, row in rows.items()} == {
        "hash": [["field", {"base64": "/w=="}]],
        "scores": [["member", "inf"]],
        "stream": [["1-1", ["field", "value"]]],
        "string": "é",
        "set": ["member"],
        "list": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "SOURCE is missing; give its URL as an argument, or in REDIS_URL."),
        (("redis://:secret@127.0.0.1:1",), "TARGET is missing; give its URL as an argument, or in TARGET_REDIS_URL."),
        (("redis://:secret@127.0.0.1:1", "redis://127.0.0.1:2"), "Connection refused"),
        (("redis://a", "http://:secret@b"), "TARGET cannot be used: A Redis URL begins with http://"),
        (("redis://a", "redis://b", "redis://u:secret@c"), "compare takes only two URLs and flags"),
        (("--rounds", "0"), "--rounds is '0'; it must be a whole number from 1 to 100."),
        (("--match", "a", "--prefix", "b"), "--match and --prefix cannot be given together"),
        (("redis://a", "redis://b", "--values"), "--values writes to the file of --output FILE, which is missing."),
        (("redis://a", "redis://b", "--output", "none/x"), "The file none/x of --output cannot be written"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = run_to_the_end(tmp_path, "compare", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr
    assert ended.stdout == ""


def test_a_server_that_dies_in_the_middle_ends_it_with_3(
    tmp_path: Path, servers: tuple[RedisServer, RedisServer]
) -> None:
    _, target = servers
    clients(servers)[0].mset({f"key:{n}": n for n in range(100)})
    with command(tmp_path, "compare", "--rounds=100", "--round-interval=50ms", **urls(servers)) as running:
        name = "redis-rehearsal:compare"
        observer = clients(servers)[1]
        wait_for(lambda: any(one["name"] == name for one in observer.client_list()), "a connection")
        target.kill()
        assert running.wait() == 3
        assert f"The target redis://127.0.0.1:{target.port}/0 went away" in running.stderr
        assert "Traceback" not in running.stderr


def test_an_interrupt_is_no_answer(tmp_path: Path, servers: tuple[RedisServer, RedisServer]) -> None:
    clients(servers)[0].set("key", 1)
    with command(tmp_path, "compare", "--rounds=100", **urls(servers)) as running:
        observer = clients(servers)[1]
        name = "redis-rehearsal:compare"
        wait_for(lambda: any(one["name"] == name for one in observer.client_list()), "a connection")
        running.interrupt()
        assert running.wait() == 3
        assert "Interrupted before all keys were compared" in running.stderr
