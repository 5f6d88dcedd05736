"""The service times of all that is asked of the Redis servers, by server and by what it was for."""

from collections import defaultdict
from collections.abc import Iterable

from redis_rehearsal.cache.server import Server
from redis_rehearsal.engine.counts import Operations
from redis_rehearsal.telemetry.histogram import Histogram


def take_operations(servers: Iterable[Server]) -> Operations:
    """What the servers answered since the last time."""
    taken: Operations = {}
    for server in servers:
        parted: defaultdict[str, tuple[list[float], list[int]]] = defaultdict(lambda: ([], []))
        for operation, seconds, count in server.take_spans():
            durations, counts = parted[operation]
            durations.append(seconds)
            counts.append(count)
        for operation, (durations, counts) in parted.items():
            if operation:
                taken[server.role, operation] = histogram = Histogram()
                histogram.record_many(durations, counts)
    return taken
