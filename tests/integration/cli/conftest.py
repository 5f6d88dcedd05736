import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redis_rehearsal.cli.runtime_file import RuntimeFile
from redis_rehearsal.web.app import make_app
from redis_rehearsal.web.server import WebServer
from tests.controls import MemoryRunControls
from tests.unit.report.made import view


class Serving:
    """The control API over a socket, for controls in memory."""

    def __init__(self, controls: MemoryRunControls, token: str) -> None:
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


MADE = "made-for-the-run"
Serve = Callable[..., Serving]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves controls, sets BIND_ADDRESS to where, and tells their user the token."""
    servings: list[Serving] = []

    def start(controls: MemoryRunControls | None = None, token: str = MADE, *, told: bool = True) -> Serving:
        servings.append(Serving(controls or MemoryRunControls(), token))
        monkeypatch.setenv("BIND_ADDRESS", servings[-1].address)
        if told:
            RuntimeFile(servings[-1].address).tell(token=token)
        return servings[-1]

    monkeypatch.delenv("CONTROL_TOKEN", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield start
    for serving in servings:
        serving.close()
