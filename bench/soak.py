"""`make soak`: whether the memory of a run stays as it is.

Twenty minutes at the default load, in which an hour of the platform's goes by every twenty seconds, while a page is
open and Prometheus asks. What the tool's processes use, as the system sees it, may change by 2% in the second half.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

_MOST_RATIO: Final = 0.02
_HOUR_SECONDS: Final = 20
_SAMPLE_SECONDS: Final = 1.0
_MINUTE: Final = 60
_START_SECONDS: Final = 120.0
_OTHERS: Final = ("resource_tracker", "supervisor")

Samples = dict[str, list[float]]
"""Resident memory in bytes once a second, by process."""


def main() -> None:
    """Run it, and exit with 1 where memory has grown, with 2 where it could not be seen."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=...", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rehearsal-soak-") as place:
        samples = soak(Path(place), options.minutes * _MINUTE)
    table = Table(title=f"Resident memory in the second half of {options.minutes:g} minutes")
    for column in ("process", "least", "most", "apart", "at most"):
        table.add_column(column)
    grown = False
    for process, values in samples.items():
        least, most = flatness(values)
        apart = most / least - 1
        grown = grown or apart > _MOST_RATIO
        table.add_row(process, f"{least / 1e6:.1f} MB", f"{most / 1e6:.1f} MB", f"{apart:.2%}", f"{_MOST_RATIO:.0%}")
    Console().print(table)
    sys.exit(2 if len(samples) < 2 else int(grown))


def flatness(values: list[float]) -> tuple[float, float]:
    """The lowest and the highest of the medians of a minute, in the second half."""
    half = values[len(values) // 2 :]
    step = min(_MINUTE, max(1, len(half) // 2))
    medians = [median(half[start : start + step]) for start in range(0, len(half) - step + 1, step)]
    return min(medians), max(medians)


def soak(place: Path, seconds: float) -> Samples:
    """Let a run go on, look at its page and its metrics as people do, and measure its processes from outside.

    Raises:
        RuntimeError: it ended before.
    """
    arguments = ["run", "--bind-address=127.0.0.1:0", f"--run-dir={place}", f"--time-bucket-seconds={_HOUR_SECONDS}"]
    log = place / "stderr"
    with (
        log.open("w") as file,
        subprocess.Popen([sys.executable, "-m", "redis_rehearsal", *arguments], stderr=file) as run,
    ):
        ended = threading.Event()
        try:
            address = _address(run, log)
            for path, pause_seconds in (("/api/events", 1.0), ("/metrics", 1.0), ("/health", 5.0)):
                threading.Thread(target=_ask, args=(address + path, pause_seconds, ended), daemon=True).start()
            return _measure(run, seconds)
        finally:
            ended.set()
            run.terminate()


def _address(run: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and run.poll() is None:
        text = log.read_text()
        if "load begins" in text:
            return next(word for word in text.split() if word.startswith("http://")).removesuffix("/health")
        time.sleep(_SAMPLE_SECONDS)
    raise RuntimeError(f"the run did not begin: {log.read_text()}")


def _ask(url: str, pause_seconds: float, ended: threading.Event) -> None:
    while not ended.wait(pause_seconds):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 # our own run
            # The stream of events goes on for as long as somebody listens.
            while not ended.is_set() and answer.read1(65_536):
                pass


def _measure(run: subprocess.Popen[bytes], seconds: float) -> Samples:
    coordinator = psutil.Process(run.pid)
    workers = [
        process
        for process in coordinator.children()
        if process.name().startswith("python") and not any(name in " ".join(process.cmdline()) for name in _OTHERS)
    ]
    processes = {"coordinator": coordinator} | {f"worker {place}": each for place, each in enumerate(workers)}
    samples: Samples = {name: [] for name in processes}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, process in processes.items():
            try:
                samples[name].append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                raise RuntimeError(f"the {name} ended before the time was over") from None
        time.sleep(_SAMPLE_SECONDS)
    return samples


if __name__ == "__main__":
    main()
