"""Named loads: the rates behind `--load` and the make targets of the same names."""

from typing import Final, Literal

ArrivalKind = Literal["poisson", "constant"]
"""How arrivals follow each other: as independent users do, or evenly."""
LoadName = Literal["ultra", "high", "demo", "low"]

PRESETS: Final[dict[LoadName, dict[str, float]]] = {
    "ultra": {"events_per_second": 2_000, "queries_per_second": 8_000},
    "high": {"events_per_second": 300, "queries_per_second": 700},
    "demo": {"events_per_second": 50, "queries_per_second": 150},
    "low": {"events_per_second": 10, "queries_per_second": 20},
}
"""Rates of each preset, per second."""
