"""Why a server does not come to follow another one, from what both say of it."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import ServerRefusedError
from redis_rehearsal.keyspace.census import CENSUS_SECONDS, hashes_with_field_ttls, in_databases
from redis_rehearsal.keyspace.versions import count_field_ttls, replicates_field_ttls
from redis_rehearsal.keyspace.viewing import UnseenError
from redis_rehearsal.migration.preflight.checks.contents import size
from redis_rehearsal.migration.preflight.checks.replication import replica_limits
from redis_rehearsal.migration.site import Site

_ANSWER_SECONDS = 5.0
_ABOUT_RATIO = 0.8
_LIMITS = "client-output-buffer-limit"


@dataclass(frozen=True, slots=True)
class Syncs:
    """What a server has done for those that follow it.

    Attributes:
        full: synchronisations that it began.
        written_bytes: of its stream of writes.
        dropped: clients whose output buffer had become too large; None where it does not say.
    """

    full: int
    written_bytes: int
    dropped: int | None

    @classmethod
    async def of(cls, server: Site) -> Self:
        """As it is now.

        Raises:
            RedisError, OSError, TimeoutError: the server could not be asked.
        """
        stats, replication = await server.info("stats"), await server.info("replication")
        dropped = stats.get("client_output_buffer_limit_disconnections")
        return cls(
            int(stats.get("sync_full", 0)),
            int(replication.get("master_repl_offset", 0)),
            None if dropped is None else int(dropped),
        )

    def since(self, before: "Syncs") -> "Syncs":
        """What of it came after an earlier look."""
        dropped = None if self.dropped is None or before.dropped is None else self.dropped - before.dropped
        return Syncs(self.full - before.full, self.written_bytes - before.written_bytes, dropped)


async def unread_field_ttls(source: Site, target: Site) -> str:
    """Why fields that expire by themselves keep the target from following; empty where they do not.

    Raises:
        RedisError, OSError, TimeoutError: the source could not be asked.
    """
    if replicates_field_ttls(source.identity, target.identity):
        return ""
    databases = await source.info("keyspace")
    count = count_field_ttls(databases.values()) or 0
    if not count:
        return ""
    numbers = [int(name.removeprefix("db")) for name in databases]
    try:
        until = monotonic() + CENSUS_SECONDS
        look = partial(hashes_with_field_ttls, until_seconds=until)
        names = (await in_databases(source.endpoint, numbers, _ANSWER_SECONDS, look)).names
    except (UnseenError, ServerRefusedError):
        names = ()
    listed = f" ({', '.join(names)}{' and others' * (count > len(names))})" if names else ""
    return (
        f"{source} holds {count:,} hashes with fields that expire by themselves{listed}, which "
        f"{target.identity.product} {target.identity.version} cannot read from its RDB"
    )


async def why_not_linked(source: Site, target: Site, since: Syncs) -> str:
    """Why the target does not come to follow the source, and whose log says more, in sentences.

    Args:
        source: the server that is to be followed.
        target: the server that is to follow.
        since: what the source has done since the target was to follow.
    """
    try:
        unread = await unread_field_ttls(source, target)
        dropped = "" if unread else await _dropped(source, since)
    except (*CLIENT_ERRORS, KeyError, ValueError):
        unread = dropped = ""
    telling = [source] if dropped else [source, target]
    logs = [f"The log of {server} says: {tail}." for server in telling if (tail := server.log_tail())]
    if not logs and not unread:
        those = f"log of {source} says" if dropped else f"logs of {source} and of {target} say"
        logs = [f"The {those} more; look there."]
    reason = unread or dropped
    return " ".join([f"{reason[:1].upper()}{reason[1:]}.", *logs] if reason else logs)


async def _dropped(source: Site, since: Syncs) -> str:
    """Whether the source drops the target, since what is written meanwhile does not fit into its output buffer."""
    try:
        limits = replica_limits(str((await source.client.config_get(_LIMITS)).get(_LIMITS, "")))
    except CLIENT_ERRORS:
        limits = None  # it is not permitted
    # The last one is under way.
    each = since.written_bytes / max(1, since.full - 1)
    if since.dropped is None:
        # Older servers do not count it: about as much was written during each synchronisation as fits, or more.
        least = min(filter(None, limits[:2]), default=None) if limits else None
        dropped = least is not None and since.full > 1 and each > least * _ABOUT_RATIO
    else:
        dropped = since.dropped > 0
    if not dropped:
        return ""
    now = f" ({size(limits[0])}, or {size(limits[1])} for a while)" if limits else ""
    return (
        f"{source} drops it, since what is written during a full synchronisation ({size(each)} each time) does not fit "
        f"into the output buffer of a replica: raise its {_LIMITS}{now}, or synchronise when less is written"
    )
