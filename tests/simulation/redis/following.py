"""Following another server: the link to it, a copy of its data, then its stream."""

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import hiredis

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.clock import monotonic
from tests.simulation.redis.payloads import format_of, unpacked
from tests.simulation.redis.session import Session
from tests.simulation.redis.table import find

if TYPE_CHECKING:
    from tests.simulation.network import End, Link
    from tests.simulation.redis.server import SimulatedRedis

_CRON_SECONDS: Final = 1.0
_LET_BY: Final = ("NOAUTH", "NOPERM", "ERR operation not permitted")
_NEVER: Final = b"-1"


class Following:
    """What a replica knows of the server that it follows.

    Attributes:
        address: of that server.
        is_up: whether the link is.
        is_copying: whether a full synchronisation goes on.
        read_bytes: of that one.
        heard_seconds: when something last came, on the monotonic clock; None where nothing has.
        down_seconds: when the link went down last, on the monotonic clock; None where it never was up.
        has_stream: whether we are somewhere in a stream, from where we may go on.
    """

    def __init__(self, server: "SimulatedRedis", address: tuple[str, int]) -> None:
        self.address = address
        self.is_up = self.is_copying = False
        self.read_bytes = 0
        self.heard_seconds: float | None = None
        self.down_seconds: float | None = None
        self.has_stream = False
        self._server = server
        self._link: _Link | None = None
        self._over = False
        server.soon(self._tick)

    def end(self) -> None:
        """Follow no more."""
        self._over = True
        self.leave()

    def leave(self) -> None:
        """Give the link up; another one is made a while later."""
        link, self._link = self._link, None
        if self.is_up:
            self.down_seconds = monotonic()
        self.is_up = self.is_copying = False
        if link is not None:
            link.hang_up()

    def acknowledge(self) -> None:
        """Say how far we are."""
        if self._link is not None:
            self._link.tell("REPLCONF", "ACK", self._server.replication.offset)

    def cut(self) -> None:
        """Reset the link, as the end of the process does."""
        link, self._link, self._over = self._link, None, True
        if link is not None:
            link.cut()

    def _tick(self) -> None:
        if self._over:
            return
        server = self._server
        if self._link is None:
            self._connect()
        elif monotonic() - (self.heard_seconds or 0.0) > server.config.number("repl-timeout"):
            self.leave()
        elif self.is_up:
            self.acknowledge()
        server.later(_CRON_SECONDS, self._tick)

    def _connect(self) -> None:
        link = _Link(self._server, self)
        self.heard_seconds = monotonic()
        try:
            if self.address in self._server.cannot_reach:
                raise ConnectionRefusedError("there is no way")
            self._server.network.connect(*self.address, link)
        except OSError:
            self.heard_seconds = None
            return
        self._link = link

    @property
    def state(self) -> str:
        """How far it has come, as ROLE says it."""
        if self.is_up:
            return "connected"
        return "sync" if self.is_copying else "connect" if self._link is None else "handshake"

    def over(self) -> "Link | None":
        """The connection that there is."""
        return None if self._link is None else self._link.connection()

    def belongs(self, link: "_Link") -> bool:
        """Whether a link is the one there is."""
        return self._link is link and not self._over


class _Link(asyncio.Protocol):
    """One connection to the server that is followed."""

    def __init__(self, server: "SimulatedRedis", following: Following) -> None:
        self._server = server
        self._following = following
        self._reader = hiredis.Reader()
        self._steps: list[tuple[str | int, ...]] = []
        self._copied: tuple[str, int] | None = None
        self._session = Session(server)
        self._session.is_primary = self._session.authenticated = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("End", transport)
        server = self._server
        config, replication = server.config, server.replication
        user, password = config["masteruser"], config["masterauth"]
        self._steps = [("PING",)]
        if password:
            self._steps.append(("AUTH", user, password) if user else ("AUTH", password))
        self._steps += [
            ("REPLCONF", "listening-port", server.address[1]),
            ("REPLCONF", "capa", "eof", "capa", "psync2"),
            ("PSYNC", replication.replid, replication.offset + 1) if self._following.has_stream else ("PSYNC", "?", -1),
        ]
        self.tell(*self._steps[0])

    def tell(self, *words: str | int) -> None:
        """Send a command."""
        self._transport.write(pack(*words))

    def hang_up(self) -> None:
        """Close it."""
        self._transport.close()

    def cut(self) -> None:
        """Reset it."""
        if (connection := self.connection()) is not None:
            connection.cut()

    def connection(self) -> "Link | None":
        """Over which it goes; None once that is closed."""
        links = self._server.network.links
        return next((link for link in links if link.client is self._transport), None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._server.frozen:
            self._server.held.append((self._lost, ()))
        else:
            self._lost()

    def _lost(self) -> None:
        if self._following.belongs(self):
            self._following.leave()

    def data_received(self, data: bytes) -> None:
        if self._server.frozen:
            self._server.held.append((self._take, (data,)))
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        following = self._following
        if not following.belongs(self):
            return
        following.heard_seconds = monotonic()
        if following.is_copying:
            following.read_bytes += len(data)
        self._reader.feed(data)
        if following.is_up:
            self._apply(data)
            return
        while (reply := self._reader.gets()) is not False and following.belongs(self):
            self._answered(reply)

    def _answered(self, reply: Any) -> None:
        if self._copied is not None:
            self._load(reply)
            return
        command = self._steps.pop(0)
        if isinstance(reply, hiredis.ReplyError) and not (
            # An older one does not know what it is told.
            command[0] == "REPLCONF" or (command[0] == "PING" and str(reply).startswith(_LET_BY))
        ):
            self._following.leave()
            return
        if self._steps:
            self.tell(*self._steps[0])
            return
        word, *rest = bytes(reply).decode().split()
        replication = self._server.replication
        if word == "CONTINUE":
            if rest:
                replication.renamed(rest[0])
            if replication.backlog is None:
                replication.start_backlog()
            self._up()
        else:
            self._copied = rest[0], int(rest[1])
            self._following.is_copying, self._following.read_bytes = True, 0
            self._following.has_stream = False

    def _load(self, image: list[bytes]) -> None:
        server = self._server
        if int(image[1]) > format_of(server.numbers):
            # What was there is gone by the time it is seen that it cannot be read.
            server.replace_data([])
            self._following.leave()
            return
        server.is_loading = server.load_seconds > 0
        if server.is_loading:
            server.later(server.load_seconds, self._loaded, image)
        else:
            self._loaded(image)

    def _loaded(self, image: list[bytes]) -> None:
        server = self._server
        server.is_loading = False
        if not self._following.belongs(self) or self._copied is None:
            return
        parts = iter(image[2:])
        server.replace_data(
            (key, unpacked(value), None if at == _NEVER else int(at))
            for key, value, at in zip(parts, parts, parts, strict=True)
        )
        server.replication.drop_all()
        server.replication.take_over(*self._copied)
        self._up()
        self._following.acknowledge()

    def _up(self) -> None:
        following = self._following
        following.is_up, following.is_copying, following.has_stream = True, False, True

    def _apply(self, data: bytes) -> None:
        server = self._server
        keyspace = server.keyspace
        keyspace.sees_all = True
        asked = False
        try:
            while (words := self._reader.gets()) is not False:
                name = words[0]
                if name == b"REPLCONF":
                    asked = True
                elif name not in (b"PING", b"MULTI", b"EXEC", b"SELECT"):
                    command = find(name, server.numbers)
                    if command is not None:
                        command.handler(server, self._session, words)
        finally:
            keyspace.sees_all = False
        server.replication.append(data)
        if asked:
            self._following.acknowledge()
