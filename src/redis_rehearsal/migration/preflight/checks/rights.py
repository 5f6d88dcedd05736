"""What the servers' users may do, and whether the servers would take writes."""

from redis_rehearsal.migration.preflight.facts import Facts, Plan
from redis_rehearsal.migration.preflight.finding import (
    ELSEWHERE,
    STRATEGY_NAMES,
    SWITCHING,
    Finding,
    blocker,
    ok,
    unseen,
)
from redis_rehearsal.migration.preflight.needs import needed
from redis_rehearsal.migration.strategies import STRATEGIES, either

_FREEZES = frozenset({"CLIENT PAUSE", "CLIENT UNPAUSE"})


def permissions(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether each server lets our user do what each strategy needs."""
    name, found = "permissions", []
    needs = needed(source, target, plan)
    for server in (source, target):
        if server.denied is None:
            found.append(unseen(name, f"What our user may do on {server}", server.why("denied")))
            continue
        missing = [command for command in needs[server.role] if command in server.denied]
        if not missing:
            found.append(ok(name, f"Our user may do all that is needed on {server}."))
            continue
        blocks = frozenset().union(*(needs[server.role][command] for command in missing))
        wanted = " ".join(f"+{command.lower().replace(' ', '|')}" for command in missing)
        advice = f"Give its user {wanted} and the keys ~{plan.key_prefix}*"
        if not blocks >= SWITCHING:
            advice += f", or do without {', '.join(each for each in STRATEGY_NAMES if each in blocks)}"
        elif _FREEZES.intersection(missing):
            advice += ", or let the application freeze (--freeze client)"
        advice += ". Managed services may lack such commands for good."
        found.append(blocker(name, f"{server.title} denies {', '.join(missing)}.", advice, blocks))
    return found


def server_wide(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether what acts on whole servers is allowed where it is needed."""
    name, found = "server-wide actions", []
    advice = "Pass --allow-server-wide if it may; what is changed is put back."
    allowed = plan.allow_server_wide
    for server in (source, target):
        acting = frozenset(each for each, strategy in STRATEGIES.items() if server.role in strategy.acts_on)
        if acting and server.role not in plan.ours and not allowed:
            sentence = f"{either(acting)} acts on all of {server}, which is not allowed."
            found.append(blocker(name, sentence, advice, acting))
    if plan.freeze == "server":
        if source.role not in plan.ours and not allowed:
            sentence = "--freeze server acts on all of the source, which is not allowed."
            found.append(blocker(name, sentence, f"{advice} Or let the application freeze.", SWITCHING))
        if source.identity.product == "redis" and source.version < (6, 2):
            sentence = f"--freeze server needs CLIENT PAUSE WRITE, which redis {source.identity.version} lacks."
            found.append(blocker(name, sentence, "Let the application freeze (--freeze client).", SWITCHING))
    return found or [ok(name, "What acts on whole servers is allowed, or not needed.")]


def writes(source: Facts, target: Facts, plan: Plan) -> list[Finding]:
    """Whether both take writes as they are now."""
    found = [
        blocker(
            "writes",
            f"{server.title} refuses writes now: {server.refusal}",
            "Make it take writes first: promote it, make room, or mend what it complains of.",
            # A tool may promote a replica, and make no room.
            SWITCHING - ELSEWHERE if server is target and server.refusal.startswith("READONLY") else SWITCHING,
        )
        for server in (source, target)
        if server.refusal
    ]
    if found:
        return found
    hidden = next((server for server in (source, target) if server.denied is None), None)
    if hidden is not None:
        return [unseen("writes", f"Whether {hidden} takes writes", hidden.why("denied"))]
    return [ok("writes", "Both take writes.")]
