"""Reads the facts of one server: bounded in time, and without a change to it."""

import asyncio
import re
import statistics
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import hiredis

from redis_rehearsal.cache.client import Identity, info_lines
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.node import Node
from redis_rehearsal.cache.route import Role
from redis_rehearsal.cache.wire import Connection, Reply
from redis_rehearsal.clock import monotonic, unix
from redis_rehearsal.keyspace.census import (
    CENSUS_SECONDS,
    hashes_with_field_ttls,
    in_databases,
    keys_of_type,
)
from redis_rehearsal.keyspace.permissions import read_permissions
from redis_rehearsal.keyspace.replies import text, unix_seconds
from redis_rehearsal.keyspace.sample import count_prefix, take_sample
from redis_rehearsal.keyspace.types import KEYED_MODULES, KNOWN_PARTS
from redis_rehearsal.keyspace.versions import count_field_ttls, has_field_ttls
from redis_rehearsal.keyspace.viewing import UnseenError, Viewer
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.needs import ONLY_DRY, PROBES
from redis_rehearsal.workload.keys import Keys

_NAME: Final = "redis-rehearsal:preflight"
_CONNECTIONS: Final = 3
_LOOKS: Final = 4
_PINGS: Final = 20
_TIMES: Final = 5
_RATE_SECONDS: Final = 1.0
_SETTINGS: Final = (
    *("maxmemory", "maxmemory-policy", "maxclients", "databases", "appendonly", "save", "repl-backlog-size"),
    *("notify-keyspace-events", "client-output-buffer-limit", "tls-replication", "rdb-version-check"),
    *("proto-max-bulk-len", "client-query-buffer-limit"),
)
"""None of these holds a secret."""
_KEYSPACE = re.compile(r"db(\d+)")
_VALUE = re.compile(r"(\w+)=(\d+)")
_MODULE = re.compile(r"^module:name=([^,\r\n]+)", re.MULTILINE)


async def read_facts(role: Role, endpoint: Endpoint, identity: Identity, plan: Plan) -> Facts:
    """Look at a server.

    Args:
        role: what it is in the migration.
        endpoint: where it is.
        identity: what it says that it is.
        plan: what is planned with it.

    Returns:
        What it showed; what it refuses is not there, and why not is in `Facts.unseen`.

    Raises:
        ServerRefusedError: it went away meanwhile.
    """
    async with Viewer(role, endpoint, plan.timeout_seconds) as viewer:
        return await _Reading(viewer, plan).all(role, endpoint, identity)


class _Reading:
    """What has been read so far."""

    def __init__(self, viewer: Viewer, plan: Plan) -> None:
        self._viewer = viewer
        self._timeout_seconds = plan.timeout_seconds
        self._keys = Keys(plan.key_prefix)
        self._clears = plan.clear_target
        self._counts_others = False
        self._seen: dict[str, Any] = {}
        self._unseen: dict[str, str] = {}
        self._info_text = ""
        self._databases: dict[int, dict[str, str]] = {}

    async def all(self, role: Role, endpoint: Endpoint, identity: Identity) -> Facts:
        self._counts_others = self._clears and role == "target"
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "info": self._info,
            "round_trip_seconds": self._round_trip,
            "answered": partial(self._answered, endpoint),
            "clock_offset_seconds": self._clock,
            "config": self._config,
            "modules": self._modules,
            "functions": self._functions,
            "users": self._users,
            "denied": self._permissions,
            "locked": self._lock,
            "prefix_keys": self._prefix,
            "sample": self._sample,
            "write_bytes_per_second": self._write_rate,
        }
        if role == "source":
            parts["censuses"] = partial(self._censuses, endpoint)
            if has_field_ttls(identity):
                parts["field_ttls"] = self._field_ttls
                parts["field_ttl_keys"] = partial(self._field_ttl_keys, endpoint)
        for name, part in parts.items():
            try:
                await part()
            except UnseenError as error:
                self._unseen[name] = str(error)
        return Facts(role, endpoint, identity, unseen=self._unseen, **self._seen)

    async def _answered(self, endpoint: Endpoint) -> None:
        """Who answers, on several connections and several times on each: there may be more than one."""
        found = []
        for _ in range(_CONNECTIONS):
            try:
                async with Connection.opened(endpoint, _NAME, self._timeout_seconds) as connection:
                    replies = [await connection.ask(self._timeout_seconds, "INFO", "server") for _ in range(_LOOKS)]
            except OSError as error:
                raise UnseenError(str(error)) from None
            found.append(tuple(Node.of(reply, None).run_id for reply in replies))
        self._seen["answered"] = tuple(found)

    async def _info(self) -> None:
        reply = await self._viewer.ask("INFO")
        self._info_text = reply.decode(errors="replace") if isinstance(reply, bytes) else ""
        lines = info_lines(reply)
        self._seen["info"] = lines
        if "# Keyspace" in self._info_text:
            self._databases = {
                int(match[1]): dict(_VALUE.findall(value))
                for name, value in lines.items()
                if (match := _KEYSPACE.fullmatch(name))
            }
            self._seen["keyspace"] = {number: int(each.get("keys", 0)) for number, each in self._databases.items()}

    async def _round_trip(self) -> None:
        took = []
        for _ in range(_PINGS):
            began = monotonic()
            await self._viewer.ask("PING")
            took.append(monotonic() - began)
        self._seen["round_trip_seconds"] = statistics.median(took)

    async def _clock(self) -> None:
        best: tuple[float, float] | None = None
        for _ in range(_TIMES):
            before = unix()
            reply = await self._viewer.ask("TIME")
            after = unix()
            if not isinstance(reply, list) or len(reply) != 2:
                raise self._viewer.refused("TIME", reply)
            theirs = unix_seconds(reply)
            found = ((after - before) / 2, theirs - (before + after) / 2)
            best = min(best or found, found)
        if best is not None:
            self._seen["clock_error_seconds"], self._seen["clock_offset_seconds"] = best

    async def _config(self) -> None:
        found: dict[str, str] = {}
        self._seen["config"] = found
        # One by one, since servers before 7.0 take only one.
        for name in _SETTINGS:
            found |= _pairs(await self._viewer.ask("CONFIG", "GET", name))

    async def _modules(self) -> None:
        names = frozenset(text(name.encode()) for name in _MODULE.findall(self._info_text))
        if "# Modules" in self._info_text:
            self._seen |= {"modules": names, "parts": names & KNOWN_PARTS}
        reply = await self._viewer.reply("MODULE", "LIST")
        if isinstance(reply, hiredis.ReplyError) and "modules" not in self._seen:
            raise self._viewer.refused("MODULE", reply)
        if isinstance(reply, list):
            listed = [_pairs(each) for each in reply]
            names = frozenset(each["name"] for each in listed if "name" in each)
            # What is built in comes from no file.
            parts = {each["name"] for each in listed if "name" in each and not set("/.") & set(each.get("path", "/"))}
            self._seen |= {"modules": names, "parts": frozenset(parts) | (names & KNOWN_PARTS)}

    async def _censuses(self, endpoint: Endpoint) -> None:
        kinds = [kind for module in self._seen.get("modules") or () for kind in KEYED_MODULES.get(module, ())]
        for name, numbers, match in (
            ("own_censuses", [endpoint.database], self._keys.every),
            ("censuses", list(self._databases), "*"),
        ):
            until = monotonic() + CENSUS_SECONDS
            self._seen[name] = {
                kind: await in_databases(
                    endpoint,
                    numbers,
                    self._timeout_seconds,
                    partial(keys_of_type, kind=kind, until_seconds=until, match=match),
                )
                for kind in sorted(kinds)
            }

    async def _field_ttls(self) -> None:
        if "keyspace" not in self._seen:
            raise UnseenError(self._unseen.get("info", "INFO does not show its databases"))
        self._seen["field_ttls"] = count_field_ttls(self._databases.values())

    async def _field_ttl_keys(self, endpoint: Endpoint) -> None:
        if self._seen.get("field_ttls") != 0 and self._databases:
            self._seen["field_ttl_keys"] = await in_databases(
                endpoint,
                self._databases,
                self._timeout_seconds,
                partial(hashes_with_field_ttls, until_seconds=monotonic() + CENSUS_SECONDS),
            )

    async def _functions(self) -> None:
        try:
            reply = await self._viewer.ask("FUNCTION", "LIST")
        except UnseenError as error:
            if "does not know" not in str(error):
                raise
            reply = []  # it is older than functions
        listed = [_pairs(each) for each in reply] if isinstance(reply, list) else []
        self._seen["functions"] = tuple(sorted(each["library_name"] for each in listed if "library_name" in each))

    async def _users(self) -> None:
        reply = await self._viewer.ask("ACL", "USERS")
        self._seen["users"] = tuple(sorted(map(text, reply))) if isinstance(reply, list) else ()

    async def _permissions(self) -> None:
        self._seen["denied"], self._seen["refusal"] = await read_permissions(
            self._viewer, self._keys.absent, PROBES, ONLY_DRY
        )

    async def _lock(self) -> None:
        self._seen["locked"] = await self._viewer.ask("EXISTS", self._keys.lock) == 1

    async def _prefix(self) -> None:
        count, others, complete = await count_prefix(self._viewer, self._keys, others=self._counts_others)
        self._seen |= {"prefix_keys": count, "prefix_complete": complete, "other_keys": others}

    async def _sample(self) -> None:
        self._seen["sample"] = await take_sample(self._viewer, self._keys.prefix)

    async def _write_rate(self) -> None:
        before, began = await self._written(), monotonic()
        await asyncio.sleep(_RATE_SECONDS)
        after, took = await self._written(), monotonic() - began
        # The replication offset moves only where somebody follows, or did lately.
        name = "offset" if before["backlog"] and after["backlog"] else "input"
        self._seen["write_bytes_per_second"] = max(0, after[name] - before[name]) / took
        self._seen["write_rate_exact"] = name == "offset"

    async def _written(self) -> dict[str, int]:
        found = {}
        for section in ("replication", "stats"):
            lines = info_lines(await self._viewer.ask("INFO", section))
            for name, line in (
                ("offset", "master_repl_offset"),
                ("backlog", "repl_backlog_active"),
                ("input", "total_net_input_bytes"),
            ):
                if lines.get(line, "").isdigit():
                    found[name] = int(lines[line])
        if "input" not in found:
            raise UnseenError("INFO does not say how much the server receives")
        return {"offset": 0, "backlog": 0, **found}


def _pairs(reply: Reply) -> dict[str, str]:
    """A flat list of names and values."""
    if not isinstance(reply, list):
        return {}
    return {text(name): text(value) for name, value in zip(reply[::2], reply[1::2], strict=False)}
