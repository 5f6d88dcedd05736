"""Asks the servers and this process once a second what they use, apart from the load."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

import psutil
import structlog

from redis_rehearsal.cache.client import CLIENT_ERRORS
from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import ROLES, Role
from redis_rehearsal.clock import monotonic
from redis_rehearsal.coordinator.equipment import Equipment
from redis_rehearsal.database.connection import CONNECTION_ERRORS
from redis_rehearsal.telemetry.resources import ProcessResources, RedisResources, Resources, Watched

_log = structlog.get_logger()

POLL_SECONDS: Final = 1.0
_SIZE_EVERY: Final = 30
"""The database's size costs a look at each of its files; it is asked at every so many polls."""


class ResourcesPoller:
    """Keeps a view's resources up to date.

    Args:
        resources: where to put what is seen.
        equipment: the servers; they are taken from there each time, since the target may be exchanged.
        timeout_seconds: for each answer.
    """

    def __init__(self, resources: Resources, equipment: Equipment, timeout_seconds: float) -> None:
        self._resources = resources
        self._equipment = equipment
        self._timeout_seconds = timeout_seconds
        self._said: set[str] = set()
        self._process = psutil.Process()
        self._processes: dict[int, psutil.Process] = {}
        self._before: dict[str, tuple[float, float]] = {}
        self._polls = 0
        self._watched: dict[Role, Endpoint] = {}
        self._database_cpu = (0, 0.0)
        self._size_bytes: int | None = None

    async def watch(self) -> None:
        """Ask once a second, for ever; what cannot be asked has no figures."""
        while True:
            await self.poll()
            await asyncio.sleep(POLL_SECONDS)

    async def poll(self) -> None:
        """Ask everyone once."""
        # The replica first: what it has not taken yet is then never said to be less than it is.
        for role in sorted(ROLES, key=self._follows, reverse=True):
            await self._ask_redis(role)
        await self._ask_database()
        self._resources.coordinator = self._rated("coordinator", _usage([self._process]))
        self._polls += 1

    def _follows(self, role: Role) -> bool:
        seen = self._resources.redis.get(role)
        return seen is not None and seen.is_replica

    async def _ask_redis(self, role: Role) -> None:
        endpoint = self._equipment.sites[role].endpoint
        try:
            async with asyncio.timeout(self._timeout_seconds):
                info = await self._equipment.sites[role].client.info("all")
            found = RedisResources.of(info, endpoint.database)
        except (*CLIENT_ERRORS, KeyError, ValueError, TypeError, AttributeError) as error:
            self._resources.redis.pop(role, None)
            self._note(role, error)
        else:
            self._resources.redis[role] = found
            if self._watched.get(role) != endpoint:
                # The target may be exchanged for another one.
                self._watched[role], self._resources.watched[role] = endpoint, Watched()
            self._resources.watched[role].see(found, monotonic())

    async def _ask_database(self) -> None:
        try:
            with_size = not self._polls % _SIZE_EVERY
            found, pids = await self._equipment.database.statistics(with_size=with_size)
        except (*CONNECTION_ERRORS, KeyError, TypeError) as error:
            self._resources.database = self._resources.database_process = None
            self._note("database", error)
            return
        self._size_bytes = found.size_bytes if with_size else self._size_bytes
        self._resources.database = replace(found, size_bytes=self._size_bytes)
        self._resources.database_process = self._usage_of_database(pids)

    def _usage_of_database(self, pids: list[int]) -> ProcessResources | None:
        server, postmaster = self._equipment.sites.database.process, None
        if server is not None:
            with contextlib.suppress(OSError, ValueError, TypeError):  # it is gone
                postmaster = server.pid
        if postmaster is None:
            return None
        known: dict[int, psutil.Process] = {}
        for pid in (postmaster, *pids):
            with contextlib.suppress(psutil.Error):
                known[pid] = self._processes.get(pid) or psutil.Process(pid)
        self._processes = known
        usage = _usage(list(known.values()))
        # One that ended just now is not among its parent's children yet; a counter must not go down for that.
        before = self._database_cpu[1] if self._database_cpu[0] == postmaster else 0.0
        self._database_cpu = (postmaster, max(before, usage.cpu_seconds))
        return ProcessResources(usage.memory_bytes, self._database_cpu[1])

    def _rated(self, name: str, usage: ProcessResources) -> ProcessResources:
        now = monotonic()
        before = self._before.get(name)
        self._before[name] = (now, usage.cpu_seconds)
        if before is None or now <= before[0]:
            return usage
        used = max(0.0, usage.cpu_seconds - before[1])
        return ProcessResources(usage.memory_bytes, usage.cpu_seconds, used / (now - before[0]))

    def _note(self, role: str, error: Exception) -> None:
        failures = self._resources.failures
        failures[role] = failures.get(role, 0) + 1
        # Said once: a server that is away is told of elsewhere, and one that does not permit it will not later either.
        if role not in self._said:
            self._said.add(role)
            reason = str(error) or type(error).__name__
            _log.info(f"The {role} could not be asked what it uses ({reason}); its resources are not known meanwhile.")


def _usage(processes: list[psutil.Process]) -> ProcessResources:
    """Of processes, the first of which is the parent of the others: those that have ended count as its children."""
    private = shared = 0
    seconds = 0.0
    for place, process in enumerate(processes):
        with contextlib.suppress(psutil.Error):
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
            seconds += times.user + times.system
            if place == 0 and len(processes) > 1:
                seconds += times.children_user + times.children_system
            # What they share is the same for all of them; not every system tells it.
            common = int(getattr(memory, "shared", 0))
            private += memory.rss - common
            shared = max(shared, common)
    return ProcessResources(private + shared, seconds)
