"""The rules for Prometheus and the dashboards for Grafana that come with the tool."""

from pathlib import Path
from typing import Final

_PACKAGED: Final = Path(__file__).parent / "assets"
_CHECKOUT: Final = Path(__file__).parents[2] / "deploy"


def rules() -> Path:
    """The file of recording and alert rules."""
    packaged = _PACKAGED / "rules.yml"
    return packaged if packaged.is_file() else _CHECKOUT / "prometheus" / "rules.yml"


def dashboards() -> list[Path]:
    """The dashboards, by name."""
    place = _PACKAGED / "dashboards"
    return sorted((place if place.is_dir() else _CHECKOUT / "grafana" / "dashboards").glob("*.json"))
