"""Commands of settings, clients and users, and what a server says of its own parts."""

from typing import TYPE_CHECKING, Any, Final

from redis_rehearsal.clock import unix
from tests.simulation.redis.replies import NOTHING, OK, SYNTAX, Refused, Simple, encode, integer, wrong_number
from tests.simulation.redis.table import COMMANDS, command, find

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session

_WRONG_PASSWORD: Final = "WRONGPASS invalid username-password pair or user is disabled."
_NO_PASSWORD: Final = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
_OF_CLIENT: Final = "SETNAME GETNAME ID SETINFO NO-EVICT NO-TOUCH INFO LIST KILL PAUSE UNPAUSE"


@command("PING", 1, 2, while_stale=True, while_subscribed=True)
def _ping(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if session.channels or session.patterns:
        return [b"pong", words[1] if len(words) > 1 else b""]
    return words[1] if len(words) > 1 else Simple(b"PONG")


@command("ECHO", 2, 2, always=True)
def _echo(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return words[1]


@command("TIME", 1, 1, always=True)
def _time(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    seconds, microseconds = divmod(int(unix() * 1_000_000), 1_000_000)
    return [b"%d" % seconds, b"%d" % microseconds]


@command("SELECT", 2, 2, always=True)
def _select(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if integer(words[1], "ERR invalid DB index") != 0:
        raise Refused("ERR DB index is out of range")
    return OK


@command("QUIT", 1, always=True, while_subscribed=True, at_once=True)
def _quit(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    session.push(encode(OK))
    session.close()
    return NOTHING


@command("RESET", 1, 1, always=True, while_subscribed=True, at_once=True)
def _reset(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    session.forget_transaction()
    server.subscriptions.forget(session)
    session.name, session.authenticated = "", not server.config["requirepass"]
    return Simple(b"RESET")


@command("CONFIG", 2, always=True, parts="GET SET RESETSTAT")
def _config(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    match words[1].upper():
        case b"GET":
            if len(words) < 3:
                raise wrong_number("config|get")
            return server.config.shown(words[2:])
        case b"SET":
            if len(words) < 4 or len(words) % 2:
                raise wrong_number("config|set")
            texts = [word.decode(errors="surrogateescape") for word in words[2:]]
            server.set_at_run_time(server.config.checked(list(zip(texts[::2], texts[1::2], strict=True))))
            return OK
        case _:
            server.commands.clear()
            return OK


@command("CLIENT", 2, always=True, parts=_OF_CLIENT)
def _client(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    match words[1].upper():
        case b"SETNAME":
            if len(words) != 3:
                raise wrong_number("client|setname")
            if any(not 33 <= byte <= 126 for byte in words[2]):
                raise Refused("ERR Client names cannot contain spaces, newlines or special characters.")
            session.name = words[2].decode()
            return OK
        case b"GETNAME":
            return session.name.encode() or None
        case b"ID":
            return session.number
        case b"SETINFO" | b"NO-EVICT" | b"NO-TOUCH":
            return OK
        case b"INFO":
            return _told_of(session)
        case b"LIST":
            return b"".join(_told_of(each) for each in server.sessions)
        case b"KILL":
            return _kill(server, session, words[2:])
        case b"PAUSE":
            return _pause(server, words)
        case _:
            server.pause.end()
            return OK


def _pause(server: "SimulatedRedis", words: list[bytes]) -> Any:
    if len(words) < 3:
        raise wrong_number("client|pause")
    how = words[3].upper() if len(words) > 3 else b"ALL"
    if len(words) > 4 or how not in (b"ALL", b"WRITE"):
        raise Refused("ERR CLIENT PAUSE mode must be WRITE or ALL")
    milliseconds = integer(words[2], "ERR timeout is not an integer or out of range")
    if milliseconds < 0:
        raise Refused("ERR timeout is negative")
    server.pause.begin(milliseconds / 1000, of_all=how == b"ALL")
    return OK


def _told_of(session: "Session") -> bytes:
    flags = "S" if session.replica else "P" if session.channels or session.patterns else "N"
    return (
        f"id={session.number} addr={session.address} name={session.name} flags={flags} db=0 "
        f"sub={len(session.channels)} psub={len(session.patterns)} multi="
        f"{-1 if session.transaction is None else len(session.transaction)} user=default resp=2\n"
    ).encode()


def _kill(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    """Close connections by address, or by filters of which all have to be met."""
    if len(words) == 1:
        words = [b"ADDR", words[0]]
    if len(words) % 2:
        raise Refused(SYNTAX)
    spares, found = True, list(server.sessions)
    for name, value in zip(words[::2], words[1::2], strict=True):
        match name.upper():
            case b"ID":
                found = [each for each in found if each.number == integer(value)]
            case b"ADDR":
                found = [each for each in found if each.address.encode() == value]
            case b"TYPE":
                kind = value.lower()
                found = [each for each in found if _kind(each) == kind.replace(b"slave", b"replica")]
            case b"SKIPME":
                spares = value.lower() == b"yes"
            case _:
                raise Refused(SYNTAX)
    found = [each for each in found if not (spares and each is session)]
    for each in found:
        each.close()
    return len(found)


def _kind(session: "Session") -> bytes:
    return b"replica" if session.replica else b"pubsub" if session.channels or session.patterns else b"normal"


@command("AUTH", 2, 3, always=True)
def _auth(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    password = server.config["requirepass"]
    if not password and len(words) == 2:
        raise Refused(_NO_PASSWORD)
    user = words[1] if len(words) == 3 else b"default"
    if user != b"default" or (password and words[-1].decode(errors="surrogateescape") != password):
        raise Refused(_WRONG_PASSWORD)
    session.authenticated = True
    return OK


@command("HELLO", 1, always=True)
def _hello(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    if len(words) > 1 and words[1] != b"2":
        raise Refused("NOPROTO unsupported protocol version")
    rest = words[2:]
    if len(rest) == 3 and rest[0].upper() == b"AUTH":
        _auth(server, session, [b"AUTH", *rest[1:]])
    elif not session.authenticated:
        raise Refused("NOAUTH HELLO must be called with the client already authenticated")
    role = b"master" if server.following is None else b"replica"
    return [
        *(b"server", b"redis", b"version", server.version.encode(), b"proto", 2, b"id", session.number),
        *(b"mode", b"standalone", b"role", role, b"modules", []),
    ]


@command("ACL", 2, always=True, parts="WHOAMI USERS LIST DRYRUN")
def _acl(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    match words[1].upper():
        case b"WHOAMI":
            return b"default"
        case b"USERS":
            return [b"default"]
        case b"LIST":
            return [b"user default on nopass sanitize-payload ~* &* +@all"]
        case _ if len(words) > 3 and server.numbers >= (7, 0):
            return _dry_run(server, words)
        case _:
            raise Refused("ERR unknown subcommand or wrong number of arguments for 'DRYRUN'. Try ACL HELP.")


def _dry_run(server: "SimulatedRedis", words: list[bytes]) -> Any:
    if words[2] != b"default":
        raise Refused(f"ERR User '{words[2].decode()}' not found")
    known = find(words[3], server.numbers)
    if known is None:
        raise Refused(f"ERR Command '{words[3].decode()}' not found")
    if not known.least <= len(words) - 3 <= known.most:
        raise wrong_number(known.name)
    return OK


@command("COMMAND", 1, always=True)
def _command(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    known = [name for name, each in COMMANDS.items() if each.since <= server.numbers]
    if len(words) > 1 and words[1].upper() == b"COUNT":
        return len(known)
    return [name.lower() for name in known]


@command("MODULE", 2, parts="LIST")
def _module(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return []


@command("FUNCTION", 2, since=(7, 0), parts="LIST")
def _function(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return []


@command("CLUSTER", 2, while_stale=True)
def _cluster(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    raise Refused("ERR This instance has cluster support disabled")
