"""`make bench`: measures this machine, and others beside it, in one run; prints a table and writes JSON."""

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from bench import clients, compare, loads, steps, types
from redis_rehearsal import __version__

Row = tuple[str, str, str]
"""What was measured, the figure, and what is asked for."""

_PARTS: Final = ("defaults", "cpu", "steps", "high", "search", "clients", "compare", "types")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, for a first impression")
    parser.add_argument("--only", choices=_PARTS, help="one part of it")
    options = parser.parse_args()
    scale = 0.15 if options.quick else 1.0
    parts = [options.only] if options.only else list(_PARTS)
    results: dict[str, Any] = {
        "version": __version__,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "python": sys.version,
            "processor": platform.processor() or platform.machine(),
            "load_average": os.getloadavg(),
            "memory_bytes": psutil.virtual_memory().total,
        },
    }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="rehearsal-bench-") as place:
        for part in parts:
            sys.stderr.write(f"measuring {part} ...\n")
            measured, shown = _measure(part, Path(place), scale)
            results[part] = measured
            rows += shown
    table = Table(title=f"redis-rehearsal {__version__} on {results['machine']['cores']} cores shared with the servers")
    for column in ("what", "measured", "asked for"):
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    directory = Path(__file__).parent / "results"
    directory.mkdir(exist_ok=True)
    path = directory / f"{results['began'].replace(':', '-')}.json"
    path.write_text(json.dumps(results, indent=2), encoding="utf-8")
    print(f"Written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def _measure(part: str, place: Path, scale: float) -> tuple[Any, list[Row]]:
    match part:
        case "defaults":
            return loads.defaults(place, scale)
        case "cpu":
            return loads.processor_time(place, scale)
        case "steps":
            return steps.steps(place, scale)
        case "high":
            return loads.high(place, scale)
        case "search":
            return loads.highest(place, scale)
        case "types":
            return types.side_by_side(place, scale)
        case "compare":
            return compare.side_by_side(place, scale)
        case _:
            return clients.side_by_side(place, scale)


main()
