"""What live structures hold on a server, as arrays that can be held against their ledgers."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson
import redis.asyncio as redis
from numpy.typing import NDArray
from redis.exceptions import ResponseError

from redis_rehearsal.keyspace.types import JSON, whole_command
from redis_rehearsal.workload.events import EVENT_TYPES, PAGES
from redis_rehearsal.workload.live import LiveStructure, recent_code

RECENT_READ: Final = 400
"""Elements of a list of recent events that are read: twice what is kept, so that one too long is seen."""
FOREIGN: Final = -1
"""Stands for an element of such a list that is none."""

_DIGITS: Final = 10
_CHUNK_KEYS: Final = 200
_COMMANDS: Final = {
    "totals": whole_command(b"hash"),
    "pages": whole_command(b"zset"),
    "document": whole_command(JSON),
    "users": whole_command(b"set"),
    "recent": ("LRANGE", "0", str(RECENT_READ - 1)),
}
_OF_ANOTHER_TYPE: Final = ("WRONGTYPE", "wrong kind of value", "wrong Redis type")
_NUMBER: Final = re.compile(rb"-?\d{1,18}")
_MOST: Final = 2**53
_PLACE_OF_TYPE: Final = {kind.name.encode(): place for place, kind in enumerate(EVENT_TYPES)}
_PLACE_OF_PAGE: Final = {page.encode(): place for place, page in enumerate(PAGES)}


async def read_structures(
    client: redis.Redis,
    structure: LiveStructure,
    keys: Sequence[str],
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read some structures of one kind.

    Args:
        client: of the server.
        structure: of which kind.
        keys: of the structures.
        width: how many things in one are accounted for.

    Returns:
        How often each thing is there, shape (len(keys), width), but of lists of recent events the codes of their
        elements from the newest on, 0 where there are no more; and how many things are in each structure that do not
        belong there, shape (len(keys),).

    Raises:
        RedisError, OSError, TimeoutError: the server could not be read.
    """
    values = np.zeros((len(keys), read_width(structure, width)), dtype=np.int64)
    foreign = np.zeros(len(keys), dtype=np.int64)
    command, *arguments = _COMMANDS[structure.name]
    for start in range(0, len(keys), _CHUNK_KEYS):
        pipe = client.pipeline(transaction=False)
        chunk = keys[start : start + _CHUNK_KEYS]
        for key in chunk:
            pipe.execute_command(command, key, *arguments)
        for row, reply in enumerate(await pipe.execute(raise_on_error=False), start):
            if isinstance(reply, ResponseError) and any(words in str(reply) for words in _OF_ANOTHER_TYPE):
                foreign[row] = 1  # something else is in its place
            elif isinstance(reply, Exception):
                raise reply  # what it holds is not known
            elif reply:
                foreign[row] = _count(structure.name, reply, values[row])
    return values, foreign


def read_width(structure: LiveStructure, width: int) -> int:
    """How many values are read of a structure in which so many things are accounted for."""
    return RECENT_READ if structure.name == "recent" else width


def _count(name: str, reply: Any, row: NDArray[np.int64]) -> int:
    """Enter what is there into a row; returns how many things do not belong there."""
    match name:
        case "totals":
            return _enter(reply.items(), _PLACE_OF_TYPE, row)
        case "pages":
            return _enter(zip(reply[::2], reply[1::2], strict=True), _PLACE_OF_PAGE, row)
        case "document":
            document = orjson.loads(reply)
            if not isinstance(document, dict):
                return 1
            pairs = ((field.encode(), number) for field, number in document.items())
            return _enter(pairs, _PLACE_OF_TYPE, row)
        case "users":
            return _enter(((member, 1) for member in reply), _Users(len(row)), row)
        case _:
            row[: len(reply)] = [_code(element) for element in reply]
            return 0


class _Users(dict[bytes, int]):
    """The place of each user that is accounted for."""

    def __init__(self, width: int) -> None:
        super().__init__((b"%d" % (place + 1), place) for place in range(width))


def _enter(pairs: Any, places: dict[bytes, int], row: NDArray[np.int64]) -> int:
    foreign = 0
    for field, number in pairs:
        place, count = places.get(field), _whole(number)
        if place is None or count is None:
            foreign += 1
        else:
            row[place] = count
    return foreign


def _whole(number: Any) -> int | None:
    """A count as servers hold it; None for what is no whole number, or none that could be one of ours."""
    if isinstance(number, bytes):
        return int(number) if _NUMBER.fullmatch(number) else None
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < _MOST:
        return None
    return int(number) if number == int(number) else None


def _code(element: bytes) -> int:
    number = element.partition(b":")[0]
    # A number of ours is short; what has no such number is none of our elements.
    return recent_code(int(number), element) if number.isdigit() and len(number) < _DIGITS else FOREIGN
