"""The scripts and styles of the report and of the live page, which no host but this one serves."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from redis_rehearsal.report.markup import harmless

CHART_SCRIPTS: Final = (
    *("panels.js", "axes.js", "legend.js", "figure.js", "tooltip.js", "labels.js", "plot.js", "charts.js"),
    "printing.js",
)
"""What draws charts over time, in the order in which it is loaded, after BokehJS."""
CHART_STYLE: Final = "style.css"
_REPORT_SCRIPTS: Final = (*CHART_SCRIPTS, "percentiles.js", "report.js")
_REPORT_STYLES: Final = (CHART_STYLE, "report.css", "print.css")


@dataclass(frozen=True, slots=True)
class Asset:
    """A script that stands in a page.

    Attributes:
        text: of it, with nothing in it that ends its element.
        digest: by which a Content-Security-Policy lets it run.
    """

    text: str
    digest: str


def read(name: str) -> str:
    """An asset of our own.

    Raises:
        OSError: it is not there.
    """
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def bokeh_path() -> Path:
    """Where bokeh.min.js is installed; found without importing the package, which takes long.

    Raises:
        OSError: it is not installed.
    """
    spec = find_spec("bokeh")
    for place in (spec.submodule_search_locations if spec else None) or ():
        path = Path(place) / "server" / "static" / "js" / "bokeh.min.js"
        if path.exists():
            return path
    raise FileNotFoundError("The package bokeh, or its bokeh.min.js, is not installed.")


@cache
def report_scripts() -> Sequence[Asset]:
    """The scripts of a report, in the order in which they run."""
    texts = [bokeh_path().read_text(encoding="utf-8"), *map(read, _REPORT_SCRIPTS)]
    return tuple(_asset(harmless(text)) for text in texts)


@cache
def report_style() -> str:
    """The style of a report."""
    return "\n".join(map(read, _REPORT_STYLES))


def _asset(text: str) -> Asset:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Asset(text, f"'sha256-{digest}'")
