"""Copying where something refuses, is away, or is cut off in the middle."""

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.migration.copying import Copier, CopyResult
from redis_rehearsal.migration.copying.build import Build
from redis_rehearsal.verification.compare.rounds import compare
from tests.conftest import MakeServer
from tests.integration.migration.copying_data import (
    assert_equal,
    fill,
    take,
)
from tests.integration.migration.pair import TEMPORARY, Method, Pair
from tests.support import wait_for


def test_a_cancelled_copy_leaves_the_old_value_and_no_temporary_key(pair: Pair) -> None:
    pair.source.rpush("l", *(b"x" * 1000 for _ in range(20_000)))
    pair.target.rpush("l", "old")

    async def copy() -> None:
        async with pair.copier(piece_bytes=20_000) as copier:
            task = asyncio.create_task(copier.copy([b"l"]))
            while not pair.temporary_keys():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(copy())
    assert pair.target.lrange("l", 0, -1) == [b"old"]
    assert not pair.temporary_keys()


@pytest.mark.parametrize("kind", ["list", "set", "string"])
def test_a_value_whose_half_is_lost_on_the_way_does_not_take_its_place(pair: Pair, kind: str) -> None:
    if kind == "list":
        pair.source.rpush("k", *(b"%01000d" % number for number in range(10_000)))
    elif kind == "set":
        pair.source.sadd("k", *(b"%01000d" % number for number in range(10_000)))
    else:
        pair.source.set("k", b"x" * 10_000_000)
    pair.target.set("k", "old")

    async def copy() -> CopyResult:
        async with pair.copier(piece_bytes=20_000) as copier:
            task = asyncio.create_task(copier.copy([b"k"]))
            while not (found := pair.temporary_keys()):
                await asyncio.sleep(0.001)
            # As an eviction would.
            assert pair.target.delete(*found) == 1
            return await task

    ((key, reason),) = asyncio.run(copy()).failed
    assert key == b"k"
    assert "the target lost" in reason
    assert pair.target.get("k") == b"old"
    assert not pair.temporary_keys()


@pytest.mark.parametrize("what", ["key", "group"])
def test_a_stream_that_goes_while_it_is_read_is_no_failure(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """As one that expires between two questions does, or whose group somebody destroys."""
    pair.source.xadd("s", {"field": "value"}, id="1-1")
    pair.source.xgroup_create("s", "group", "0")
    pair.source.xreadgroup("group", "consumer", {"s": ">"})
    ask_all = Build.ask_all
    done: list[int] = []

    async def after_it_went(self: Build, commands: list[tuple[str | bytes | int, ...]]) -> list[Any]:
        if commands[-1][0] == "XPENDING" and not done:
            done.append(pair.source.delete("s") if what == "key" else pair.source.xgroup_destroy("s", "group"))
        return await ask_all(self, commands)

    monkeypatch.setattr(Build, "ask_all", after_it_went)
    result = pair.copy(b"s", method="types")
    assert done == [1]
    assert result.failed == []
    assert pair.target.exists("s") == (what == "group")
    if what == "group":
        assert pair.target.xinfo_groups("s") == []
        assert pair.target.xrange("s") == [(b"1-1", {b"field": b"value"})]
    assert not pair.temporary_keys()


def test_what_an_earlier_copy_left_is_removed_and_nothing_else(pair: Pair) -> None:
    others = [b"copying*[tmp]", b"copyingXt:", b"copying*t:1", b"other"]
    pair.target.mset(dict.fromkeys((*others, TEMPORARY + b"1", TEMPORARY + b"dead:2"), "x"))
    assert pair.copy().keys == 0
    assert sorted(pair.target.keys("*")) == sorted(others)


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_copy_that_a_killed_server_interrupts_can_be_run_again(
    make_server: MakeServer, stack: ExitStack, which: str
) -> None:
    durable = ("--appendonly", "yes")
    pair = Pair(make_server(*durable, name="valkey-9.1"), make_server(*durable, name="valkey-9.1"), stack)
    pair.source.mset({f"s:{number}": "x" * 100 for number in range(500)})
    for number in range(4):
        pair.source.rpush(f"big:{number}", *(b"%01000d" % item for item in range(3000)))
    server = pair.source_server if which == "source" else pair.target_server
    before = take(pair.source)
    keys = sorted(before)

    async def copy() -> None:
        async with pair.copier(method="types", piece_bytes=20_000) as copier:
            task = asyncio.create_task(copier.copy(keys))
            while not pair.temporary_keys():
                await asyncio.sleep(0.001)
            server.kill()
            with pytest.raises(OSError, match=f"^the {which} redis://127.0.0.1:{server.port}/0 "):
                await task
            with pytest.raises(OSError, match=f"the {which} .* cannot be reached"):
                await copier.copy(keys)
            server.start()
            # The same copier connects anew.
            assert (await copier.copy(keys[:10])).copied == 10

    asyncio.run(copy())
    wait_for(lambda: pair.source.ping() and pair.target.ping(), "both servers")
    assert pair.copy(*keys).copied == len(keys)
    assert_equal(before, take(pair.target))
    assert not pair.temporary_keys()


def test_a_server_that_does_not_answer_is_away(pair: Pair) -> None:
    pair.source.set("a", "1")

    async def copy() -> None:
        async with pair.copier(timeout_seconds=0.2) as copier:
            pair.target.execute_command("CLIENT", "PAUSE", "100000", "ALL")
            with pytest.raises(OSError, match=r"the target .* did not answer within 0\.2 s"):
                await copier.copy([b"a"])
            pair.target_server.kill()

    asyncio.run(copy())


def test_a_target_that_turns_read_only_is_away(pair: Pair) -> None:
    pair.source.set("a", "1")

    async def copy() -> None:
        async with pair.copier() as copier:
            pair.target.replicaof("127.0.0.1", "1")
            with pytest.raises(OSError, match=r"the target .* refuses all work: READONLY"):
                await copier.copy([b"a"])

    asyncio.run(copy())


def test_a_source_that_refuses_writes_can_be_copied_from(pair: Pair) -> None:
    pair.source.mset({"a": "1", "b": "2"})
    pair.source.config_set("min-replicas-to-write", "99")

    async def copy() -> CopyResult:
        async with pair.copier() as copier:
            assert copier.what_method()[0] == "dump"
            return await copier.copy([b"a", b"b"])

    assert asyncio.run(copy()).copied == 2
    assert pair.target.mget("a", "b") == [b"1", b"2"]
    assert pair.source.dbsize() == 2


@pytest.mark.parametrize("method", ["dump", "types"])
def test_a_source_that_does_not_tell_sizes_can_be_copied_from(pair: Pair, method: Method) -> None:
    fill(pair.source, big=False)
    before = take(pair.source)
    pair.source.execute_command("ACL", "SETUSER", "default", "-memory")
    assert pair.copy_all(method=method, piece_bytes=5000).failed == []
    assert_equal(before, take(pair.target))


def test_one_key_that_fails_does_not_keep_others_back(pair: Pair) -> None:
    pair.source.mset({"open": "1", "secret": "2"})
    pair.source.execute_command("ACL", "SETUSER", "default", "resetkeys", "~open", "~copying*")
    result = pair.copy(b"open", b"secret", TEMPORARY + b"own")
    assert result.copied == 1
    assert [key for key, _ in result.failed] == [TEMPORARY + b"own", b"secret"]
    assert "NOPERM" in dict(result.failed)[b"secret"]


@pytest.mark.parametrize("method", ["dump", "types"])
def test_a_target_without_memory_keeps_what_it_has(pair: Pair, method: Method) -> None:
    pair.source.rpush("l", *(b"x" * 1000 for _ in range(2000)))
    pair.source.set("s", "new")
    pair.source.rpush("small", "new")
    pair.target.rpush("l", "old")

    async def copy() -> CopyResult:
        async with pair.copier(method=method, piece_bytes=20_000) as copier:
            pair.target.config_set("maxmemory", "1mb")
            return await copier.copy([b"l", b"s", b"small"])

    result = asyncio.run(copy())
    assert sorted(key for key, reason in result.failed if "OOM" in reason) == [b"l", b"s", b"small"]
    assert pair.target.lrange("l", 0, -1) == [b"old"]
    assert pair.target.keys("*") == [b"l"]


def test_a_server_that_is_not_there_is_named() -> None:
    async def copy() -> None:
        nowhere = Endpoint.parse("redis://:secret@127.0.0.1:1/0")
        with pytest.raises(OSError, match=r"^the source redis://127\.0\.0\.1:1/0 cannot be reached") as caught:
            async with Copier(nowhere, nowhere, temporary_prefix="t:"):
                pass
        assert "secret" not in str(caught.value)

    asyncio.run(copy())


@pytest.mark.parametrize("setting", ["proto-max-bulk-len", "client-query-buffer-limit"])
@pytest.mark.parametrize("method", ["dump", "types", "auto"])
def test_an_element_above_what_the_target_takes_fails_by_name_and_nothing_else_does(
    make_server: MakeServer, stack: ExitStack, setting: str, method: Method
) -> None:
    pair = Pair(make_server(name="valkey-9.1"), make_server(f"--{setting}", "1mb", name="valkey-9.1"), stack)
    large = b"x" * 2_000_000
    pair.source.set("string", b"y" * 3_000_000)
    pair.source.hset("hash", mapping={"a": 1, "b": large})
    pair.source.rpush("list", 1, large)
    pair.source.sadd("set", 1, large)
    pair.source.zadd("sorted set", {"a": 1, large: 2})
    pair.source.xadd("stream", {"field": large})
    fill(pair.source, big=False)
    failed = dict(pair.copy_all(method=method).failed)
    # A string that goes in pieces may not become longer than one argument either.
    pieces = {b"string"} if setting == "proto-max-bulk-len" else set()
    assert set(failed) == {b"hash", b"list", b"set", b"sorted set", b"stream"} | pieces
    for key, reason in failed.items():
        assert setting in reason
        assert key in pieces or f"2,000,000 bytes at once are above the {setting}" in reason
    assert pair.target.get("string") == (None if pieces else b"y" * 3_000_000)
    assert pair.target.dbsize() == pair.source.dbsize() - len(failed)
    assert not pair.temporary_keys()


def test_without_dump_or_restore_all_types_go_by_their_own_commands(make_server: MakeServer, stack: ExitStack) -> None:
    for old, new in ((("--rename-command", "DUMP", ""), ()), ((), ("--rename-command", "RESTORE", ""))):
        pair = Pair(make_server(*old, name="redis-6.2"), make_server(*new, name="valkey-9.1"), stack)
        fill(pair.source, big=False)
        assert pair.copy_all().failed == []
        assert_equal(take(pair.source), take(pair.target), field_ttls=False, stream_counts=False)


def test_on_the_way_back_servers_are_called_what_they_are_for_the_user(
    make_server: MakeServer, stack: ExitStack
) -> None:
    pair = Pair(make_server(), make_server("--rename-command", "RENAME", ""), stack)
    pair.source.hset("h", "field", "value")
    exchanged: tuple[Role, Role] = ("target", "source")
    ((_, reason),) = pair.copy(b"h", method="types", called=exchanged).failed
    assert reason.startswith("the source refused")
    pair.target_server.kill()
    with pytest.raises(OSError, match=r"^the source redis://127\.0\.0\.1:\d+/0 cannot be reached"):
        pair.copy(b"h", called=exchanged)
    with pytest.raises(ServerRefusedError, match=r"^The source redis://.*Is it running, and REDIS_URL right\?"):
        asyncio.run(
            compare(Endpoint.parse(pair.source_server.url), Endpoint.parse(pair.target_server.url), called=exchanged)
        )
