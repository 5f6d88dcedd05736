"""What two servers can do for a copy, found out by having them do it with scratch keys."""

from dataclasses import dataclass
from typing import Final, Literal

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.wire import Reply
from redis_rehearsal.errors import MigrationError
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.replies import in_words

Method = Literal["dump", "types"]
_SCRATCH_MILLISECONDS: Final = 60_000
"""Scratch keys end by themselves where removing them fails."""
_FAR_MILLISECONDS: Final = 4_000_000_000_000
_ATTEMPTS: Final = 5
_SMALL_BYTES: Final = 64 * 1024
_BULK_BYTES: Final = 512 * 1024 * 1024
_AROUND_BYTES: Final = 64 * 1024
"""What a server has in its buffer beside the argument itself."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a copy can use.

    Attributes:
        method: how values are copied that are not large.
        reason: why that one, for people.
        expire_time: the source has PEXPIRETIME.
        memory_usage: the source has MEMORY USAGE.
        field_ttls_read: the source has HPEXPIRETIME.
        field_ttls_written: the target has HPEXPIREAT.
        set_at: the target has SET … PXAT.
        stream_counts: the target's XSETID and XGROUP CREATE take entries added, read and deleted.
        json_read: the source has JSON.GET.
        json_written: the target has JSON.SET.
        most_bytes: the target closes a connection over which it is sent more as one argument.
        most_setting: the target's setting that says so.
    """

    method: Method
    reason: str
    expire_time: bool
    memory_usage: bool
    field_ttls_read: bool
    field_ttls_written: bool
    set_at: bool
    stream_counts: bool
    json_read: bool
    json_written: bool
    most_bytes: int
    most_setting: str

    def too_large(self, value: bytes) -> str:
        """Why the target would not take something as one argument; empty where it would."""
        if len(value) <= self.most_bytes:
            return ""
        above = f"the {self.most_setting} of the server that they go to ({self.most_bytes:,})"
        return f"{len(value):,} bytes at once are above {above}"


def _works(reply: Reply) -> bool:
    return not isinstance(reply, hiredis.ReplyError)


async def find_capabilities(
    source: Asker, target: Asker, wanted: Literal["dump", "types", "auto"], scratch: bytes
) -> Capabilities:
    """Ask both servers.

    Args:
        source: where keys come from.
        target: where they go.
        wanted: the method that was asked for.
        scratch: a key of ours, written to and removed on both.

    Raises:
        OSError: a server is away.
        MigrationError: the target cannot be written to, or the method cannot be used.
    """
    expire_time, field_ttls_read, json_read = (
        _works(reply)
        for reply in await source.all(
            [
                pack("PEXPIRETIME", scratch),
                pack("HPEXPIRETIME", scratch, "FIELDS", 1, "f"),
                pack("JSON.GET", scratch),
            ]
        )
    )
    memory_usage = _works(await source.reply("MEMORY", "USAGE", scratch))
    replies = await target.all(
        [
            pack("SET", scratch, "x", "PX", _SCRATCH_MILLISECONDS),
            pack("SET", scratch, "x", "PXAT", _FAR_MILLISECONDS),
            pack("UNLINK", scratch),
            pack("HPEXPIREAT", scratch, _FAR_MILLISECONDS, "FIELDS", 1, "f"),
            pack("JSON.GET", scratch),
            pack("XGROUP", "CREATE", scratch, "g", "0", "MKSTREAM"),
            pack("PEXPIRE", scratch, _SCRATCH_MILLISECONDS),
            pack("XSETID", scratch, "5-0", "ENTRIESADDED", 5, "MAXDELETEDID", "3-0"),
            pack("UNLINK", scratch),
        ]
    )
    if not _works(replies[0]):
        raise MigrationError(f"{target} cannot be copied to: it refused SET ({in_words(replies[0])}).")
    method, reason = await _method(source, target, wanted, scratch)
    most_bytes, most_setting = await _most_bytes(target)
    return Capabilities(
        method=method,
        reason=reason,
        expire_time=expire_time,
        memory_usage=memory_usage,
        field_ttls_read=field_ttls_read,
        field_ttls_written=_works(replies[3]),
        set_at=_works(replies[1]),
        stream_counts=_works(replies[7]),
        json_read=json_read,
        json_written=_works(replies[4]),
        most_bytes=most_bytes,
        most_setting=most_setting,
    )


async def _most_bytes(target: Asker) -> tuple[int, str]:
    """What the target takes as one argument, and the setting that says so; the default where it does not say."""
    found = [(_BULK_BYTES, "proto-max-bulk-len")]
    for setting, room in (("proto-max-bulk-len", 0), ("client-query-buffer-limit", _AROUND_BYTES)):
        try:
            reply = await target.reply("CONFIG", "GET", setting)
        except OSError:
            break  # some proxies hang up on whoever asks them for settings
        if isinstance(reply, list) and len(reply) == 2 and bytes(reply[1]).isdigit():
            found.append((int(reply[1]) - room, setting))
    return min(found[1:] or found)


async def _method(source: Asker, target: Asker, wanted: str, scratch: bytes) -> tuple[Method, str]:
    if wanted == "types":
        return "types", "it was asked for"
    refused = await _dump_refused(source, target, scratch)
    if not refused:
        return "dump", f"{target.called} accepts {source.called}'s DUMP"
    if wanted == "dump":
        raise MigrationError(f"DUMP and RESTORE cannot be used: {refused}. Let the method be types or auto.")
    return "types", refused


async def _dump_refused(source: Asker, target: Asker, scratch: bytes) -> str:
    payload = await _payload(source, scratch)
    if not isinstance(payload, bytes):
        return f"{source} gave no payload to try with ({in_words(payload)})"
    restored, _ = await target.all(
        [pack("RESTORE", scratch, _SCRATCH_MILLISECONDS, payload, "REPLACE"), pack("UNLINK", scratch)]
    )
    return "" if _works(restored) else f"{target} refused {source.called}'s DUMP ({in_words(restored)})"


async def _payload(source: Asker, scratch: bytes) -> Reply:
    """A small payload of the source's, or what it said instead."""
    written, payload, _ = await source.all(
        [pack("SET", scratch, "x", "PX", _SCRATCH_MILLISECONDS), pack("DUMP", scratch), pack("UNLINK", scratch)]
    )
    if _works(written):
        return payload
    # A source that is a replica, or fenced, takes no scratch key.
    for _ in range(_ATTEMPTS):
        key = await source.reply("RANDOMKEY")
        if not isinstance(key, bytes):
            break
        size = await source.reply("MEMORY", "USAGE", key)
        if isinstance(size, int) and size <= _SMALL_BYTES:
            payload = await source.reply("DUMP", key)
            if isinstance(payload, bytes):
                return payload
    return written
