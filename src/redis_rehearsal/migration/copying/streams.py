"""Putting a stream together with its ids, groups, consumers and pending entries."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from redis_rehearsal.keyspace.paging import entries, pending
from redis_rehearsal.keyspace.pieces import StreamId, format_id, parse_id
from redis_rehearsal.keyspace.replies import named, unix_milliseconds
from redis_rehearsal.migration.copying.build import Build

_PAGE_ITEMS: Final = 1000
_SMALL_PAGE_ITEMS: Final = 100
_FIRST: Final = (0, 0)
_SCRATCH_GROUP: Final = "rehearsal"

NO_COUNTS: Final = "a stream's entries added or greatest deleted id: the target's XSETID does not take them"
NO_ENTRIES_READ: Final = "a stream group's entries read: the target's XGROUP CREATE does not take them"
NO_IDLE_TIME: Final = "a stream consumer's idle time: no command sets it"


@dataclass(frozen=True, slots=True)
class _Pending:
    stream_id: StreamId
    consumer: bytes
    delivered_milliseconds: int
    deliveries: int


async def copy_stream(build: Build) -> None:
    """Put a stream together: see the module.

    Raises:
        NotCopiedError, GoneError, OSError: as `Build` does.
    """
    key, temporary = build.key, build.temporary
    groups = [named(group) for group in await build.ask_list("XINFO", "GROUPS", key)]
    held = {group[b"name"]: await _pending(build, group[b"name"]) for group in groups}
    # An empty stream can be made in no other way.
    await build.add("XGROUP", "CREATE", temporary, _SCRATCH_GROUP, "0", "MKSTREAM")
    await build.add("XGROUP", "DESTROY", temporary, _SCRATCH_GROUP)
    wanted = sorted({entry.stream_id for some in held.values() for entry in some})
    last, deleted = await _copy_entries(build, wanted)
    for group in groups:
        await _copy_group(build, group, held[group[b"name"]])
    for at in range(0, len(deleted), _PAGE_ITEMS):
        ids = [format_id(stream_id) for stream_id in deleted[at : at + _PAGE_ITEMS]]
        await build.add("XDEL", temporary, *ids, grows=-len(ids))
    await _copy_counts(build, last)


async def _pending(build: Build, group: bytes) -> list[_Pending]:
    found: list[_Pending] = []
    now_milliseconds = 0

    async def ask(*command: str | bytes | int) -> list[Any]:
        nonlocal now_milliseconds
        now, rows = await build.ask_all([("TIME",), command])
        if not isinstance(now, list) or not isinstance(rows, list):
            return []
        # By the source's clock, which counted the idle time.
        now_milliseconds = unix_milliseconds(now)
        return rows

    async for rows in pending(ask, build.key, group, _PAGE_ITEMS):
        found += (
            _Pending(parse_id(stream_id), consumer, now_milliseconds - idle, deliveries)
            for stream_id, consumer, idle, deliveries in rows
        )
    return found


async def _copy_entries(build: Build, wanted: list[StreamId]) -> tuple[StreamId, list[StreamId]]:
    """Add all entries; returns the last id, and the ids of placeholders that are to be deleted again.

    A pending entry whose entry was deleted needs a placeholder, since XCLAIM takes only what is there.
    """
    count = _SMALL_PAGE_ITEMS
    if build.is_big:
        count = await build.page_items()
    last = _FIRST
    placeholders: list[StreamId] = []
    position = 0

    async def hold_places(until: StreamId | None) -> None:
        nonlocal position
        while position < len(wanted) and (until is None or wanted[position] < until):
            placeholders.append(wanted[position])
            await build.add("XADD", build.temporary, format_id(wanted[position]), "deleted", "", grows=1)
            position += 1

    async for page in entries(build.ask_list, build.key, count):
        for text, fields in page:
            last = parse_id(text)
            await hold_places(last)
            if position < len(wanted) and wanted[position] == last:
                position += 1
            build.result.bytes += sum(map(len, fields))
            await build.add("XADD", build.temporary, text, *fields, grows=1)
    await hold_places(None)
    return max([last, *wanted[-1:]]), placeholders


async def _copy_group(build: Build, group: dict[bytes, Any], held: list[_Pending]) -> None:
    key, temporary, name = build.key, build.temporary, group[b"name"]
    read = group.get(b"entries-read")
    counts: tuple[str | int, ...] = ()
    if isinstance(read, int):
        if build.capabilities.stream_counts:
            counts = ("ENTRIESREAD", read)
        else:
            build.result.lose(key, NO_ENTRIES_READ)
    await build.add("XGROUP", "CREATE", temporary, name, group[b"last-delivered-id"], *counts)
    for consumer in await build.ask_list("XINFO", "CONSUMERS", key, name):
        await build.add("XGROUP", "CREATECONSUMER", temporary, name, named(consumer)[b"name"])
        build.result.lose(key, NO_IDLE_TIME)
    same = groupby(held, lambda entry: (entry.consumer, entry.delivered_milliseconds, entry.deliveries))
    for (consumer_name, at, deliveries), some in same:
        ids = [format_id(entry.stream_id) for entry in some]
        how = ("TIME", at, "RETRYCOUNT", deliveries, "FORCE", "JUSTID")
        for start in range(0, len(ids), _PAGE_ITEMS):
            await build.add("XCLAIM", temporary, name, consumer_name, 0, *ids[start : start + _PAGE_ITEMS], *how)


async def _copy_counts(build: Build, last: StreamId) -> None:
    info = named(await build.ask_list("XINFO", "STREAM", build.key))
    last = max(last, parse_id(info[b"last-generated-id"]))
    added, deleted = info.get(b"entries-added"), info.get(b"max-deleted-entry-id")
    counts: tuple[str | bytes | int, ...] = ()
    if isinstance(added, int) and isinstance(deleted, bytes):
        if build.capabilities.stream_counts:
            counts = ("ENTRIESADDED", max(added, info[b"length"]), "MAXDELETEDID", deleted)
        elif added != info[b"length"] or deleted != b"0-0":
            build.result.lose(build.key, NO_COUNTS)
    await build.add("XSETID", build.temporary, format_id(last), *counts)
