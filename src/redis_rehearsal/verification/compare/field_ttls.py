"""Compares times to live of single fields of hashes, which some servers have and some do not."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import CannotTellError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.replies import GONE, is_unknown
from redis_rehearsal.verification.compare.classify import QUICK_MS, TRIES, ttl_differs
from redis_rehearsal.verification.compare.contents import Content, pages
from redis_rehearsal.verification.compare.reader import cost_ms_since

_PAGE_FIELDS: Final = 1000
_FIGURES: Final = ("subexpiry=", "keys_with_volatile_items=")
"""By these INFO tells how many hashes of a database have such fields, on Redis and on Valkey."""
_COMMAND: Final = "HPTTL"


@dataclass(slots=True)
class FieldTtlsFound:
    """What became of times to live of fields.

    Attributes:
        differing: places of the keys of which one differs.
        untold: places of those that took too long to read.
        not_carried: by place, how many the target has no command for.
    """

    differing: set[int] = field(default_factory=set)
    untold: set[int] = field(default_factory=set)
    not_carried: dict[int, int] = field(default_factory=dict)


class FieldTtls:
    """Of hashes on two servers.

    Args:
        source: one of them.
        target: the other.
        tolerance_ms: by so much times to live may differ.
    """

    def __init__(self, source: Asker, target: Asker, tolerance_ms: int) -> None:
        self._source = source
        self._target = target
        self._tolerance_ms = tolerance_ms
        self._able: tuple[bool, bool] | None = None

    async def compare(self, keys: Sequence[bytes], values: Sequence[Content]) -> FieldTtlsFound:
        """Compare the fields of hashes that both servers have.

        Args:
            keys: their names.
            values: what was read of them on the source.

        Raises:
            CannotTellError: a server went away or does not permit it.
        """
        found = FieldTtlsFound()
        # On most servers no field has one, which is told at once.
        told = await asyncio.gather(_hashes_with_field_ttls(self._source), _hashes_with_field_ttls(self._target))
        # Also where it is not told, some may.
        if not any(count is None or count for count in told):
            return found
        if self._able is None:
            able = await asyncio.gather(_is_able(self._source), _is_able(self._target))
            self._able = (able[0], able[1])
        for asker, count, can in zip((self._source, self._target), told, self._able, strict=True):
            if count and not can:
                raise CannotTellError(
                    f"The {asker.role} has hashes with fields that expire, but not the command {_COMMAND}, which tells "
                    "when: it must not be renamed."
                )
        # Where a server has no such command, it has no such fields, though it tells of none either.
        if any(can and (count is None or count) for count, can in zip(told, self._able, strict=True)):
            small = {place: list(value) for place, value in enumerate(values) if isinstance(value, dict)}
            await self._of_small(keys, small, found)
            for place in range(len(keys)):
                if place not in small:
                    async for fields in _fields(self._source, keys[place]):
                        await self._of_small(keys, {place: fields}, found)
        return found

    async def _of_small(self, keys: Sequence[bytes], fields: Mapping[int, list[bytes]], found: FieldTtlsFound) -> None:
        assert self._able is not None  # noqa: S101 # it was found out first
        commands = b"".join(
            pack(_COMMAND, keys[place], "FIELDS", str(len(names)), *names) for place, names in fields.items()
        )
        nothing: list[Any] = [None] * len(fields)
        for _ in range(TRIES):
            began = monotonic()
            source, target = await asyncio.gather(
                *(
                    _ask(asker, commands, len(fields)) if able else _nothing(nothing)
                    for asker, able in zip((self._source, self._target), self._able, strict=True)
                )
            )
            cost_ms = cost_ms_since(began)
            slow = cost_ms > QUICK_MS
            if not slow:
                break
        for place, left, right in zip(fields, source, target, strict=True):
            count = len(fields[place])
            lefts, rights = _ttls(left, count), _ttls(right, count)
            if not self._able[1]:
                if some := sum(ttl >= 0 for ttl in lefts):
                    found.not_carried[place] = found.not_carried.get(place, 0) + some
            elif slow and max([*lefts, *rights], default=-1) >= 0:
                found.untold.add(place)
            elif any(self._differ(here, there, cost_ms) for here, there in zip(lefts, rights, strict=True)):
                found.differing.add(place)

    def _differ(self, source: int, target: int, cost_ms: int) -> bool:
        # So long reading both took: by so much they may be nearer to each other.
        tolerance_ms = self._tolerance_ms + cost_ms
        if GONE in (source, target):
            # One that ran out on one server only is about to on the other; else the values differ.
            return max(source, target) > tolerance_ms
        return ttl_differs(_as_ttl(source), _as_ttl(target), tolerance_ms)


def _as_ttl(reply: int) -> int | None:
    return reply if reply >= 0 else None


def _ttls(reply: Any, count: int) -> list[int]:
    """Milliseconds by field: -1 for ever, which all have where there is no such thing, -2 where there is no field."""
    if isinstance(reply, list) and len(reply) == count:
        return reply
    return [-1 if reply is None else GONE] * count


async def _nothing(replies: list[Any]) -> list[Any]:
    return replies


async def _ask(asker: Asker, commands: bytes, count: int) -> list[Any]:
    replies = await asker.pipeline(commands, count)
    asker.see_no_refusal(_COMMAND, replies)
    # A key that is gone, or of another type by now, is not one without fields that expire.
    return [reply if isinstance(reply, list) else [] for reply in replies]


async def _fields(asker: Asker, key: bytes) -> AsyncIterator[list[bytes]]:
    async for page in pages(asker, b"hash", key, _PAGE_FIELDS):
        yield [name for name, _ in page]


async def _hashes_with_field_ttls(asker: Asker) -> int | None:
    """How many hashes of a server have fields that expire, as it says; None where it does not."""
    reply = await asker.reply("INFO", "keyspace")
    if not isinstance(reply, bytes):
        return None
    told = [part for line in reply.decode(errors="replace").splitlines() for part in line.split(",")]
    figures = [part.partition("=")[2] for part in told if part.startswith(_FIGURES)]
    return sum(int(figure) if figure.isdecimal() else 1 for figure in figures) if figures else None


async def _is_able(asker: Asker) -> bool:
    reply = await asker.reply(_COMMAND, "", "FIELDS", "1", "")
    return not (isinstance(reply, hiredis.ReplyError) and is_unknown(str(reply)))
