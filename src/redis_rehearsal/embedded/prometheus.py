"""A Prometheus of this machine that asks a run for its metrics once a second, and ends with it."""

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from redis_rehearsal.embedded.directory import DataDirectory
from redis_rehearsal.embedded.process import start
from redis_rehearsal.errors import ConfigurationError

ADDRESS: Final = "127.0.0.1:9090"
"""Where it answers: its own default, of this machine only."""
_STOP_SECONDS: Final = 10.0
_CONFIGURATION: Final = """\
# A migration is over in seconds, so the run is asked every second.
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: redis-rehearsal
    static_configs: [{{targets: ["{target}"]}}]
"""


class LocalPrometheus:
    """The program `prometheus` that is on the path, with the tool's own rules; its data goes when it ends.

    Args:
        rules: the file of recording and alert rules.
        address: host and port on which it is to answer.

    Raises:
        ConfigurationError: there is no such program, or something else is at the address.
    """

    def __init__(self, rules: Path, address: str = ADDRESS) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise ConfigurationError(
                "--prometheus needs the program prometheus on the path, and there is none: install it (on Debian "
                "the package prometheus), or have a Prometheus of yours scrape /metrics."
            )
        host, _, port = address.rpartition(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                raise ConfigurationError(
                    f"--prometheus cannot use {address} ({error.strerror}): is a Prometheus there already? It can "
                    "scrape the run itself."
                ) from None
        self._program = str(Path(program).resolve())
        self._rules = rules
        self.address = address
        self._directory: DataDirectory | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def scrape(self, target: str) -> None:
        """Have it ask a run; where it does already, nothing is done.

        Args:
            target: host and port of the run.

        Raises:
            ConfigurationError: it cannot be started.
        """
        if self._process is not None:
            return
        self._directory = DataDirectory(None)
        place = self._directory.path / "prometheus"
        place.mkdir(mode=0o700)
        configuration = place / "prometheus.yml"
        configuration.write_text(_CONFIGURATION.format(rules=self._rules, target=target))
        command = [
            *(self._program, f"--config.file={configuration}", f"--storage.tsdb.path={place / 'data'}"),
            *(f"--web.listen-address={self.address}", "--log.level=warn"),
        ]
        try:
            with (place / "log").open("wb") as log:
                self._process = start(command, "SIGTERM", place, output=log)
        except OSError as error:
            self.stop()
            raise ConfigurationError(f"Prometheus cannot be started: {error.strerror}.") from None

    def failure(self) -> str:
        """The last line that it wrote where it has ended by itself; empty where it goes on."""
        if self._process is None or self._process.poll() is None or self._directory is None:
            return ""
        lines = (self._directory.path / "prometheus" / "log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it says nothing"

    def stop(self) -> None:
        """End it, and remove its data."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()
            process.wait()
        if self._directory is not None:
            self._directory.remove()
            self._directory = None
