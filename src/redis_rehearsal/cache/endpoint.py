"""Where a Redis is and how to get in, without ever showing the password."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from redis_rehearsal.errors import ConfigurationError

_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Redis server.

    Attributes:
        host: name or address; empty for a Unix socket.
        port: 0 for a Unix socket.
        path: of a Unix socket, else empty.
        username: of the ACL user, else empty for the default one.
        password: never shown.
        database: number of the database.
        tls: whether the connection is encrypted.
        ca_file: certificates to trust instead of the system's, else empty.
        certificate_file: of the client, else empty.
        key_file: of the client's certificate, else empty.
        verify: whether the server's certificate and name are checked.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    verify: bool = True

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Read a redis://, rediss:// or unix:// URL.

        The options of TLS are in the query under redis-py's names: ssl_ca_certs, ssl_certfile, ssl_keyfile,
        and ssl_cert_reqs=none, which alone turns verification off.

        Raises:
            ConfigurationError: says what is wrong, without the password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigurationError(f"A Redis URL is malformed: {error}.") from None
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        is_unix = parts.scheme == "unix"
        known = ("db",) if is_unix else ("db", *_TLS_OPTIONS) if parts.scheme == "rediss" else ("db",)
        for name in options:
            if name not in known:
                raise ConfigurationError(
                    f"A {parts.scheme}:// URL has the option {name!r}; it may have {', '.join(known)}."
                )
        requirement = options.get("ssl_cert_reqs", "required")
        if requirement not in ("required", "none"):
            raise ConfigurationError(f"ssl_cert_reqs is {requirement!r}; it must be required or none.")
        in_path = "" if is_unix else parts.path.strip("/")
        database = options.get("db") or in_path or "0"
        if not database.isdigit():
            raise ConfigurationError(f"A Redis URL names the database {database!r}; it must be a number.")
        if is_unix and not parts.path:
            raise ConfigurationError("A unix:// URL must name the path of a socket, as in unix:///run/redis.sock.")
        if not is_unix and not parts.hostname:
            raise ConfigurationError(f"A {parts.scheme}:// URL must name a host.")
        for name in _TLS_OPTIONS[:3]:
            if name in options and not Path(options[name]).is_file():
                raise ConfigurationError(f"{name} names {options[name]!r}, which is not a file.")
        return cls(
            host="" if is_unix else parts.hostname or "",
            port=0 if is_unix else port or 6379,
            path=unquote(parts.path) if is_unix else "",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=int(database),
            tls=parts.scheme == "rediss",
            ca_file=options.get("ssl_ca_certs", ""),
            certificate_file=options.get("ssl_certfile", ""),
            key_file=options.get("ssl_keyfile", ""),
            verify=requirement == "required",
        )

    def __str__(self) -> str:
        """The address without user and password, for people."""
        if self.path:
            return f"unix://{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """What a connection is encrypted with; None for a plain one.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.certificate_file:
                context.load_cert_chain(self.certificate_file, self.key_file or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"The certificates for {self} cannot be used: {error}.") from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
