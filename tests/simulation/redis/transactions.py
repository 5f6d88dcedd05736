"""MULTI and what belongs to it."""

from typing import TYPE_CHECKING, Any

from tests.simulation.redis.executing import call
from tests.simulation.redis.replies import OK, Refused
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session


@command("MULTI", 1, 1, always=True, at_once=True)
def _multi(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if session.transaction is not None:
        raise Refused("ERR MULTI calls can not be nested")
    session.transaction = []
    return OK


@command("EXEC", 1, 1, always=True, at_once=True)
def _exec(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    queued = session.transaction
    if queued is None:
        raise Refused("ERR EXEC without MULTI")
    for key in list(session.watched):
        server.keyspace.find(key)  # what runs out has changed
    aborted, disturbed = session.aborted, session.disturbed
    session.forget_transaction()
    if aborted:
        raise Refused("EXECABORT Transaction discarded because of previous errors.")
    if disturbed:
        return None
    with server.replication.together():
        return [call(session, each, parts) for each, parts in queued]


@command("DISCARD", 1, 1, always=True, at_once=True)
def _discard(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if session.transaction is None:
        raise Refused("ERR DISCARD without MULTI")
    session.forget_transaction()
    return OK


@command("WATCH", 2, always=True, at_once=True)
def _watch(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if session.transaction is not None:
        raise Refused("ERR WATCH inside MULTI is not allowed")
    for key in dict.fromkeys(words[1:]):
        server.keyspace.find(key)
        if key not in session.watched:
            session.watched.append(key)
            server.watchers.setdefault(key, []).append(session)
    return OK


@command("UNWATCH", 1, 1, always=True)
def _unwatch(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    transaction = session.transaction
    session.forget_transaction()
    session.transaction = transaction
    return OK
