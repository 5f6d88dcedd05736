"""The facts of two servers, judged. Pure: what each check means stands in docs/preflight.md."""

from collections.abc import Callable
from typing import Final

from redis_rehearsal.migration.preflight.checks import contents, replication, rights, servers, surroundings, values
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import Finding

Check = Callable[[Facts, Facts, Plan], list[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    servers.versions,
    servers.one_server,
    servers.mode,
    servers.role,
    servers.rdb,
    servers.payloads,
    servers.modules,
    servers.functions,
    servers.scripts,
    servers.users,
    rights.permissions,
    rights.server_wide,
    rights.writes,
    contents.memory,
    contents.eviction,
    contents.persistence,
    contents.databases,
    contents.prefix,
    contents.big_keys,
    contents.expiry,
    values.field_ttls,
    values.large_values,
    replication.address,
    replication.output_buffer,
    replication.backlog,
    surroundings.attribution,
    surroundings.notifications,
    surroundings.clocks,
    surroundings.encryption,
    surroundings.round_trip,
    surroundings.connections,
)


def judge(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """What each check comes to, in a fixed order."""
    return [finding for check in CHECKS for finding in check(source, target, plan)]
