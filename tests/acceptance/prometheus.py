"""A real Prometheus that scrapes a run, and what it has to say."""

import contextlib
import json
import math
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redis_rehearsal.embedded.redis_server import free_port
from tests.support import wait_for

JOB = "redis-rehearsal"
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"
_CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["{target}"]}}]
"""


_NOT_OURS = ("__name__", "instance", "job")


class Prometheus:
    """What a Prometheus has scraped.

    Args:
        address: where it answers.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, path: str, **arguments: str | float) -> Any:
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(f"{self._address}/api/v1/{path}?{query}", timeout=10) as response:  # noqa: S310
            return json.loads(response.read())["data"]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._address}/-/ready", timeout=1) as response:  # noqa: S310
                return bool(response.status == 200)
        except OSError:
            return False

    def values(self, expression: str, start: float, end: float) -> list[float]:
        """All numbers that an expression was from one time to another."""
        found = self.ask("query_range", query=expression, start=start, end=end, step=1)["result"]
        numbers = [float(value) for series in found for _, value in series["values"]]
        return [number for number in numbers if not math.isnan(number)]

    def last(self, selector: str, at: float) -> dict[tuple[str, ...], float]:
        """The last value of each series, by the values of its labels in the order of their names."""
        found = self.ask("query", query=f"last_over_time({selector}[10m])", time=at)["result"]
        return {
            tuple(value for name, value in sorted(series["metric"].items()) if name not in _NOT_OURS): float(
                series["value"][1]
            )
            for series in found
        }

    def one(self, expression: str, at: float) -> float:
        """The only value of an expression."""
        (series,) = self.ask("query", query=expression, time=at)["result"]
        return float(series["value"][1])


@contextlib.contextmanager
def scraping(target: str, place: Path) -> Iterator[Prometheus]:
    """A Prometheus with our rules that scrapes an address once a second."""
    binary = shutil.which("prometheus")
    assert binary
    place.mkdir()
    configuration = place / "prometheus.yml"
    configuration.write_text(_CONFIGURATION.format(rules=RULES, job=JOB, target=target.removeprefix("http://")))
    port = free_port()
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *(binary, f"--config.file={configuration}", f"--storage.tsdb.path={place / 'data'}"),
                *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
            ],
            stdout=log,
            stderr=log,
        )
        try:
            prometheus = Prometheus(f"http://127.0.0.1:{port}")
            wait_for(prometheus.is_ready, "Prometheus")
            yield prometheus
        finally:
            process.kill()
            process.wait()
