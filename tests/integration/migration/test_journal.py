"""What a killed coordinator left changed on servers is put back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.cache.journal import ROLE, Entry, Journal, Server
from redis_rehearsal.engine.messages import Command, Freeze, SetRoute
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.site import Site
from redis_rehearsal.migration.strategies import STRATEGIES
from tests.integration.migration.idle import KEYS, context_of
from tests.integration.migration.pair import Pair
from tests.support import wait_for

SETTINGS = ("notify-keyspace-events", "min-replicas-to-write", "masterauth", "rdb-version-check")


class KilledError(BaseException):
    """Nothing that comes after it is done."""


def server_of(handle: Site) -> Server:
    return Server(str(handle), handle.identity.run_id, handle.client, handle.endpoint.password)


def kept_in(place: Path) -> list[str]:
    """What stands in the user's files."""
    return [path.read_text() for path in place.glob("*.json")]


def settings_of(client: Any) -> dict[str, str]:
    return {name: value for name in SETTINGS for value in client.config_get(name).values()}


@pytest.mark.parametrize(
    ("strategy", "freeze", "when"),
    [
        ("copy", "client", Freeze),
        ("copy", "server", SetRoute),
        ("replicate", "client", Freeze),
        ("replicate", "server", SetRoute),
    ],
)
def test_it_is_put_back_by_the_next_who_comes(
    pair: Pair, tmp_path: Path, strategy: str, freeze: str, when: type[Command]
) -> None:
    pair.source.set("rehearsal:key", "value")
    pair.source.config_set("notify-keyspace-events", "Ex")
    before = [settings_of(client) for client in (pair.source, pair.target)]

    def told(command: Command) -> None:
        if isinstance(command, when):
            raise KilledError

    async def killed() -> Context:
        context = await context_of(
            pair.source_server,
            pair.target_server,
            tmp_path,
            told,
            strategy=strategy,
            freeze=freeze,
            allow_server_wide=True,
        )
        with pytest.raises(KilledError):
            await STRATEGIES[strategy].run(context)
        # What is done on the way out of a block a killed process does not do.
        context._undo.clear()
        return context

    async def next_one() -> None:
        context = await killed()
        servers = [server_of(each) for each in (context.source, context.target)]
        journal = Journal(KEYS, tmp_path)
        assert kept_in(tmp_path)
        said = await journal.put_back(servers)
        assert said
        assert all(sentence.endswith(("is put back", "is a primary again", "takes them again")) for sentence in said), (
            said
        )
        await asyncio.to_thread(wait_for, lambda: pair.target.info("replication")["role"] == "master", "promotion")
        assert await journal.put_back(servers) == []
        for server in servers:
            assert not await server.client.exists(KEYS.changed)
            await server.client.aclose()

    asyncio.run(next_one())
    assert not kept_in(tmp_path)
    assert [settings_of(client) for client in (pair.source, pair.target)] == before
    assert pair.target.info("replication")["role"] == "master"
    pair.source.set("rehearsal:key", "another")  # it takes writes


def test_no_password_is_written_down_and_nothing_is_left_at_the_normal_end(pair: Pair, tmp_path: Path) -> None:
    pair.target.config_set("masterauth", "secret")

    async def changed() -> None:
        context = await context_of(pair.source_server, pair.target_server, tmp_path, strategy="copy")
        await context.set_config(context.target, "masterauth", "another")
        assert not pair.source.exists(KEYS.changed)
        assert not kept_in(tmp_path)
        await context.set_config(context.target, "masteruser", "some")
        run_id = context.target.identity.run_id.encode()
        for client in (pair.source, pair.target):
            assert client.hgetall(KEYS.changed) == {run_id + b" masteruser": b'{"before":"","after":"some"}'}
        assert kept_in(tmp_path) == ['{"masteruser":{"before":"","after":"some"}}']
        await context.undo()
        for server in (context.source, context.target):
            await server.client.aclose()

    asyncio.run(changed())
    assert pair.target.config_get("masterauth")["masterauth"] == "secret"
    assert not pair.source.exists(KEYS.changed)
    assert not pair.target.exists(KEYS.changed)
    assert not kept_in(tmp_path)


def left(pair: Pair, place: Path, *entries: tuple[str, str, str], flushed: bool = False) -> list[str]:
    """What is said and done of what a killed run left on the source.

    Args:
        pair: the servers.
        place: of the user's files.
        entries: setting, value before, and what it was set to.
        flushed: whether nothing stands on the servers any more.
    """

    async def work() -> list[str]:
        context = await context_of(pair.source_server, pair.target_server, place, strategy="copy")
        server = server_of(context.source)
        for setting, before, after in entries:
            await context.journal.note([server.client], Entry(server.run_id, setting, before, after))
        if flushed:
            await server.client.flushall()
        said = await context.journal.put_back([server])
        for each in (context.source, context.target):
            await each.client.aclose()
        return said

    return asyncio.run(work())


NOTIFY = "notify-keyspace-events"


def test_where_a_server_was_flushed_the_users_file_knows(pair: Pair, tmp_path: Path) -> None:
    pair.source.config_set(NOTIFY, "AK")
    said = left(pair, tmp_path, (NOTIFY, "", "AK"), flushed=True)
    assert [sentence.endswith("is put back") for sentence in said] == [True]
    assert pair.source.config_get(NOTIFY)[NOTIFY] == ""
    assert not kept_in(tmp_path)


def test_the_users_file_is_believed_before_what_stands_on_a_server(pair: Pair, tmp_path: Path) -> None:
    pair.source.config_set(NOTIFY, "AK")
    run_id = pair.source.info("server")["run_id"]
    pair.source.hset(KEYS.changed, f"{run_id} {NOTIFY}", json.dumps({"before": "KEA", "after": "AK"}))
    (sentence,) = left(pair, tmp_path, (NOTIFY, "", "AK"))
    assert sentence.endswith("is put back")
    assert pair.source.config_get(NOTIFY)[NOTIFY] == ""


def test_what_others_have_set_since_is_left_alone(pair: Pair, tmp_path: Path) -> None:
    pair.source.config_set(NOTIFY, "E$")
    before = pair.source.config_get(NOTIFY)
    (sentence,) = left(pair, tmp_path, (NOTIFY, "", "AK"))
    assert "by others since; it is left alone" in sentence
    assert pair.source.config_get(NOTIFY) == before
    pair.source.replicaof("127.0.0.1", "1")
    (sentence,) = left(pair, tmp_path, (ROLE, "", "127.0.0.1 2"))
    assert "of another server since" in sentence
    assert pair.source.info("replication")["role"] == "slave"
    pair.source.replicaof("NO", "ONE")
    assert left(pair, tmp_path, (ROLE, "", "127.0.0.1 2"), (NOTIFY, before[NOTIFY], "AK")) == []


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ("dir", "/etc", ""),
        ("requirepass", "", "x"),
        ("appendonly", "yes", "no"),
        (NOTIFY, "../x", "AK"),
        ("min-replicas-to-write", "-1", "99"),
        ("masterauth", "forged", ""),
        ("rdb-version-check", "strict\r\n", "relaxed"),
        (ROLE, "", "some where 6379"),
    ],
)
def test_what_a_stranger_has_written_there_is_not_applied(
    pair: Pair, tmp_path: Path, setting: str, before: str, after: str
) -> None:
    then = pair.source.config_get("*")
    run_id = pair.source.info("server")["run_id"]
    for content in (json.dumps({"before": before, "after": after}), before, "[]", "{}"):
        pair.source.hset(KEYS.changed, f"{run_id} {setting}", content)
        (sentence,) = left(pair, tmp_path)
        assert "is nothing that a run changes, and is left alone" in sentence
        assert not pair.source.exists(KEYS.changed)
    assert pair.source.config_get("*") == then


def test_what_is_noted_of_another_server_is_not_applied_here(pair: Pair, tmp_path: Path) -> None:
    pair.source.config_set(NOTIFY, "AK")
    pair.source.hset(KEYS.changed, f"{'0' * 40} {NOTIFY}", json.dumps({"before": "", "after": "AK"}))
    assert left(pair, tmp_path) == []
    assert pair.source.config_get(NOTIFY)[NOTIFY] == "AK"


def test_the_fence_of_a_server_that_was_left_stays_and_it_is_said_how_to_lift_it(pair: Pair, tmp_path: Path) -> None:
    pair.source.config_set("min-replicas-to-write", "99")
    for _ in range(2):
        (sentence,) = left(pair, tmp_path, ("min-replicas-to-write", "1", "99"))
        assert "had moved the application away from it" in sentence
        assert sentence.endswith("CONFIG SET min-replicas-to-write 1")
        assert pair.source.config_get("min-replicas-to-write")["min-replicas-to-write"] == "99"
    pair.source.config_set("min-replicas-to-write", "1")
    (sentence,) = left(pair, tmp_path)
    assert sentence.endswith("takes them again")
    assert left(pair, tmp_path) == []
    pair.source.config_set("min-replicas-to-write", "2")
    (sentence,) = left(pair, tmp_path, ("min-replicas-to-write", "1", "99"))
    assert "by others since; it is left alone" in sentence
