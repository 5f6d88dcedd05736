"""What live structures hold on a server, as arrays that can be held against their ledgers."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson
import redis.asyncio as redis
from numpy.typing import NDArray
from redis.exceptions import ResponseError

from redis_rehearsal.workload.events import EVENT_TYPES, PAGES
from redis_rehearsal.workload.live import RECENT_CHECKED, LiveStructure

_CHUNK_KEYS: Final = 200
_COMMANDS: Final = {
    "totals": ("HGETALL",),
    "pages": ("ZRANGE", "0", "-1", "WITHSCORES"),
    "document": ("JSON.GET",),
    "users": ("SMEMBERS",),
    "recent": ("LRANGE", "0", "-1"),
}
_PLACE_OF_TYPE: Final = {kind.name.encode(): place for place, kind in enumerate(EVENT_TYPES)}
_PLACE_OF_PAGE: Final = {page.encode(): place for place, page in enumerate(PAGES)}


async def read_structures(
    client: redis.Redis,
    structure: LiveStructure,
    keys: Sequence[str],
    width: int,
    numbers: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read some structures of one kind.

    Args:
        client: of the server.
        structure: of which kind.
        keys: of the structures.
        width: how many things in one are accounted for.
        numbers: of the recent events that are checked, shape (len(keys), width).

    Returns:
        How often each thing is there, shape (len(keys), width); and how many things are in each structure that do not
        belong there, shape (len(keys),).

    Raises:
        RedisError, OSError, TimeoutError: the server could not be read.
    """
    values = np.zeros((len(keys), width), dtype=np.int64)
    foreign = np.zeros(len(keys), dtype=np.int64)
    command, *arguments = _COMMANDS[structure.name]
    for start in range(0, len(keys), _CHUNK_KEYS):
        pipe = client.pipeline(transaction=False)
        chunk = keys[start : start + _CHUNK_KEYS]
        for key in chunk:
            pipe.execute_command(command, key, *arguments)
        for row, reply in enumerate(await pipe.execute(raise_on_error=False), start):
            if isinstance(reply, ResponseError):
                foreign[row] = 1  # something else is in its place
            elif isinstance(reply, Exception):
                raise reply
            elif reply:
                foreign[row] = _count(structure.name, reply, values[row], numbers[row])
    return values, foreign


def _count(name: str, reply: Any, row: NDArray[np.int64], numbers: NDArray[np.int64]) -> int:
    """Enter what is there into a row; returns how many things do not belong there."""
    match name:
        case "totals":
            return _enter(reply.items(), _PLACE_OF_TYPE, row)
        case "pages":
            return _enter(zip(reply[::2], reply[1::2], strict=True), _PLACE_OF_PAGE, row)
        case "document":
            document = orjson.loads(reply)
            pairs = ((field.encode(), number) for field, number in document.items())
            return _enter(pairs, _PLACE_OF_TYPE, row)
        case "users":
            return _enter(((member, 1) for member in reply), _Users(len(row)), row)
        case _:
            return _enter_recent(reply, row, numbers)


class _Users(dict[bytes, int]):
    """The place of each user that is accounted for."""

    def __init__(self, width: int) -> None:
        super().__init__((b"%d" % (place + 1), place) for place in range(width))


def _enter(pairs: Any, places: dict[bytes, int], row: NDArray[np.int64]) -> int:
    foreign = 0
    for field, number in pairs:
        place = places.get(field)
        if place is None:
            foreign += 1
        else:
            row[place] = int(float(number))
    return foreign


def _enter_recent(elements: list[bytes], row: NDArray[np.int64], numbers: NDArray[np.int64]) -> int:
    foreign = 0
    for element in elements:
        number = element.partition(b":")[0]
        if not number.isdigit():
            foreign += 1
            continue
        place = int(number) % RECENT_CHECKED
        # Older ones are there as well, and are not checked.
        if numbers[place] == int(number):
            row[place] += 1
    return foreign
