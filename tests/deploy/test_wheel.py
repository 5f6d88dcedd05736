"""The package as it is built."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder
from tools.dashboards import PLACE

from tests.deploy.conftest import DEPLOY, ROOT

RULES = DEPLOY / "prometheus" / "rules.yml"


def test_the_wheel_brings_rules_and_dashboards_along(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as content:
        names = {name.removeprefix("redis_rehearsal/assets/") for name in content.namelist() if "/assets/" in name}
        assert {f"dashboards/{path.name}" for path in PLACE.glob("*.json")} | {"rules.yml"} <= names
        assert content.read("redis_rehearsal/assets/rules.yml") == RULES.read_bytes()
