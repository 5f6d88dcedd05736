"""The Grafana dashboards as code; `make docs` writes deploy/grafana/dashboards from it, and a test compares the two."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tools.dashboards.analytics import analytics
from tools.dashboards.migration import migration
from tools.dashboards.panels import PHASES_ANNOTATION
from tools.dashboards.resources import resources

PLACE: Final = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
DASHBOARDS: Final[dict[str, Callable[[], Dashboard]]] = {
    "migration": migration,
    "analytics": analytics,
    "resources": resources,
}


def dashboard_text(name: str) -> str:
    """A dashboard as Grafana reads it."""
    document: dict[str, Any] = json.loads(json.dumps(DASHBOARDS[name](), cls=JSONEncoder))
    for annotation in document["annotations"]["list"]:
        # The SDK does not know what the Prometheus data source adds to an annotation.
        annotation |= PHASES_ANNOTATION
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write all of them."""
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        (PLACE / f"{name}.json").write_text(dashboard_text(name), encoding="utf-8")
