"""What a migration changes on servers, written down before, so that `clean` and the next run can put it back.

It stands in two places: in a hash under our prefix on both servers, since REPLICAOF erases the target's; and in a file
of the user's, since a server may be flushed, or take no writes. Each entry names the run id of its server and is
applied there only: one that was started again has its settings from its own file, and replication carries the hash
along.
What stands on a server may have been written by anybody who can write there, so that only settings of a fixed list are
put back, to values of their kind, and only where they still are what they were set to. No password is in it.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
import redis.asyncio as redis

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.workload.keys import Keys

ROLE: Final = "replicaof"
"""Stands for a server that was made a replica; its value is the primary's host and port."""
FENCE: Final = "min-replicas-to-write"
"""The setting by which a source is made to refuse writes once its pause ends."""
_PASSWORD: Final = "masterauth"  # noqa: S105 # the name of a setting
_NOTIFICATIONS: Final = "notify-keyspace-events"
_ALL_KINDS: Final = frozenset("g$lshzxetd")
"""The kinds of notifications for which A stands."""
_VALUES: Final = {
    _NOTIFICATIONS: re.compile(r"[A-Za-z$]{0,30}"),
    FENCE: re.compile(r"[0-9]{1,9}"),
    "masteruser": re.compile(r"[\x21-\x7e]{0,256}"),
    _PASSWORD: re.compile(""),
    "tls-replication": re.compile("yes|no"),
    "rdb-version-check": re.compile("strict|relaxed"),
    ROLE: re.compile(r"([\x21-\x7e]{1,255} [0-9]{1,5})?"),
}
"""What is put back, and to which values: of a password only to none, since no other one is written down."""
_WHO: Final = "a run that was killed"


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting that is changed.

    Attributes:
        run_id: of the server whose setting it is.
        setting: its name, or `ROLE`.
        before: its value until then; of `ROLE` nothing.
        after: what it is set to; of a password nothing.
    """

    run_id: str
    setting: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server on which something may have been left.

    Attributes:
        name: for people.
        run_id: what it says that it is.
        client: a connection to it.
        password: of its URL.
    """

    name: str
    run_id: str
    client: redis.Redis
    password: str = field(default="", repr=False)


class Journal:
    """The entries of the runs under one prefix.

    Args:
        keys: the names of keys.
        directory: of the user's; None where there is none to be had, so that the servers have the only copy.
    """

    def __init__(self, keys: Keys, directory: Path | None) -> None:
        self._keys = keys
        self._directory = directory

    async def note(self, clients: Iterable[redis.Redis], entry: Entry) -> None:
        """Write down what a setting was before it is changed; nothing where that would be a password.

        Args:
            clients: of all servers of the migration.
            entry: the setting.

        Raises:
            RedisError, OSError, TimeoutError: it could be written nowhere.
        """
        if entry.setting == _PASSWORD:
            if entry.before:
                return
            entry = Entry(entry.run_id, entry.setting, "", "")
        errors: list[Exception] = []
        written = 0
        try:
            written += self._keep(entry)
        except OSError as error:
            errors.append(error)
        content = orjson.dumps({"before": entry.before, "after": entry.after})
        for client in clients:
            try:
                # The first one counts: what came later may be our own.
                await client.hsetnx(self._keys.changed, f"{entry.run_id} {entry.setting}", content)
                written += 1
            except CLIENT_ERRORS as error:
                errors.append(error)
        if not written and errors:
            raise errors[-1]

    async def forget(self, clients: Iterable[redis.Redis], run_id: str, setting: str) -> None:
        """A setting is as it was before; what cannot be reached is looked at once more by the next run."""
        self._drop(run_id, setting)
        for client in clients:
            try:
                await client.hdel(self._keys.changed, f"{run_id} {setting}")
            except CLIENT_ERRORS:
                continue

    async def put_back(self, servers: Sequence[Server]) -> list[str]:
        """Put back what a run that was killed left changed on servers that no run uses now.

        The fence of a source stays: it was set when the application had moved, so that lifting it would let others
        write to a server that was left.

        Returns:
            A sentence for each thing that was put back, or was not.
        """
        said: list[str] = []
        done: list[tuple[str, str]] = []
        entries: dict[tuple[str, str], Entry] = {}
        # What the user's own file says comes first: on a server others may have written.
        found = [entry for server in servers for entry in self._kept(server.run_id)]
        found += [entry for server in servers for entry in await self._on(server.client)]
        for entry in found:
            entries.setdefault((entry.run_id, entry.setting), entry)
        by_run_id = {server.run_id: server for server in servers}
        passwords = {server.password for server in servers if server.password}
        for place, entry in sorted(entries.items()):
            if (server := by_run_id.get(entry.run_id)) is None:
                continue
            try:
                sentence, settled = await _settle(server, entry, passwords)
            except CLIENT_ERRORS as error:
                what = f"{entry.setting} of {server.name} was left changed by {_WHO}"
                sentence = f"{what}, and could not be put back ({type(error).__name__}); set it by hand"
                settled = False
            if sentence:
                said.append(sentence)
            if settled:
                done.append(place)
        # Only now does each server take writes again: one may have been a replica.
        for run_id, setting in done:
            await self.forget((server.client for server in servers), run_id, setting)
        return said

    def waiting(self) -> int:
        """How many servers the user's own files speak of: runs that go on changed them, or killed ones."""
        return 0 if self._directory is None else sum(1 for _ in self._directory.glob("*.json"))

    async def _on(self, client: redis.Redis) -> list[Entry]:
        """What stands on a server; nothing where it does not let us look."""
        try:
            found = await client.hgetall(self._keys.changed)
        except CLIENT_ERRORS:
            return []
        entries = []
        for name, content in found.items():
            run_id, _, setting = _text(name).partition(" ")
            entries.append(_entry(run_id, setting, content))
        return entries

    def _path(self, run_id: str) -> Path | None:
        name = hashlib.sha256(f"{run_id} {self._keys.prefix}".encode()).hexdigest()[:32]
        return None if self._directory is None else self._directory / f"{name}.json"

    def _kept(self, run_id: str) -> list[Entry]:
        """What the user's file says of a server."""
        path = self._path(run_id)
        try:
            found = orjson.loads(path.read_bytes()) if path is not None else {}
        except (OSError, ValueError):
            return []
        if not isinstance(found, dict):
            return []
        return [_entry(run_id, str(setting), orjson.dumps(content)) for setting, content in found.items()]

    def _keep(self, entry: Entry) -> bool:
        kept = {each.setting: each for each in self._kept(entry.run_id)}
        kept.setdefault(entry.setting, entry)
        return self._write(entry.run_id, list(kept.values()))

    def _drop(self, run_id: str, setting: str) -> None:
        kept = self._kept(run_id)
        left = [each for each in kept if each.setting != setting]
        if len(left) == len(kept):
            return
        try:
            self._write(run_id, left)
        except OSError:
            return  # it is looked at once more, and found to be as it was before

    def _write(self, run_id: str, entries: list[Entry]) -> bool:
        path = self._path(run_id)
        if path is None:
            return False
        if not entries:
            path.unlink(missing_ok=True)
            return True
        part = path.with_suffix(f".{os.getpid()}.part")
        content = {each.setting: {"before": each.before, "after": each.after} for each in entries}
        part.write_bytes(orjson.dumps(content))
        part.replace(path)
        return True


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _entry(run_id: str, setting: str, content: bytes | str) -> Entry:
    try:
        found = orjson.loads(content)
        return Entry(run_id, setting, str(found["before"]), str(found["after"]))
    except (ValueError, TypeError, KeyError):
        return Entry(run_id, setting, "\n", "\n")  # which is no value of anything


async def _settle(server: Server, entry: Entry, passwords: set[str]) -> tuple[str, bool]:
    """Put back one setting, where it is what it was set to.

    Returns:
        A sentence, empty where there is nothing to say; and whether the entry is of no more use.
    """
    what = f"{entry.setting} of {server.name}"
    values = _VALUES.get(entry.setting)
    if values is None or not (values.fullmatch(entry.before) and values.fullmatch(entry.after)):
        return f"What is noted as left changed on {server.name} is nothing that a run changes, and is left alone", True
    if entry.setting == ROLE:
        return await _settle_role(server, entry), True
    now = str((await server.client.config_get(entry.setting)).get(entry.setting, ""))
    if entry.setting == FENCE and now == entry.after != entry.before:
        return (
            f"{server.name} refuses writes: {_WHO} had moved the application away from it and set {FENCE} to {now}. "
            f"If it is to take writes again: CONFIG SET {FENCE} {entry.before}"
        ), False
    if now == entry.before:
        if entry.setting != FENCE:
            return "", True
        # The pause before the fence may go on for as long as a freeze may last, and holds back what comes next.
        await server.client.client_unpause()
        return f"{server.name} was left holding writes by {_WHO}, and takes them again", True
    if now in passwords if entry.setting == _PASSWORD else _same(entry.setting, now, entry.after):
        await server.client.config_set(entry.setting, entry.before)
        return f"{what} was left changed by {_WHO}, and is put back", True
    return f"{what} was changed by {_WHO} and by others since; it is left alone", True


def _same(setting: str, now: str, after: str) -> bool:
    """Whether a server says in its own words what it was told."""
    if setting != _NOTIFICATIONS:
        return now == after
    flags = [set(each) for each in (now, after)]
    return flags[0] - _ALL_KINDS == flags[1] - _ALL_KINDS if all("A" in each for each in flags) else now == after


async def _settle_role(server: Server, entry: Entry) -> str:
    info = await server.client.info("replication")
    if info.get("role") != "slave":
        return ""
    if f"{info.get('master_host')} {info.get('master_port')}" != entry.after:
        return f"{server.name} was made a replica by {_WHO}, and of another server since; it is left alone"
    await server.client.replicaof("NO", "ONE")
    return f"{server.name} was left a replica by {_WHO}, and is a primary again"
