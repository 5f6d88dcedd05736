"""A network in memory, with the faults of real ones."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Final

from redis_rehearsal.clock import monotonic
from tests.simulation.process import Process, process_of

_JITTER_RATIO: Final = 0.3
Serve = Callable[[], asyncio.Protocol]


@dataclass(slots=True)
class Network:
    """Servers by their addresses, and what happens to connections to them.

    Attributes:
        latency_seconds: one way.
        extra_seconds: by so much longer it takes to and from an address.
        jitter_seconds: by up to so much longer it takes now and then.
        rng: says when.
        servers: makes what answers a connection, by host and port.
        links: connections that are open.
        nobodys: the context of what is no process of the simulation, as servers are.
    """

    latency_seconds: float = 0.0005
    extra_seconds: dict[tuple[str, int], float] = field(default_factory=dict)
    jitter_seconds: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    servers: dict[tuple[str, int], Serve] = field(default_factory=dict)
    links: list["Link"] = field(default_factory=list)
    nobodys: Context = field(default_factory=copy_context)

    def connect(self, host: str, port: int, protocol: asyncio.Protocol) -> asyncio.Transport:
        """A connection of a client's protocol to the server of an address.

        Raises:
            ConnectionRefusedError: there is none.
        """
        serve = self.servers.get((host, port))
        if serve is None:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        link = Link(self, (host, port), protocol, self.nobodys.copy().run(serve))
        self.links.append(link)
        return link.client

    def cut_of(self, process: Process) -> None:
        """The system resets what a process that is gone had open."""
        for link in [*self.links]:
            if process_of(link.client.context) is process:
                link.cut()

    def links_to(self, host: str, port: int) -> list["Link"]:
        """Open connections to an address."""
        return [link for link in self.links if link.address == (host, port)]


class Link:
    """One connection.

    Attributes:
        address: of the server.
        client: the client's end.
        server: the server's end.
    """

    def __init__(
        self, network: Network, address: tuple[str, int], client: asyncio.Protocol, server: asyncio.Protocol
    ) -> None:
        self.address = address
        self._network = network
        self.client = End(network, client, address, copy_context())
        self.server = End(network, server, address, network.nobodys.copy())
        self.client.other, self.server.other = self.server, self.client
        for end in (self.server, self.client):
            end.on_closed = self._forget
            end.context.copy().run(end.protocol.connection_made, end)

    @property
    def in_flight(self) -> int:
        """Pieces that were sent and have not arrived, both ways."""
        return self.client.in_flight + self.server.in_flight

    def cut(self) -> None:
        """Reset it, for both at once; what is on its way is lost."""
        for end in (self.client, self.server):
            end.drop(ConnectionResetError("Connection reset by peer"))

    def _forget(self) -> None:
        if self in self._network.links:
            self._network.links.remove(self)


class End(asyncio.Transport):
    """One end of a connection.

    Attributes:
        protocol: that is told what comes.
        other: the other end.
        context: in which what comes is taken.
        sent_seconds: when the piece was sent that came last, on the monotonic clock.
        silent: what is sent from here gets lost, and nobody is told: half of the connection is gone.
        on_closed: called once it is.
    """

    def __init__(
        self, network: Network, protocol: asyncio.Protocol, address: tuple[str, int], context: Context
    ) -> None:
        super().__init__()
        self._network = network
        self._address = address
        self.protocol = protocol
        self.context = context
        self.other: End
        self.silent = False
        self.on_closed: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self._last_seconds = self.sent_seconds = 0.0
        self._on_its_way: deque[tuple[float, Callable[..., object], tuple[object, ...]]] = deque()
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See asyncio; what is written arrives whole, in order, a latency later."""
        if not (self._closed or self.silent):
            self._later(self.other.take, bytes(data))

    @property
    def in_flight(self) -> int:
        """Pieces that were sent from here and have not arrived."""
        return len(self._on_its_way)

    def get_write_buffer_size(self) -> int:
        """See asyncio; nothing waits to be sent."""
        return 0

    def write_noted(self, data: bytes, delivered: Callable[[], None]) -> None:
        """Write, and be told when it was handed to the other end's protocol; never where it gets lost."""
        if not (self._closed or self.silent):
            self._later(self._hand_over, data, delivered)

    def take(self, data: bytes) -> bool:
        """What the other end sent arrives; whether there was somebody to take it."""
        if self._closed:
            return False
        self.protocol.data_received(data)
        return True

    def _hand_over(self, data: bytes, delivered: Callable[[], None]) -> None:
        if self.other.take(data):
            delivered()

    def close(self) -> None:
        """See asyncio; what was written arrives."""
        if not self._closed:
            self._later(self.other.drop, None)
            self.drop(None)

    def abort(self) -> None:
        """See asyncio."""
        self.close()

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._closed

    def drop(self, error: Exception | None) -> None:
        """It is over for this end."""
        if not self._closed:
            self._closed = True
            self.on_closed()
            self._loop.call_soon(self.protocol.connection_lost, error, context=self.context)

    def _later(self, call: Callable[..., object], *arguments: object) -> None:
        # Nothing overtakes what was sent before it, also where the latency became less; and since a loop does not keep
        # the order of what is due at the same time, it is kept here.
        takes = self._network.latency_seconds + self._network.extra_seconds.get(self._address, 0.0)
        if self._network.jitter_seconds and self._network.rng.random() < _JITTER_RATIO:
            takes += self._network.rng.random() * self._network.jitter_seconds
        self._last_seconds = max(self._last_seconds, self._loop.time() + takes)
        self._on_its_way.append((monotonic(), call, arguments))
        self._loop.call_at(self._last_seconds, self._arrive, context=self.other.context)

    def _arrive(self) -> None:
        self.other.sent_seconds, call, arguments = self._on_its_way.popleft()
        call(*arguments)
