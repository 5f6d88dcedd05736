"""The coordinator's own connection to a Redis, apart from the load; by redis-py, which is convenient."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import hiredis
import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cache.route import Role
from redis_rehearsal.cache.wire import Connection, Reply
from redis_rehearsal.errors import ServerRefusedError

CLIENT_ERRORS: Final = (RedisError, OSError, TimeoutError)
"""What an operation can fail with when the server or the way to it is at fault."""
CONNECT_SECONDS: Final = 5.0
"""Who does not answer the little that is asked at first is given up by then, however long later answers may take."""
VARIABLES: Final[Mapping[Role, str]] = {"source": "REDIS_URL", "target": "TARGET_REDIS_URL"}
"""The settings that name the servers."""
_LOGIN_ERRORS: Final = ("WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password", "ERR Client sent AUTH")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server says that it is.

    Attributes:
        product: `redis` or `valkey`.
        version: its own, not the Redis version that Valkey claims for old clients.
        run_id: differs after every start.
        mode: standalone, cluster or sentinel.
    """

    product: str
    version: str
    run_id: str
    mode: str

    @classmethod
    def of(cls, info: dict[str, Any]) -> "Identity | None":
        """From the reply to INFO server; None where it is not that of a Redis."""
        if "valkey_version" in info:
            product, version = "valkey", info["valkey_version"]
        elif "redis_version" in info:
            product, version = "redis", info["redis_version"]
        else:
            return None
        mode = info.get("redis_mode") or info.get("server_mode") or "standalone"
        return cls(product, str(version), str(info.get("run_id", "")), str(mode))


def client_of(endpoint: Endpoint, timeout_seconds: float) -> redis.Redis:
    """A client that never tries a command twice, since a write whose reply was lost may have been applied."""
    connection: dict[str, Any] = {
        "db": endpoint.database,
        "username": endpoint.username or None,
        "password": endpoint.password or None,
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    if endpoint.path:
        connection |= {"connection_class": redis.UnixDomainSocketConnection, "path": endpoint.path}
        return redis.Redis.from_pool(redis.ConnectionPool(**connection))
    connection |= {"host": endpoint.host, "port": endpoint.port}
    if endpoint.tls:
        connection |= {
            "connection_class": redis.SSLConnection,
            "ssl_cert_reqs": "required" if endpoint.verify else "none",
            "ssl_check_hostname": endpoint.verify,
            "ssl_ca_certs": endpoint.ca_file or None,
            "ssl_certfile": endpoint.certificate_file or None,
            "ssl_keyfile": endpoint.key_file or None,
        }
    return redis.Redis.from_pool(redis.ConnectionPool(**connection))


async def first_contact(role: str, variable: str, endpoint: Endpoint, timeout_seconds: float) -> Identity:
    """See before the run that a server will do; arguments as of `identify`.

    Raises:
        ServerRefusedError: names the server and says what to do.
    """
    identity = await identify(role, variable, endpoint, timeout_seconds)
    if identity.mode != "standalone":
        raise ServerRefusedError(
            f"The {role} {endpoint} is a {identity.mode} endpoint, which is not supported yet; {variable} must name a "
            "single server."
        )
    return identity


async def identify(role: str, variable: str, endpoint: Endpoint, timeout_seconds: float) -> Identity:
    """Ask a server what it is.

    Args:
        role: of the server, for the person who reads an error.
        variable: the setting that names it.
        endpoint: of the server.
        timeout_seconds: for all of it.

    Raises:
        ServerRefusedError: names the server and says what to do.
    """
    where = f"The {role} {endpoint}"
    endpoint.ssl_context()
    # Over a connection as the load has them: it is bounded in time and memory, whatever answers.
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            Connection.opened(endpoint, "redis-rehearsal:check", timeout_seconds) as connection,
        ):
            reply = await connection.ask(timeout_seconds, "INFO", "server")
    except TimeoutError:
        tls = " It may speak no TLS (rediss://)." if endpoint.tls else ""
        raise ServerRefusedError(f"{where} did not answer within {timeout_seconds:g} s.{tls}") from None
    except (OSError, ValueError) as error:
        if str(error).startswith(_LOGIN_ERRORS):
            raise ServerRefusedError(
                f"{where} refused the login ({error}); check user and password in {variable}."
            ) from None
        raise ServerRefusedError(f"{where} could not be used: {error}. {_to_do(endpoint, variable, error)}") from None
    if isinstance(reply, hiredis.ReplyError):
        raise ServerRefusedError(
            f"{where} refused INFO ({reply}); give the user of {variable} the permission +info."
        ) from None
    identity = Identity.of(info_lines(reply))
    if identity is None:
        raise ServerRefusedError(f"{where} answers INFO with something else; is {variable} a Redis?")
    return identity


def _to_do(endpoint: Endpoint, variable: str, error: Exception) -> str:
    """What to do about a connection that is not to be had."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if "match" in error.verify_message or "not valid for" in error.verify_message:
            return f"Give {variable} the name that the server's certificate is for; or ssl_cert_reqs=none trusts any."
        return (
            f"It is there, and its certificate is not trusted: name its authority in {variable} "
            "(?ssl_ca_certs=FILE); or ssl_cert_reqs=none trusts any."
        )
    if "alert" in str(error).lower() and "certificate" in str(error).lower():
        return f"It wants a certificate of ours: name it in {variable} (?ssl_certfile=FILE&ssl_keyfile=FILE)."
    if isinstance(error, ssl.SSLError) or (endpoint.tls and isinstance(error, ConnectionError) and not error.errno):
        return f"Something is there, and {variable} speaks TLS to it (rediss://): is that right?"
    return f"Is it running, and {variable} right?"


async def why_no_json(endpoint: Endpoint, absent: str, timeout_seconds: float) -> str:
    """Why a server has no JSON type; empty where it has.

    Args:
        endpoint: of the server.
        absent: a key that is not there.
        timeout_seconds: for the answer.

    Raises:
        ServerRefusedError: it cannot be asked.
    """
    try:
        async with Connection.opened(endpoint, "redis-rehearsal:check", timeout_seconds) as connection:
            reply = await connection.ask(timeout_seconds, "JSON.GET", absent)
    except (OSError, TimeoutError) as error:
        raise ServerRefusedError(f"{endpoint} could not be asked whether it has JSON: {error}.") from None
    return str(reply).partition(",")[0] if isinstance(reply, hiredis.ReplyError) else ""


def info_lines(reply: Reply) -> dict[str, str]:
    """The lines of a reply to INFO by their names; none where it is something else."""
    if not isinstance(reply, bytes):
        return {}
    pairs = (line.partition(":") for line in reply.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}
