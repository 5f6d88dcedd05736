"""Replication between two databases of different numbers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from redis_rehearsal.errors import MigrationError
from redis_rehearsal.migration.strategies.running.copy import return_with_data
from redis_rehearsal.migration.strategies.running.replicate import until_level, why_not_return
from tests.integration.migration.idle import context_of, migrate, using
from tests.integration.migration.pair import Pair
from tests.proxy import Proxy
from tests.support import wait_for


@pytest.mark.parametrize("databases", [(0, 3), (3, 0), (5, 2)])
def test_another_database_is_refused_before_anything_is_touched_and_the_way_back_copies(
    pair: Pair, tmp_path: Path, databases: tuple[int, int]
) -> None:
    pair.source.execute_command("SELECT", databases[0])
    pair.source.set("rehearsal:key", "value")

    async def refused() -> None:
        # Also where it is forced: the check is the strategy's own.
        for options in ({"strategy": "replicate", "force": True}, {"strategy": "copy"}):
            context = await context_of(
                pair.source_server, pair.target_server, tmp_path, databases=databases, allow_server_wide=True, **options
            )
            if options["strategy"] == "replicate":
                with pytest.raises(MigrationError, match=f"database {databases[1]}.*Nothing was touched"):
                    await migrate(context)
                assert pair.target.info("replication")["role"] == "master"
                continue
            async with using(context):
                assert "the application would move to database" in await why_not_return(context)
                await return_with_data(context)

    asyncio.run(refused())
    pair.target.execute_command("SELECT", databases[1])
    assert pair.target.get("rehearsal:key") == b"value"


@pytest.mark.parametrize("others", [False, True])
def test_what_is_ours_on_the_target_is_cleared_away_and_what_is_others_refused(
    pair: Pair, tmp_path: Path, others: bool
) -> None:
    pair.source.set("rehearsal:key", "value")
    pair.target.mset({"rehearsal:old": 1, "rehearsal:lock": 1})
    if others:
        pair.target.set("theirs", 1)

    async def go() -> None:
        options: dict[str, Any] = {"strategy": "replicate", "allow_server_wide": True, "clear_target": True}
        await migrate(await context_of(pair.source_server, pair.target_server, tmp_path, **options))

    if others:
        with pytest.raises(MigrationError, match=r"holds keys \(1 in db0\)"):
            asyncio.run(go())
        assert pair.target.get("rehearsal:old") == b"1"
    else:
        asyncio.run(go())
        assert set(pair.target.keys()) == {b"rehearsal:key"}


def test_writes_are_held_only_once_the_target_has_what_came_while_it_synchronised(pair: Pair, tmp_path: Path) -> None:
    """A link that is up may carry nothing yet."""
    with Proxy(pair.source_server.port) as proxy:
        pair.target.replicaof("127.0.0.1", proxy.port)
        wait_for(lambda: pair.target.info("replication")["master_link_status"] == "up", "a link")

        async def go() -> None:
            options: dict[str, Any] = {"strategy": "replicate", "allow_server_wide": True}
            context = await context_of(pair.source_server, pair.target_server, tmp_path, **options)
            async with using(context):
                with proxy.holding(lambda _: True):
                    pair.source.mset({f"rehearsal:{number}": number for number in range(100)})
                    level = asyncio.create_task(until_level(context))
                    async with asyncio.timeout(30):
                        while "bytes behind" not in context.progress:  # nobody signals it
                            await asyncio.sleep(0.01)
                    assert not level.done()
                    assert pair.target.dbsize() == 0
                await level
                assert pair.target.dbsize() == 100

        asyncio.run(go())
        pair.target.replicaof("no", "one")
