"""Packages that declare strategies and criteria, as installed ones are: a directory for PYTHONPATH."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

EXAMPLE = Path(__file__).parent / "example_plugin"
STRATEGY = EXAMPLE / "rehearsal_paused" / "strategy.py"
CRITERION = EXAMPLE / "rehearsal_paused" / "criterion.py"


def install_example(place: Path) -> Path:
    """The example, built as its pyproject.toml says."""
    (wheel,) = WheelBuilder(str(EXAMPLE)).build(directory=str(place / "dist"), versions=["standard"])
    with zipfile.ZipFile(wheel) as content:
        content.extractall(place / "site")
    return place / "site"


def install(place: Path, name: str, group: str, entry: str, text: str) -> Path:
    """A package of one module, `broken`, with one entry point.

    Args:
        place: where.
        name: of the package.
        group: of the entry point.
        entry: `name = module:object`.
        text: of the module.
    """
    site = place / "site"
    information = site / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
    (site / "broken.py").write_text(text)
    return site
