"""Let the target follow the source, then promote it."""

import asyncio
from functools import partial
from typing import Any, Final

from redis.exceptions import ResponseError

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.journal import ROLE
from redis_rehearsal.cache.prefix import count_others
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.keyspace.types import KNOWN_PARTS
from redis_rehearsal.keyspace.versions import can_replicate
from redis_rehearsal.migration.context import Carried, Context
from redis_rehearsal.migration.cutover import cut_over
from redis_rehearsal.migration.linking import Syncs, unread_field_ttls, why_not_linked
from redis_rehearsal.migration.phases import Phase
from redis_rehearsal.migration.preparation import refuse_any_key
from redis_rehearsal.migration.site import Site

_PATIENCE_SECONDS: Final = 12.0
"""A link that makes no progress for this long will not come up; servers wait 5 s before they send."""
_POLL_SECONDS: Final = 0.1
_FAST_POLL_SECONDS: Final = 0.001
_MOST_ATTEMPTS: Final = 3
_CHECK_CONFIG: Final = "rdb-version-check"


async def check(context: Context) -> None:
    """See `Running`."""
    source, target = context.source, context.target
    if source.node_endpoint.path:
        raise MigrationError(
            f"The target cannot follow {source.endpoint}: replication needs an address. Give the source as redis://."
        )
    if reason := _why_not_there(context):
        raise MigrationError(
            f"The target cannot take the source's place by replication: {reason}. Nothing was touched; give the target "
            f"with /{source.endpoint.database}, or use a strategy that copies keys."
        )
    servers = (source, target) if context.options.freeze == "server" else (target,)
    context.require_server_wide(*servers)
    replication = can_replicate(source.identity, target.identity)
    if replication.possible == "no":
        raise MigrationError(
            f"The target cannot follow the source: {replication.reason}. Nothing was touched; use another strategy, or "
            "another target."
        )
    await refuse_any_key(context)
    if replication.possible == "relaxed":
        await _relax(context, replication.reason)


async def return_by_replication(context: Context) -> None:
    """Move the application back to the server that it came from, which first takes over all that the other has.

    Args:
        context: of the way back, with source and target exchanged; `why_not_return` has nothing against it.

    Raises:
        MigrationError: it did not come about; says where the application is.
    """
    await run(context)


async def why_not_return(context: Context) -> str:
    """Why the server that the application came from cannot follow the other; empty where it can.

    Its own data is erased by that before it gets the other's: hence it must be sure to be able to read them.

    Args:
        context: of the way back, with source and target exchanged.

    Raises:
        RedisError, OSError, TimeoutError: a server could not be asked.
    """
    left, back = context.source, context.target
    if left.node_endpoint.path:
        return "replication needs an address"
    if reason := _why_not_there(context):
        return reason
    try:
        context.require_server_wide(left, back)
    except MigrationError:
        return "REPLICAOF acts on all of a server, and --allow-server-wide is not given"
    replication = can_replicate(left.identity, back.identity)
    if replication.possible != "yes":
        return replication.reason
    if missing := await _missing_modules(left, back):
        return f"{back} lacks modules of {left} ({', '.join(sorted(missing))})"
    if unread := await unread_field_ttls(left, back):
        return unread
    others = await _foreign_keys(context)
    return f"{back} holds {others:,} keys of others, which REPLICAOF would erase" if others else ""


def _why_not_there(context: Context) -> str:
    """Why the application would not find its data there; empty where it would."""
    left, to = context.source.endpoint.database, context.target.endpoint.database
    return "" if left == to else f"its data stays in database {left}, and the application would move to database {to}"


async def _missing_modules(left: Site, back: Site) -> set[str]:
    names = [
        {str(each["name"]) for each in (await server.info("modules")).get("modules", ())} for server in (left, back)
    ]
    return names[0] - names[1] - KNOWN_PARTS


async def _foreign_keys(context: Context) -> int:
    server, keys = context.target, context.keys
    own = f"db{server.endpoint.database}"
    databases = await server.info("keyspace")
    # What the server counts in ours holds keys of ours that have expired and are still there.
    elsewhere = sum(int(values["keys"]) for name, values in databases.items() if name != own)
    return elsewhere + await count_others(server.client, keys)


async def _relax(context: Context, reason: str) -> None:
    async with context.step("relax the version check") as step:
        try:
            await context.set_config(context.target, _CHECK_CONFIG, "relaxed")
        except MigrationError as error:
            raise MigrationError(
                f"{reason}, and that could not be set. {error} Set it on {context.target.endpoint} yourself."
            ) from None
        step.detail = f"{_CHECK_CONFIG} is relaxed on the target until the end of the migration"


async def run(context: Context) -> None:
    """See `Running`."""
    await context.phase(Phase.SYNC)
    target = context.target
    await _follow(context)
    async with context.step("synchronise") as step:
        await _until_linked(context)
        info = await target.info("replication")
        step.detail = f"the target follows at offset {info.get('slave_repl_offset')}"
    await cut_over(context, catch_up=partial(_catch_up, context), promote=partial(_promote, context))


async def _follow(context: Context) -> None:
    source, target = context.source.node_endpoint, context.target
    async with context.step("follow") as step:
        if source.password:
            # The user only where there is one: older servers know none.
            if source.username:
                await context.set_config(target, "masteruser", source.username)
            await context.set_config(target, "masterauth", source.password)
        if source.tls:
            await context.set_config(target, "tls-replication", "yes")

        async def promote() -> None:
            await target.client.replicaof("NO", "ONE")
            await context.forget(target, ROLE)

        try:
            await context.note(target, ROLE, "", f"{source.host} {source.port}")
            context.put_back(f"the role of {target}", promote)
            await target.client.replicaof(source.host, str(source.port))
        except CLIENT_ERRORS as error:
            raise MigrationError(
                f"{target} refused REPLICAOF ({error}); managed services often do. Use another strategy."
            ) from None
        step.detail = f"REPLICAOF {source.host} {source.port}"


async def _until_linked(context: Context) -> None:
    """Wait until the target has a copy and follows; what makes no progress is given up.

    A large data set may take hours, so what counts is that more is read than ever before.
    """
    target, source = context.target, context.source
    before = await Syncs.of(source)
    most_read, progressed = -1, monotonic()
    while True:
        info = await target.info("replication")
        if info.get("role") == "master":
            raise MigrationError(f"{target} is a primary again; something else reconfigures it.")
        if info.get("master_link_status") == "up" and not info.get("master_sync_in_progress"):
            # Who follows has all that there was. The source may count more: keys that have expired and are still there.
            there = await target.client.dbsize()
            context.carried = Carried(there, there, "keys")
            await until_level(context)
            return
        read = int(info.get("master_sync_read_bytes", -1))
        if read > most_read:
            most_read, progressed = read, monotonic()
        context.progress = _progress(info)
        total = int(info.get("master_sync_total_bytes", 0))
        # Without a disk the source does not know how much there will be.
        context.carried = Carried(max(0, read), total, "bytes") if total > 0 else None
        since = (await Syncs.of(source)).since(before)
        if monotonic() - progressed > _PATIENCE_SECONDS or since.full > _MOST_ATTEMPTS:
            raise MigrationError(
                f"{target} does not come to follow {source}: its link is {info.get('master_link_status')} after "
                f"{since.full} attempts. {await why_not_linked(source, target, since)}"
            )
        await asyncio.sleep(_POLL_SECONDS)


async def until_level(context: Context) -> None:
    """Wait until the target has what the source had when it came to follow.

    What came during a synchronisation without a disk the source sends once the target has acknowledged it, and of an
    acknowledgement that came before it was ready the next one is a second later: too long while writes are held. Where
    nothing moves, catching up says so.
    """
    wanted = int((await context.source.info("replication"))["master_repl_offset"])
    most_reached, progressed = -1, monotonic()
    while monotonic() - progressed < _PATIENCE_SECONDS:
        reached = int((await context.target.info("replication")).get("slave_repl_offset", -1))
        if reached >= wanted:
            return
        if reached > most_reached:
            most_reached, progressed = reached, monotonic()
        context.progress = f"{wanted - reached:,} bytes behind"
        await asyncio.sleep(_POLL_SECONDS)


def _progress(info: dict[str, Any]) -> str:
    if not info.get("master_sync_in_progress"):
        return "waiting for the link"
    read, total = int(info.get("master_sync_read_bytes", 0)), int(info.get("master_sync_total_bytes", 0))
    share = f"{read / total:.0%} of {total:,} bytes" if total > 0 else f"{max(0, read):,} bytes"
    return f"full synchronisation: {share}"


async def _catch_up(context: Context, until_seconds: float) -> None:
    # Once, since the source's own PINGs move its offset on.
    wanted = int((await context.source.info("replication"))["master_repl_offset"])
    while True:
        info = await context.target.info("replication")
        reached = int(info.get("slave_repl_offset", -1))
        if info.get("master_link_status") == "up" and reached >= wanted:
            return
        context.progress = f"{wanted - reached:,} bytes behind"
        if monotonic() > until_seconds:
            raise MigrationError(
                f"{context.target} was still {wanted - reached:,} bytes behind when the freeze had to end; the "
                f"application went on with the {context.source.role}. A longer --freeze-bound, or less load, gives it "
                "time."
            )
        await asyncio.sleep(_FAST_POLL_SECONDS)


async def _promote(context: Context) -> None:
    reply = await context.target.client.replicaof("NO", "ONE")
    if reply not in (True, b"OK", "OK"):
        raise ResponseError(f"REPLICAOF NO ONE was answered by {reply!r}")
