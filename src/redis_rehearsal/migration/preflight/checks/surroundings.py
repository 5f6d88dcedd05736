"""Clocks, ways, encryption, connections: what is around the data."""

from typing import Final

from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import (
    ALL,
    FOLLOWING,
    SWITCHING,
    Finding,
    blocker,
    ok,
    unseen,
    warning,
)

_CLOCK_SECONDS: Final = 1.0
_FAR_SECONDS: Final = 0.01
_FARTHER_FACTOR: Final = 2.0
_FARTHER_SECONDS: Final = 0.001
_TIGHT_RATIO: Final = 0.8


def attribution(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether it can be told which server answers on a connection."""
    name, found = "attribution", []
    for server in (source, target):
        if not server.answered or not all(all(looks) for looks in server.answered):
            found.append(unseen(name, f"Which server answers behind the address of {server}", server.why("answered")))
        elif any(len(set(looks)) > 1 for looks in server.answered):
            sentence = f"On one connection to {server} several servers answer, as behind a proxy that spreads commands."
            advice = (
                "Give the server's own address: what is acknowledged cannot be attributed, and "
                f"{' or '.join(sorted(ALL - SWITCHING))} cannot pass."
            )
            found.append(warning(name, sentence, advice))
        elif len({looks[0] for looks in server.answered}) > 1:
            sentence = f"Connections to {server} reach several servers."
            found.append(warning(name, sentence, "Give the server's own address, or end what spreads connections."))
    return found or [ok(name, "On each connection to either one server answers, the same one.")]


def notifications(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether who listens to keyspace notifications would go on hearing them."""
    name, setting = "keyspace notifications", "notify-keyspace-events"
    for server in (source, target):
        if setting not in server.config:
            return [unseen(name, f"The setting {setting} of {server}", server.why("config"))]
    before, after = source.config[setting], target.config[setting]
    if set(before) == set(after):
        return [ok(name, f"Both have the same ({before or 'none'}).")]
    return [
        warning(
            name,
            f"The source sends {before or 'none'}, and the target {after or 'none'}.",
            f"Set {setting} on the target as on the source, if anything listens.",
        )
    ]


def clocks(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the clocks agree, by which keys expire."""
    name = "clocks"
    known = [server for server in (source, target) if server.clock_offset_seconds is not None]
    found = [
        unseen(name, f"The clock of {server}", server.why("clock_offset_seconds"))
        for server in (source, target)
        if server.clock_offset_seconds is None
    ]
    pairs = [
        (f"{server.title}'s clock and ours", server.clock_offset_seconds, server.clock_error_seconds)
        for server in known
    ]
    if len(known) == 2:
        apart = (target.clock_offset_seconds or 0.0) - (source.clock_offset_seconds or 0.0)
        pairs.append(
            ("The clocks of source and target", apart, source.clock_error_seconds + target.clock_error_seconds)
        )
    for what, offset, error in pairs:
        if offset is not None and abs(offset) - error > _CLOCK_SECONDS:
            advice = "Set the clocks by NTP: keys that expire at a time of day expire early or late by that."
            found.append(warning(name, f"{what} are {abs(offset):,.1f} s apart.", advice))
    return found or [ok(name, "The clocks agree within a second.")]


def encryption(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether one connection is encrypted and the other is not, and what replication needs."""
    name, found = "encryption", []
    before, after = source.endpoint.tls, target.endpoint.tls
    if before != after:
        which = "the source's connections are encrypted, the target's are not"
        which = which if before else "the target's connections are encrypted, the source's are not"
        advice = "See that every client is given the right scheme and certificates at the cutover."
        found.append(warning(name, f"{which[:1].upper()}{which[1:]}.", advice))
    replication = target.config.get("tls-replication")
    if before and replication is None:
        if target.config and "config" not in target.unseen:
            sentence = "Replication from the source needs TLS, and the target has no setting tls-replication."
            found.append(blocker(name, sentence, "Use a target with TLS, or a strategy that copies keys.", FOLLOWING))
        else:
            found.append(unseen(name, "The setting tls-replication of the target", target.why("config")))
    elif not before and replication == "yes":
        sentence = (
            "The target would follow the source by TLS only (tls-replication), which the source is not given with."
        )
        found.append(
            blocker(name, sentence, "CONFIG SET tls-replication no, or give the source as rediss://.", FOLLOWING)
        )
    both = "encrypted" if before else "not encrypted"
    return found or [ok(name, f"Connections to both are {both}.")]


def round_trip(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target is farther away from where the application is."""
    name = "round trip"
    before, after = source.round_trip_seconds, target.round_trip_seconds
    if before is None or after is None:
        hidden = source if before is None else target
        return [unseen(name, f"The round trip to {hidden}", hidden.why("round_trip_seconds"))]
    sentence = f"It takes {before * 1000:.2f} ms to the source, and {after * 1000:.2f} ms to the target."
    farther = after > before * _FARTHER_FACTOR and after - before > _FARTHER_SECONDS
    if after > _FAR_SECONDS or farther:
        advice = "Every query waits for it: run the application near the target, and look again from there."
        return [warning(name, sentence, advice)]
    return [ok(name, sentence)]


def connections(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether each server takes the connections that we open."""
    name, found = "connections", []
    for server, blocks in ((source, ALL), (target, SWITCHING)):
        most, there = server.number("maxclients"), server.number("connected_clients")
        if most is None or there is None:
            found.append(unseen(name, f"The setting maxclients of {server}", server.why("config")))
            continue
        need = there + plan.pool_size
        sentence = f"{server.title} takes {most:,} clients and has {there:,}; REDIS_POOL_SIZE adds {plan.pool_size:,}."
        if need > most:
            advice = "Raise maxclients (and the limit of open files), or lower REDIS_POOL_SIZE."
            found.append(blocker(name, sentence, advice, blocks))
        elif need > most * _TIGHT_RATIO:
            found.append(warning(name, sentence, "Raise maxclients: at a cutover all clients connect at once."))
    return found or [ok(name, f"Both take {plan.pool_size:,} connections more.")]
