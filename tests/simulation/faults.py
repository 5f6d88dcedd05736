"""What goes wrong in a simulation."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import hiredis

from tests.simulation.redis import SimulatedRedis
from tests.simulation.scenario import BEHIND_KEY, Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Happen = Callable[["World", Fault], Awaitable[None]]


def _server(world: "World", fault: Fault) -> SimulatedRedis:
    # Behind the source's endpoint there may be another one by now.
    moved = fault.on == "source" and world.moved_seconds is not None
    return world.servers["moved" if moved else fault.on]


def _address(world: "World", fault: Fault) -> tuple[str, int]:
    return world.servers[fault.on].address


async def _cut(world: "World", fault: Fault) -> None:
    for link in [*world.network.links_to(*_address(world, fault))]:
        link.cut()


async def _half(world: "World", fault: Fault, end: str) -> None:
    links = [*world.network.links_to(*_address(world, fault))]
    for link in links:
        getattr(link, end).silent = True
    await asyncio.sleep(fault.lasts_seconds)
    # What got lost is not sent again: such a connection is of no use any more.
    for link in links:
        link.cut()


async def _deaf(world: "World", fault: Fault) -> None:
    await _half(world, fault, "client")


async def _dumb(world: "World", fault: Fault) -> None:
    await _half(world, fault, "server")


async def _slow(world: "World", fault: Fault) -> None:
    address = _address(world, fault)
    world.network.extra_seconds[address] = 0.02 * fault.amount
    await asyncio.sleep(fault.lasts_seconds)
    world.network.extra_seconds.pop(address, None)


async def _frozen(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    server.freeze()
    await asyncio.sleep(fault.lasts_seconds)
    server.thaw()


async def _restarted(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    server.kill()
    await asyncio.sleep(fault.lasts_seconds)
    server.restart(keeps_data=True, loading_seconds=0.05 * fault.amount)


async def _killed(world: "World", fault: Fault) -> None:
    _server(world, fault).kill()


async def _emptied(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    server.kill()
    await asyncio.sleep(fault.lasts_seconds)
    server.restart(keeps_data=False)


async def _refusing(world: "World", fault: Fault, words: str) -> None:
    server = _server(world, fault)
    server.refusal = words
    await asyncio.sleep(fault.lasts_seconds)
    server.refusal = ""


async def _full(world: "World", fault: Fault) -> None:
    await _refusing(world, fault, "OOM command not allowed when used memory > 'maxmemory'.")


async def _loading(world: "World", fault: Fault) -> None:
    await _refusing(world, fault, "LOADING Redis is loading the dataset in memory")


async def _errs(world: "World", fault: Fault) -> None:
    await _refusing(world, fault, "ERR upstream failure")


async def _refuses_reads(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    server.read_refusal = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
    await asyncio.sleep(fault.lasts_seconds)
    server.read_refusal = ""


async def _promoted(world: "World", fault: Fault) -> None:
    _server(world, fault).do("REPLICAOF", "NO", "ONE")


async def _demoted(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    server.do("REPLICAOF", "nowhere", 1)
    await asyncio.sleep(fault.lasts_seconds)
    server.do("REPLICAOF", "NO", "ONE")


def _counters(server: SimulatedRedis) -> list[bytes]:
    return [key for key in sorted(server.keys()) if b":count:" in key]


async def _loses_counters(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    for key in _counters(server)[: fault.amount]:
        server.do("DEL", key)


async def _doubles_counters(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    for key in _counters(server)[: fault.amount]:
        server.do("INCRBY", key, 3)


async def _evicts(world: "World", fault: Fault) -> None:
    server = _server(world, fault)
    before = {name: server.config[name] for name in ("maxmemory", "maxmemory-policy")}
    server.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    server.do("CONFIG", "SET", "maxmemory", max(1, server.used_bytes - 200 * fault.amount))
    server.make_room()
    await asyncio.sleep(fault.lasts_seconds)
    for name, value in before.items():
        server.do("CONFIG", "SET", name, value)


async def _writes_behind(world: "World", fault: Fault) -> None:
    _server(world, fault).do("INCR", BEHIND_KEY)


async def _worker_killed(world: "World", fault: Fault) -> None:
    if (process := world.workers.get(0)) is not None:
        process.kill()


async def _worker_stopped(world: "World", fault: Fault) -> None:
    if (process := world.workers.get(0)) is not None:
        process.stop()
        await asyncio.sleep(fault.lasts_seconds)
        process.go_on()


async def _coordinator_stopped(world: "World", fault: Fault) -> None:
    world.coordinator.stop()
    await asyncio.sleep(fault.lasts_seconds)
    world.coordinator.go_on()


async def _database_away(world: "World", fault: Fault) -> None:
    world.database.away = True
    await asyncio.sleep(fault.lasts_seconds)
    world.database.away = False


async def _clock_steps(world: "World", fault: Fault) -> None:
    world.clock_step_seconds += (-1) ** fault.amount * fault.lasts_seconds


async def _tool_forgets(world: "World", fault: Fault) -> None:
    world.tool_forgets += fault.amount


_KINDS: Final[dict[str, Happen]] = {
    "cut": _cut,
    "deaf": _deaf,
    "dumb": _dumb,
    "slow": _slow,
    "frozen": _frozen,
    "restarted": _restarted,
    "killed": _killed,
    "emptied": _emptied,
    "full": _full,
    "loading": _loading,
    "errs": _errs,
    "refuses-reads": _refuses_reads,
    "promoted": _promoted,
    "demoted": _demoted,
    "loses-counters": _loses_counters,
    "doubles-counters": _doubles_counters,
    "evicts": _evicts,
    "writes-behind": _writes_behind,
    "worker-killed": _worker_killed,
    "worker-stopped": _worker_stopped,
    "coordinator-stopped": _coordinator_stopped,
    "database-away": _database_away,
    "clock-steps": _clock_steps,
    "tool-forgets": _tool_forgets,
}


async def happen(world: "World", fault: Fault) -> None:
    """Have a fault happen, to its end."""
    try:
        await _KINDS[fault.kind](world, fault)
    except (ConnectionError, hiredis.ReplyError) as error:
        world.note(f"{fault.kind} could not be: {error}")
