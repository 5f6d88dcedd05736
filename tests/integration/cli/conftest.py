import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from redis_rehearsal.web.app import make_app
from redis_rehearsal.web.server import WebServer
from tests.controls import MemoryControls
from tests.unit.report.made import view


class Serving:
    """The control API over a socket, for controls in memory."""

    def __init__(self, controls: MemoryControls, token: str | None) -> None:
        self.controls = controls
        self._loop = asyncio.new_event_loop()
        self._web = WebServer(make_app(view(), controls, token), "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._web.start(), self._loop).result(10)
        self.address = self._web.address.removeprefix("http://")

    def close(self) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._web.close(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


Serve = Callable[..., Serving]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves controls, and sets BIND_ADDRESS to where."""
    servings: list[Serving] = []

    def start(controls: MemoryControls | None = None, token: str | None = None) -> Serving:
        servings.append(Serving(controls or MemoryControls(), token))
        monkeypatch.setenv("BIND_ADDRESS", servings[-1].address)
        return servings[-1]

    monkeypatch.delenv("CONTROL_TOKEN", raising=False)
    yield start
    for serving in servings:
        serving.close()
