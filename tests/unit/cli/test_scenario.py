import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tools.scenario_schema import schema_text

from redis_rehearsal.cli import driving, rehearsing
from redis_rehearsal.cli.app import call
from redis_rehearsal.cli.scenario import fields, scenario_schema, scenario_text
from redis_rehearsal.migration.options import RehearsalOptions
from redis_rehearsal.settings import DEFAULTS, Settings

ROOT = Path(__file__).parents[3]
KEYS = RehearsalOptions.model_fields.keys() | Settings.model_fields.keys()


def problems(document: dict[str, Any]) -> list[str]:
    schema = scenario_schema()
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


def uncommented() -> dict[str, Any]:
    """A scenario in which every default is given."""
    lines = re.findall(r"^# (\w+ = [^…\n]+)$", scenario_text(), re.MULTILINE)
    return tomllib.loads('strategy = "copy"\n' + "\n".join(lines))


def test_a_scenario_names_every_key_once_with_its_default() -> None:
    named = re.findall(r"^(?:# )?(\w+) = ", scenario_text(), re.MULTILINE)
    assert sorted(named) == sorted(KEYS)
    assert [name for _, _, name, _ in fields()] == named
    given = uncommented()
    assert problems(given) == []
    of_rehearsal = {name: value for name, value in given.items() if name in RehearsalOptions.model_fields}
    assert RehearsalOptions(**of_rehearsal) == RehearsalOptions(strategy="copy")
    rest = {name: value for name, value in given.items() if name not in RehearsalOptions.model_fields}
    assert Settings(**rest) == DEFAULTS


def test_as_it_is_written_it_changes_nothing() -> None:
    assert tomllib.loads(scenario_text()) == {"strategy": "replicate"}


def test_the_schema_in_the_documentation_is_that_of_today() -> None:
    assert (ROOT / "docs" / "scenario.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(
    "key_and_value",
    [
        {"no_such_key": 1},
        {"max_lost": -1},
        {"max_lost": "many"},
        {"max_failed_queries": 1.5},
        {"baseline": "soon"},
        {"baseline": -1},
        {"freeze": "nobody"},
        {"queries_per_second": "many"},
        {"organizations": 0},
        {"abort_if": "p99=1s"},
        {"compare": "maybe"},
        {"redis_data_type": "blob"},
    ],
)
def test_what_the_tool_refuses_the_schema_refuses(
    key_and_value: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsing, "rehearse_each", lambda *_, **__: 0)
    assert len(problems({"strategy": "copy", **key_and_value})) == 1
    ((key, value),) = key_and_value.items()
    file = tmp_path / "a.toml"
    file.write_text(f'strategy = "copy"\n{key} = {json.dumps(value)}\n')
    if key != "abort_if":  # of one condition the tool makes a list
        assert call(["rehearse", "--config", str(file)]) == 2
        assert key in capsys.readouterr().err.lower().replace("-", "_")


def test_run_and_rehearse_take_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    def ran(settings: Settings, **_: object) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(driving, "run_until_stopped", ran)
    file = tmp_path / "a.toml"
    file.write_text('strategy = "replicate,copy"\nmax_lost = 3\nabort_if = ["p99=1s"]\nqueries_per_second = 77\n')
    assert call(["run", "--config", str(file)]) == 0
    assert seen[0].queries_per_second == 77


def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    assert call(["init", str(file)]) == 0
    assert file.read_text() == scenario_text()
    file.write_text("mine")
    assert call(["init", str(file)]) == 2
    assert file.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err
    assert call(["init", str(tmp_path / "nowhere" / "mine.toml")]) == 2
