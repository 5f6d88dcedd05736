"""Whether the target could follow the source through a full synchronisation."""

from typing import Final

from redis_rehearsal.migration.preflight.checks.contents import size
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import FOLLOWING, Finding, blocker, ok, unseen, warning

SYNC_BYTES_PER_SECOND: Final = 50 * 1024 * 1024
"""What a full synchronisation is taken to move in a second: half of a gigabit link, and what parsing an RDB takes."""
LEAST_SYNC_SECONDS: Final = 1.0
"""None takes less, however little there is: both sides look after each other once a second."""
LEAST_BUFFER_BYTES: Final = 1024 * 1024
"""A buffer below that is filled by a burst, whatever was written in the second that was looked at."""
OUTAGE_SECONDS: Final = 60.0
"""A broken link of that length should not cost another full synchronisation."""
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def address(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target can find the source by the address that we have."""
    name, endpoint = "address", source.endpoint
    if endpoint.path:
        sentence = "The source is given as a Unix socket, at which no replica can follow it."
        return [blocker(name, sentence, "Give it as redis://host:port.", FOLLOWING)]
    if endpoint.host in _LOCAL and not (target.endpoint.path or target.endpoint.host in _LOCAL):
        sentence = f"The target would look for the source at its own {endpoint.host}."
        return [blocker(name, sentence, "Give the source by an address that the target can reach.", FOLLOWING)]
    return [
        ok(name, f"The source is given as {endpoint.host}:{endpoint.port}; whether the target reaches it, is open.")
    ]


def output_buffer(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether what is written during a full synchronisation fits into the buffer that the source keeps for it."""
    name = "replica output buffer"
    rate, used = source.write_bytes_per_second, source.number("used_memory")
    limits = replica_limits(source.config.get("client-output-buffer-limit", ""))
    if limits is None:
        return [unseen(name, "The setting client-output-buffer-limit of the source", source.why("config"))]
    if rate is None or used is None:
        hidden = "write_bytes_per_second" if rate is None else "info"
        return [unseen(name, "The write rate of the source", source.why(hidden))]
    hard, soft, soft_seconds = limits
    seconds = max(LEAST_SYNC_SECONDS, used / SYNC_BYTES_PER_SECOND)
    gathered = rate * seconds
    stated = (
        f"A full synchronisation takes some {seconds:,.0f} s at {size(SYNC_BYTES_PER_SECOND)}/s, in which "
        f"{_at_most(source)}{size(gathered)} are written"
    )
    over_soft = soft and gathered > soft and (gathered - soft) / max(rate, 1.0) > soft_seconds
    if 0 < hard < LEAST_BUFFER_BYTES and gathered <= hard:
        sentence = (
            f"The source drops a replica above {size(hard)} of what it has yet to send: a burst of writes is more"
        )
        advice = 'Set client-output-buffer-limit "replica 256mb 64mb 60", the default, on the source.'
        return [warning(name, f"{sentence}.", advice)]
    if (hard and gathered > hard) or over_soft:
        limit = f"{size(hard)}, or {size(soft)} for {soft_seconds} s" if soft else size(hard)
        advice = (
            f'Set client-output-buffer-limit "replica {int(gathered * 2)} {int(gathered)} {soft_seconds}" on the '
            "source, or synchronise when less is written."
        )
        return [warning(name, f"{stated}; the source drops a replica above {limit}.", advice)]
    return [ok(name, f"{stated}; that fits into the source's buffer for replicas.")]


def backlog(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether a short break of the link costs another full synchronisation."""
    name = "replication backlog"
    rate, room = source.write_bytes_per_second, source.number("repl-backlog-size", "repl_backlog_size")
    if rate is None or room is None:
        hidden = "write_bytes_per_second" if rate is None else "config"
        return [unseen(name, "The replication backlog of the source", source.why(hidden))]
    need = rate * OUTAGE_SECONDS
    sentence = (
        f"The source writes {_at_most(source)}{size(rate)}/s now, and keeps {size(room)} for replicas that come back"
    )
    if need > room:
        advice = f"Set repl-backlog-size {int(need)} on the source, to bridge {OUTAGE_SECONDS:.0f} s."
        return [warning(name, f"{sentence}, which bridges {room / rate:,.0f} s.", advice)]
    return [ok(name, f"{sentence}.")]


def _at_most(server: Facts) -> str:
    return "" if server.write_rate_exact else "at most "


def replica_limits(setting: str) -> tuple[int, int, int] | None:
    """The limits for replicas in a client-output-buffer-limit: bytes at once, bytes for a while, seconds of that while.

    None where it has none that can be read.
    """
    words = setting.split()
    for kind, hard, soft, seconds in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=False):
        if kind in ("slave", "replica") and (hard + soft + seconds).isdigit():
            return int(hard), int(soft), int(seconds)
    return None
