"""Where a Redis is and how to get in, without ever showing the password."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.urls import split_redis_url


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
            parts, options = split_redis_url(url)
        except ValueError as error:
            raise ConfigurationError(f"A Redis URL {error}.") from None
        is_unix = parts.scheme == "unix"
        return cls(
            host="" if is_unix else parts.hostname or "",
            port=0 if is_unix else parts.port or 6379,
            path=unquote(parts.path) if is_unix else "",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=int(options["db"]),
            tls=parts.scheme == "rediss",
            ca_file=options.get("ssl_ca_certs", ""),
            certificate_file=options.get("ssl_certfile", ""),
            key_file=options.get("ssl_keyfile", ""),
            verify=options.get("ssl_cert_reqs") != "none",
        )

    def __str__(self) -> str:
        """The address without user and password, for people."""
        if self.path:
            return f"unix://{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"

    @property
    def url(self) -> str:
        """The whole URL but for the options of TLS, password included: for the user's tools, and never to be shown."""
        login = ""
        if self.password or self.username:
            login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"
        if self.path:
            return f"unix://{login}{quote(self.path)}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{login}{host}:{self.port}/{self.database}"

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
