"""What every strategy needs of the target before anything is touched."""

from redis.exceptions import RedisError

from redis_rehearsal.cache.prefix import count_keys, count_others, remove_all
from redis_rehearsal.errors import LockedError, MigrationError
from redis_rehearsal.migration.context import Context


async def refuse_used_target(context: Context) -> None:
    """See that the target holds nothing of ours, or clear that away where it was asked for.

    Raises:
        MigrationError: it holds keys under our prefix.
    """
    target, keys = context.target, context.keys
    try:
        if context.options.clear_target:
            await _clear(context)
            return
        found = await count_keys(target.client, keys)
    except (RedisError, OSError) as error:
        raise MigrationError(f"{target} could not be looked at: {error}.") from None
    if found:
        raise MigrationError(
            f"{target} holds {found:,} keys under {keys.prefix} already, which would spoil the account; "
            "--clear-target deletes those keys, and only those.".replace("the target", "The target", 1)
        )


async def _clear(context: Context) -> None:
    async with context.step("clear the target") as step:
        try:
            removed = await remove_all(context.target.client, context.keys, keep_lock=True)
        except LockedError as error:
            raise MigrationError(str(error)) from None
        step.detail = f"{removed:,} keys under {context.keys.prefix}"


async def refuse_any_key(context: Context) -> None:
    """See that no database of the target holds a key but our lock: replication erases them all.

    What it holds of ours is cleared away where it was asked for, once nothing else is in the way.

    Raises:
        MigrationError: one does.
    """
    clear = context.options.clear_target
    target = context.target
    databases = await target.info("keyspace")
    counts = {name: int(values["keys"]) for name, values in databases.items()}
    own = f"db{target.endpoint.database}"
    if clear:
        # Counted one by one: what INFO counts may have expired since, and SCAN may give one of ours twice.
        counts[own] = await count_others(target.client, context.keys)
    elif await target.client.exists(context.keys.lock):
        counts[own] = counts.get(own, 0) - 1
    full = {name: count for name, count in counts.items() if count > 0}
    if full:
        listed = ", ".join(f"{count:,} in {name}" for name, count in sorted(full.items()))
        raise MigrationError(
            f"REPLICAOF erases every database of the target, and {target.endpoint} holds keys ({listed}). "
            "Use an empty server, or another strategy."
        )
    if clear:
        await _clear(context)
