from pathlib import Path

import pytest
from tools.dashboards import PLACE

from redis_rehearsal.cli.app import call

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"


def test_they_are_written_with_how_to_import_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "grafana"
    for _ in range(2):
        assert call(["dashboards", "--output", str(place)]) == 0
        assert "Import" in capsys.readouterr().out
    left = {path.name: path.read_bytes() for path in place.iterdir()}
    assert left == {path.name: path.read_bytes() for path in [*PLACE.glob("*.json"), RULES]}
    assert call(["dashboards", "--output", str(place / "rules.yml")]) == 2
