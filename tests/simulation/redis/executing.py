"""What becomes of a command: refused, held back, put off to the end of a transaction, or carried out."""

from typing import TYPE_CHECKING, Any, Final

from tests.simulation.redis.replies import QUEUED, Nothing, Refused, wrong_number
from tests.simulation.redis.table import COMMANDS, Command, find

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

BLOCKED: Final = Nothing()
"""Stands for a reply that is not there yet."""
_READS: Final = ("GET", "MGET")
_LISTENING: Final = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"


def execute(session: "Session", words: list[bytes]) -> Any:
    """Have a server do a command; returns the reply, be it an error, or `BLOCKED`."""
    server = session.server
    name = words[0]
    command = COMMANDS.get(name) or find(name, server.numbers)
    if command is None or command.since > server.numbers:
        return _not_queued(session, _unknown(words))
    if not command.least <= len(words) <= command.most:
        return _not_queued(session, wrong_number(command.name))
    if command.parts and words[1].upper() not in command.parts:
        part = words[1][:128].decode(errors="replace")
        return _not_queued(session, Refused(f"ERR unknown subcommand '{part}'. Try {command.name} HELP."))
    if not session.authenticated and command.name not in ("AUTH", "HELLO", "QUIT", "RESET"):
        return _not_queued(session, Refused("NOAUTH Authentication required."))
    transaction = session.transaction
    writes, grows = command.writes, command.grows
    if transaction and command.name == "EXEC":
        writes = any(each.writes for each, _ in transaction)
        grows = any(each.grows for each, _ in transaction)
    if (writes or server.is_hindered) and (why := _why_not(server, command, writes, grows)):
        return _refused(session, command, why)
    if (session.channels or session.patterns) and not command.while_subscribed:
        return Refused(f"ERR Can't execute '{command.name.lower()}': {_LISTENING}")
    if server.pause.holds(writes) and session.replica is None:
        return hold(session, words)
    if server.read_refusal and command.name in _READS and not session.is_passing:
        return Refused(server.read_refusal)
    if transaction is not None and not command.at_once:
        transaction.append((command, words))
        return QUEUED
    if not (writes and server.refusal):
        return call(session, command, words)
    # It comes too late: what is done is done.
    before = len(session.counted)
    call(session, command, words)
    del session.counted[before:]
    return Refused(server.refusal)


def call(session: "Session", command: Command, words: list[bytes]) -> Any:
    """Carry a command out; returns the reply, be it an error."""
    session.server.commands[command.name] += 1
    try:
        return command.handler(session.server, session, words)
    except Refused as error:
        return error


def hold(session: "Session", words: list[bytes]) -> Nothing:
    """Hold a command back, and all that comes behind it, until the session is to go on."""
    session.waiting.appendleft((words, session.sent_seconds))
    session.blocked = True
    session.server.held_back.append(session)
    return BLOCKED


def _why_not(server: "SimulatedRedis", command: Command, writes: bool, grows: bool) -> str:
    """Why a server refuses a command for what it is now; empty where it does not."""
    if writes:
        if server.refusal and not server.refusal.startswith("ERR"):
            return server.refusal
        if server.config.maxmemory_bytes and grows and not server.make_room():
            return "OOM command not allowed when used memory > 'maxmemory'."
        if server.following is None:
            if server.config.least_replicas and not server.replication.has_enough_replicas():
                return "NOREPLICAS Not enough good replicas to write."
        elif server.config.read_only:
            return "READONLY You can't write against a read only replica."
    if not command.while_stale and server.is_stale:
        return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
    if not command.while_loading and server.is_loading:
        return "LOADING Redis is loading the dataset in memory"
    return ""


def _refused(session: "Session", command: Command, why: str) -> Refused:
    if command.name == "EXEC":
        session.forget_transaction()
        return Refused(f"EXECABORT Transaction discarded because of: {why}")
    return _not_queued(session, Refused(why))


def _not_queued(session: "Session", why: Refused) -> Refused:
    if session.transaction is not None:
        session.aborted = True
    return why


def _unknown(words: list[bytes]) -> Refused:
    listed = "".join(f"'{word[:128].decode(errors='replace')}' " for word in words[1:20])
    return Refused(
        f"ERR unknown command '{words[0][:128].decode(errors='replace')}', with args beginning with: {listed}"
    )
