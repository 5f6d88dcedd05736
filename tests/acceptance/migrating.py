"""What tests of a run that is migrated need: asking it, and writing beside it."""

import contextlib
import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.rehearsing import outside
from tests.support import Command, run_to_the_end

TOOL = f"{sys.executable} {Path(__file__).with_name('copying_tool.py')}"
"""The command of a tool that copies keys."""


def ask(run: Command, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """A command about a run that is going on."""
    place = tmp_path / f"ask-{len(list(tmp_path.glob('ask-*')))}"
    place.mkdir()
    result = run_to_the_end(place, *arguments, BIND_ADDRESS=run.address.removeprefix("http://"))
    return result.returncode, result.stdout, result.stderr


def status(run: Command) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run.get("/api/status")[1])
    return document


@contextlib.contextmanager
def counting(server: RedisServer, key: str, start: int) -> Iterator[None]:
    """Another client that goes on counting meanwhile."""
    ended = threading.Event()

    def write() -> None:
        with outside(server) as client:
            client.set(key, start)
            while not ended.wait(0.02):
                client.incr(key)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        ended.set()
        writing.join()


def shown(run: Command) -> dict[str, Any]:
    """What the page is told of a run that is going on."""
    with urllib.request.urlopen(f"{run.address}/api/events", timeout=10) as stream:  # noqa: S310 # our own server
        while stream.readline() != b"event: state\n":
            pass
        found: dict[str, Any] = json.loads(stream.readline().removeprefix(b"data: "))
    return found


def tools_of(document: dict[str, Any]) -> list[int]:
    """Processes of tools that were told of a rehearsal's target."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            url = process.environ().get("TARGET_URL", "")
            if url and url == document["servers"]["target"]["address"]:
                found.append(process.pid)
    return found
