"""A TCP proxy that stands for a balancer or a DNS name: it can move to another server, and hold or cut connections."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

Result = TypeVar("Result")
Filter = Callable[[bytes], bytes]


class Link:
    """A connection through the proxy.

    Attributes:
        name: as it named itself in CLIENT SETNAME; empty before.
        port: of the server that it leads to.
    """

    def __init__(self, port: int) -> None:
        self.name = ""
        self.port = port
        self.open = asyncio.Event()
        self.open.set()
        self.writers: list[asyncio.StreamWriter] = []


class Proxy:
    """Leads new connections to a port, and what is open on to where it was.

    Attributes:
        port: to connect to.
        backend: where new connections lead.
        answers: changes what servers answer, before it is passed on.
        delay: for how many seconds an answer on a connection is kept back.
        links: the open connections.
    """

    def __init__(self, backend: int) -> None:
        self.backend = backend
        self.answers: Filter | None = None
        self.delay: Callable[[Link], float] = lambda link: 0.0
        self.links: list[Link] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._call(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """As a setting."""
        return f"redis://127.0.0.1:{self.port}"

    def move(self, backend: int, stay: Callable[[int, Link], bool]) -> None:
        """Lead new connections elsewhere, and cut those that do not stay, by place among the open ones."""

        def go() -> None:
            self.backend = backend
            self._cut([link for place, link in enumerate(self.links) if not stay(place, link)])

        self._call(go)

    def cut(self, those: Callable[[Link], bool]) -> int:
        """Reset some connections; returns how many."""

        def go() -> int:
            chosen = [link for link in self.links if those(link)]
            self._cut(chosen)
            return len(chosen)

        return self._call(go)

    @contextlib.contextmanager
    def holding(self, those: Callable[[Link], bool]) -> Iterator[int]:
        """Let nothing come back on some connections, as long as the block lasts."""
        chosen = self._call(lambda: [link for link in self.links if those(link)])
        self._set(chosen, flowing=False)
        try:
            yield len(chosen)
        finally:
            self._set(chosen, flowing=True)

    def _set(self, links: list[Link], *, flowing: bool) -> None:
        def go() -> None:
            for link in links:
                if flowing:
                    link.open.set()
                else:
                    link.open.clear()

        self._call(go)

    def _call(self, what: Callable[[], Result]) -> Result:
        async def do() -> Result:
            return what()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=500))
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    def _end(self) -> None:
        self._server.close()
        self._cut(list(self.links))

    @staticmethod
    def _cut(links: list[Link]) -> None:
        for link in links:
            for writer in link.writers:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self.backend)
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", link.port)
        except OSError:
            writer.transport.abort()
            return
        link.writers = [writer, forth]
        self.links.append(link)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            up, down = (asyncio.ensure_future(each) for each in (self._up(link, reader), self._down(link, back)))
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down):
                task.cancel()
        self.links.remove(link)
        self._cut([link])

    async def _up(self, link: Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(1 << 16):
            if not link.name and b"SETNAME" in data:
                link.name = data.partition(b"SETNAME\r\n")[2].split(b"\r\n")[1].decode()
            link.writers[1].write(data)

    async def _down(self, link: Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(1 << 16):
            await link.open.wait()
            if delay := self.delay(link):
                await asyncio.sleep(delay)
            link.writers[0].write(self.answers(data) if self.answers else data)
