"""Whether values go over that not every server can hold or take."""

from typing import Final

from redis_rehearsal.keyspace.versions import has_field_ttls, replicates_field_ttls
from redis_rehearsal.migration.preflight.checks.contents import size
from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import COPYING, FOLLOWING, Finding, blocker, ok, unseen, warning

_SHOWN: Final = 10
_SURE_RATIO: Final = 0.75
"""A key's memory is more than its value's length, by no more than that."""


def field_ttls(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether hashes of which fields expire by themselves go over."""
    name = "field TTLs"
    if not has_field_ttls(source.identity):
        return [ok(name, "The source is of a version in which no field of a hash expires by itself.")]
    names = source.field_ttl_keys.names if source.field_ttl_keys else ()
    count = max(source.field_ttls or 0, len(names))
    if not count:
        if source.field_ttls is None:
            return [unseen(name, "Whether fields of the source's hashes expire", source.why("field_ttls"))]
        return [ok(name, "No hash of the source has fields that expire by themselves.")]
    listed = f" ({', '.join(names[:_SHOWN])}{' and others' * (count > len(names))})" if names else ""
    sentence = f"The source holds {count:,} hashes with fields that expire by themselves{listed}"
    found: list[Finding] = []
    if not replicates_field_ttls(source.identity, target.identity):
        what = f"{target.identity.product} {target.identity.version} cannot read from its RDB"
        advice = "Use a strategy that copies keys, or do without these times to live (HPERSIST) until the move is over."
        found.append(blocker(name, f"{sentence}, which {what}.", advice, FOLLOWING))
    if not has_field_ttls(target.identity):
        advice = "Use a newer target; else these fields stay for ever, and the comparison says how many."
        found.append(warning(name, f"{sentence}, and the target has no such times to live.", advice))
    return found or [ok(name, f"{sentence}; the target reads them.")]


def large_values(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether the target's limits for what it is sent let the largest values pass."""
    name = "large values"
    limit, buffer = target.number("proto-max-bulk-len"), target.number("client-query-buffer-limit")
    if limit is None and buffer is None:
        return [unseen(name, "The settings proto-max-bulk-len of the target", target.why("config"))]
    setting, most = min(
        (value, setting)
        for setting, value in (("proto-max-bulk-len", limit), ("client-query-buffer-limit", buffer))
        if value is not None
    )[::-1]
    largest = source.sample.largest if source.sample else None
    if source.sample is None or (largest is None and source.sample.keys):
        why = source.why("sample") if source.sample is None else "MEMORY USAGE is not permitted"
        return [unseen(name, "How large the values of the source are", why)]
    if largest is None or largest[1] <= most:
        return [ok(name, f"The largest value that was looked at on the source is below the target's {setting}.")]
    advice = f"Set {setting} to {largest[1] * 2} or more on the target"
    string = source.sample.largest_string
    if limit is not None and string is not None and string[1] * _SURE_RATIO > limit:
        sentence = f"The source holds a string {string[0]} ({size(string[1])}), and the target takes none above"
        advice = f"Set proto-max-bulk-len to {string[1] * 2} or more on the target."
        return [blocker(name, f"{sentence} {size(limit)} (proto-max-bulk-len).", advice, COPYING)]
    key, count = largest
    sentence = f"The source holds {key} ({size(count)}), and the target closes a connection over which it is sent more"
    strategies = ", ".join(sorted(COPYING))
    advice += f": an element above it is taken neither from {strategies} nor from the application."
    return [warning(name, f"{sentence} than {size(most)} at once ({setting}).", advice)]
