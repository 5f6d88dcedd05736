"""Commands by which servers follow each other."""

from typing import TYPE_CHECKING, Any, cast

from tests.simulation.redis.executing import BLOCKED
from tests.simulation.redis.replica import Replica
from tests.simulation.redis.replies import NOTHING, OK, Refused, Simple, integer
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.connection import Connection
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session


@command("REPLICAOF", 3, 3, while_stale=True)
@command("SLAVEOF", 3, 3, while_stale=True)
def _replicaof(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if [word.upper() for word in words[1:]] == [b"NO", b"ONE"]:
        server.promote()
        return OK
    address = words[1].decode(), integer(words[2], "ERR Invalid master port")
    if server.replica_of == address:
        return Simple(b"OK Already connected to specified master")
    server.follow(address)
    return OK


@command("ROLE", 1, 1, always=True)
def _role(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    following, offset = server.following, server.replication.offset
    if following is None:
        replicas = [
            [b"127.0.0.1", b"%d" % each.port, b"%d" % each.offset]
            for each in server.replication.replicas
            if each.state == "online"
        ]
        return [b"master", offset, replicas]
    host, port = following.address
    return [b"slave", host.encode(), port, following.state.encode(), offset if following.is_up else -1]


@command("REPLCONF", 1, always=True)
def _replconf(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    for name, value in zip(words[1::2], words[2::2], strict=False):
        match name.lower():
            case b"listening-port":
                session.replica = session.replica or Replica(server, cast("Connection", session))
                session.replica.port = integer(value)
            case b"ack":
                if session.replica is not None:
                    server.replication.acknowledged(session.replica, integer(value))
                return NOTHING
            case b"capa":
                pass
            case _:
                raise Refused(f"ERR Unrecognized REPLCONF option: {name.decode(errors='replace')}")
    return OK


@command("PSYNC", 3, 3)
def _psync(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if server.following is not None and not server.following.is_up:
        raise Refused("NOMASTERLINK Can't SYNC while not connected with my master")
    server.replication.attach(cast("Connection", session), words[1].decode(), integer(words[2]))
    return NOTHING


@command("WAIT", 3, 3)
def _wait(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if server.following is not None:
        raise Refused("ERR WAIT cannot be used with replica instances.")
    wanted, milliseconds = integer(words[1]), integer(words[2], "ERR timeout is not an integer or out of range")
    if milliseconds < 0:
        raise Refused("ERR timeout is negative")
    replication = server.replication
    if replication.count(replication.offset) >= wanted or session.transaction is not None:
        return replication.count(replication.offset)
    replication.wait(session, wanted, milliseconds / 1000)
    return BLOCKED
