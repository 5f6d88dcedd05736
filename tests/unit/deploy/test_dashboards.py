import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tools.dashboards import DASHBOARDS, PLACE, dashboard_text

from redis_rehearsal.web.metrics.catalogue import ENTRIES
from tests.support import expressions_of

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"


def panels_of(name: str) -> list[dict[str, Any]]:
    document = json.loads(dashboard_text(name))
    return [panel for panel in document["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_file_is_what_the_code_makes(name: str) -> None:
    assert (PLACE / f"{name}.json").read_text(encoding="utf-8") == dashboard_text(name), "run `make docs`"


def test_no_other_dashboard_is_there() -> None:
    assert {path.stem for path in PLACE.iterdir()} == set(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_has_a_title_a_unit_and_a_description(name: str) -> None:
    panels = panels_of(name)
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"] in ("short", "s", "ops", "bytes", "percentunit")
        assert panel["datasource"]["uid"] == "rehearsal-prometheus"
        assert panel["targets"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap_and_fit(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboard_text(name))["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", DASHBOARDS)
def test_only_metrics_of_the_application_are_asked_for(name: str) -> None:
    known = {entry.full_name for entry in ENTRIES}
    for expression in expressions_of(json.loads(dashboard_text(name))):
        names = re.findall(
            r"\b[a-z]+_[a-z0-9_]+(?=[{\[)\s]|$)", re.sub(r"\{[^}]*\}|by \([^)]*\)|\w+\(", " ", expression)
        )
        metrics = {re.sub("_(bucket|sum|count)$", "", found) for found in names}
        assert metrics, expression
        assert metrics <= known, expression


@pytest.mark.parametrize("name", DASHBOARDS)
def test_phases_are_annotations(name: str) -> None:
    (annotation,) = json.loads(dashboard_text(name))["annotations"]["list"]
    assert annotation["useValueForTime"]
    assert annotation["expr"].endswith("rehearsal_phase_start_timestamp_seconds) * 1000")


def test_what_is_provisioned_fits_together() -> None:
    yaml = YAML(typ="safe")
    sources = yaml.load(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    providers = yaml.load(GRAFANA / "provisioning" / "dashboards" / "redis-rehearsal.yml")["providers"]
    assert [(source["uid"], source["url"]) for source in sources] == [
        ("rehearsal-prometheus", "http://prometheus:9090")
    ]
    assert [provider["options"]["path"] for provider in providers] == ["/var/lib/grafana/dashboards"]
