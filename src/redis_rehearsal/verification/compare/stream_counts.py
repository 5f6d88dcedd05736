"""What streams and their groups have beside their contents, which not all servers know and no copy carries whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.keyspace.asking import Asker
from redis_rehearsal.keyspace.replies import named

IDLE_TIMES: Final = "idle times of stream consumers are not compared: no command sets them"
NO_ENTRIES_READ: Final = "entries read by stream groups are not compared: the source does not keep them"


@dataclass(slots=True)
class StreamCounts:
    """Of some streams of one server.

    Attributes:
        known: whether the server keeps counts of entries added, deleted and read.
        things: by place, how many of them a stream has that follow from nothing else.
        groups: how many groups they have in all.
        consumers: how many consumers their groups have.
    """

    known: bool = False
    things: dict[int, int] = field(default_factory=dict)
    groups: int = 0
    consumers: int = 0


async def stream_counts(asker: Asker, keys: Sequence[bytes]) -> StreamCounts:
    """Read what streams have.

    Raises:
        CannotTellError: the server went away or does not permit it.
    """
    commands = b"".join(pack("XINFO", "STREAM", key) + pack("XINFO", "GROUPS", key) for key in keys)
    replies = await asker.pipeline(commands, 2 * len(keys))
    found = StreamCounts()
    for place, (about, groups) in enumerate(zip(replies[::2], replies[1::2], strict=True)):
        if not isinstance(about, list) or not isinstance(groups, list):
            continue  # gone, or another type by now; reading it says what is not permitted
        stream, all_groups = named(about), [named(group) for group in groups]
        found.groups += len(all_groups)
        found.consumers += sum(group[b"consumers"] for group in all_groups)
        if b"entries-added" not in stream:
            continue
        found.known = True
        things = sum(isinstance(group.get(b"entries-read"), int) for group in all_groups)
        added_only = stream[b"entries-added"] == stream[b"length"] and stream[b"max-deleted-entry-id"] == b"0-0"
        if things + (not added_only):
            found.things[place] = things + (not added_only)
    return found
