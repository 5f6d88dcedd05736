"""What tests of more than one tier need: waiting for conditions, and the command as a process."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import psutil
import pytest

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.schema import schema

SMALL = {"ORGANIZATIONS": "20", "USERS_PER_ORG": "10", "HISTORY_EVENTS": "2000", "REDIS_POOL_SIZE": "10"}
"""Settings under which a run is up in a moment."""


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait until a condition holds, and return what it returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


class Command:
    """`redis-rehearsal` as a process, as a user runs it."""

    def __init__(self, tmp_path: Path, *arguments: str, **settings: str) -> None:
        self.directory = tmp_path
        self._stderr = (tmp_path / "stderr").open("w+")
        self._stdout = (tmp_path / "stdout").open("w+")
        names = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR")
        environment = {name: os.environ[name] for name in names if name in os.environ}
        environment |= {"BIND_ADDRESS": "127.0.0.1:0", "RUN_DIR": str(tmp_path / "runs"), **settings}
        self._environment = environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "redis_rehearsal", *arguments],
            stdout=self._stdout,
            stderr=self._stderr,
            env=environment,
            cwd=tmp_path,
            start_new_session=True,
        )

    @property
    def stderr(self) -> str:
        return (self.directory / "stderr").read_text()

    @property
    def stdout(self) -> str:
        return (self.directory / "stdout").read_text()

    @property
    def address(self) -> str:
        found = wait_for(lambda: re.search(r"serving (http://\S+)/health", self.stderr), "an address")
        return str(found[1])

    @cached_property
    def link(self) -> str:
        """The link of the page with the token, which the run tells its own user."""
        told = subprocess.run(
            [sys.executable, "-m", "redis_rehearsal", "status", "--link"],
            env=self._environment | {"BIND_ADDRESS": self.address.removeprefix("http://")},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=True,
        )
        return told.stdout.strip()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as response:  # noqa: S310 # our own server
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def post(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> tuple[int, str]:
        request = urllib.request.Request(  # noqa: S310 # our own server
            self.address + path, json.dumps(body or {}).encode(), {"Content-Type": "application/json"}, method=method
        )
        request.add_header("Authorization", f"Bearer {unquote(self.link.partition('#token=')[2])}")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 # our own server
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def stats(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.get("/stats")[1])
        return document

    def ok_queries(self) -> int:
        return int(self.stats()["totals"]["queries"]["ok"]) if "load begins" in self.stderr else 0

    def until_running(self, queries: int = 1) -> None:
        def running() -> bool:
            assert self.process.poll() is None, self.stderr
            return self.ok_queries() >= queries

        wait_for(running, "a running load")

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 60) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command did not end:\n{self.stderr}") from None

    def document(self) -> dict[str, Any]:
        """Wait for the end as asked, and read run.json."""
        assert self.wait() == 0, self.stderr
        return self.stats_left()

    def stats_left(self) -> dict[str, Any]:
        """The run.json of a run that has ended."""
        paths = list((self.directory / "runs").glob("*/run.json"))
        assert len(paths) == 1, self.stderr
        document: dict[str, Any] = json.loads(paths[0].read_text())
        jsonschema.validate(document, schema(RunDocument))
        return document

    def children(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self.process.pid).children(recursive=True))
        return []

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._stderr.close()
        self._stdout.close()


@contextlib.contextmanager
def command(tmp_path: Path, *arguments: str, **settings: str) -> Iterator[Command]:
    """A command that is ended with the block."""
    running = Command(tmp_path, *arguments, **settings)
    try:
        yield running
    finally:
        running.close()


def run_to_the_end(tmp_path: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command's exit code and output."""
    with command(tmp_path, *arguments, **settings) as running:
        code = running.wait()
        return subprocess.CompletedProcess(arguments, code, running.stdout, running.stderr)


def urls_of(directory: Path, run: Command) -> dict[str, str]:
    """The URLs of source and target of a run that goes on, with passwords, by role.

    Args:
        directory: of the command, which must be the one that the run's TMPDIR names.
        run: that was started with it.
    """
    (directory / "asked").mkdir(exist_ok=True)
    address = run.address.removeprefix("http://")
    told = run_to_the_end(directory / "asked", "status", "--urls", BIND_ADDRESS=address, TMPDIR=str(directory))
    assert told.returncode == 0, told.stderr
    found = (line.split("=", 1) for line in told.stdout.splitlines())
    return {name.removesuffix("_URL").lower(): url for name, url in found}


def working_in(directory: Path) -> list[psutil.Process]:
    """All processes whose working directory is below a directory: embedded servers, PostgreSQL's too."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(directory):
                found.append(process)
    return found


def adds_up(counts: dict[str, int]) -> bool:
    """Whether `offered = ok + failed + unknown + shed + in flight`."""
    return counts["offered"] == sum(count for name, count in counts.items() if name != "offered")


def samples_of(exposition: str) -> int:
    """How many lines of samples a page of metrics has."""
    return sum(not line.startswith("#") for line in exposition.splitlines())


def label_sets_of(exposition: str) -> int:
    """How many label sets it has; a histogram counts once."""
    found = set()
    for line in exposition.splitlines():
        if not line.startswith("#"):
            series = line.rpartition(" ")[0]
            name, _, labels = series.partition("{")
            rest = ",".join(part for part in labels.rstrip("}").split(",") if not part.startswith("le="))
            found.add((re.sub("_(bucket|sum|count)$", "", name), rest))
    return len(found)


def expressions_of(dashboard: dict[str, Any]) -> list[str]:
    """All that a dashboard's panels and annotations ask of Prometheus."""
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return asked + [annotation["expr"] for annotation in dashboard["annotations"]["list"]]


def elsewhere() -> str:
    """An address of this machine that is not loopback, as another machine has one."""
    found = (each.address for name in psutil.net_if_addrs().values() for each in name if each.family == socket.AF_INET)
    address = next((address for address in found if not address.startswith("127.")), "")
    if not address:
        pytest.skip("this machine has no address but loopback")
    return address
