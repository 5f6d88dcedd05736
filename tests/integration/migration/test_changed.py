"""What a killed coordinator left changed on servers is put back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.cache.changed import noted, put_back
from redis_rehearsal.engine.messages import Command, Freeze, SetRoute
from redis_rehearsal.migration.context import Context
from redis_rehearsal.migration.strategies import STRATEGIES
from tests.integration.migration.idle import KEYS, context_of
from tests.integration.migration.pair import Pair
from tests.support import wait_for

SETTINGS = ("notify-keyspace-events", "min-replicas-to-write", "masterauth", "rdb-version-check")


class KilledError(BaseException):
    """Nothing that comes after it is done."""


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
        servers = (context.source, context.target)
        said = await put_back({server.identity.run_id: server.client for server in servers}, KEYS)
        assert said
        assert all(sentence.endswith("is put back") for sentence in said)
        for server in servers:
            await asyncio.to_thread(wait_for, lambda: pair.target.info("replication")["role"] == "master", "promotion")
            assert await noted(server.client, KEYS) == {}
            await server.client.aclose()

    asyncio.run(next_one())
    assert [settings_of(client) for client in (pair.source, pair.target)] == before
    assert pair.target.info("replication")["role"] == "master"


def test_no_password_is_written_down_and_nothing_is_left_at_the_normal_end(pair: Pair, tmp_path: Path) -> None:
    pair.target.config_set("masterauth", "secret")

    async def changed() -> None:
        context = await context_of(pair.source_server, pair.target_server, tmp_path, strategy="copy")
        await context.set_config(context.target, "masterauth", "another")
        assert not pair.source.exists(KEYS.changed)
        await context.set_config(context.target, "masteruser", "some")
        run_id = context.target.identity.run_id.encode()
        for client in (pair.source, pair.target):
            assert client.hgetall(KEYS.changed) == {run_id + b" masteruser": b""}
        await context.undo()
        for server in (context.source, context.target):
            await server.client.aclose()

    asyncio.run(changed())
    assert pair.target.config_get("masterauth")["masterauth"] == "secret"
    assert not pair.source.exists(KEYS.changed)
    assert not pair.target.exists(KEYS.changed)
