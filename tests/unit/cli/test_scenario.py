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
from redis_rehearsal.migration.options import MigrationOptions, RehearsalOptions
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
        {"abort_if": "p98=1s"},
        {"abort_if": ["p99=1s", "soon"]},
        {"strategy": "copi"},
        {"strategy": "copy, cold"},
        {"max_failed_queries": "many %"},
        {"redis_url": "localhost"},
        {"database_url": "redis://localhost"},
        {"max-lost": "many"},
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
    (key,) = key_and_value
    file = tmp_path / "a.toml"
    given = {"strategy": "copy"} | key_and_value
    file.write_text("".join(f"{each} = {json.dumps(given[each])}\n" for each in given))
    assert call(["rehearse", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert key in said
    # Where it stands, and as it stands there.
    if key != "no_such_key" and not key.endswith("_url"):
        assert f"{file} gives {key} " in said or f"{file}: {key} " in said


@pytest.mark.parametrize(
    "key_and_value",
    [
        {"abort_if": "p99=1s"},
        {"abort_if": ["p99=1s", "failed=0.5%"]},
        {"max-lost": 3},
        {"max-event-downtime": "2.5 s"},
        {"max_failed_queries": "0.5%"},
        {"max_failed_queries": 0.5},
        {"strategy": "copy,cold"},
        {"strategy": "all"},
        {"redis_url": "rediss://:secret@host:1/2"},
        {"database_url": "postgres://host/database"},
    ],
)
def test_what_the_tool_takes_the_schema_takes(
    key_and_value: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[MigrationOptions]] = []

    def rehearsed(_: Settings, each: list[MigrationOptions], *__: object) -> int:
        seen.append(each)
        return 0

    monkeypatch.setattr(rehearsing, "rehearse_each", rehearsed)
    assert problems({"strategy": "copy", **key_and_value}) == []
    file = tmp_path / "a.toml"
    given = {"strategy": "copy"} | key_and_value
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()))
    assert call(["rehearse", "--config", str(file)]) == 0
    ((options, *_),) = seen
    value = key_and_value.get("max_failed_queries")
    assert value is None or options.max_failed_queries == (0.005 if value == "0.5%" else value)


def test_a_key_that_is_nearly_right_is_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text('strategy = "copy"\norganisations = 3\n')
    assert call(["rehearse", "--config", str(file)]) == 2
    assert "did you mean organizations?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--baseline", "99h"], {}, "--baseline is '99h'; it must be a duration"),
        (["--baseline=88h"], {}, "--baseline is '88h'; it must be a duration"),
        ([], {}, "a.toml gives baseline '77h'; it must be a duration"),
        (
            ["--max-failed-events", "101%"],
            {},
            "--max-failed-events is '101%'; it must be a number from 0 to 1",
        ),
        (["--baseline", "1s"], {"ORGANIZATIONS": "none"}, "ORGANIZATIONS is 'none'; it must be a whole number"),
        (["--baseline", "1s"], {}, "a.toml gives organizations 'many'; it must be a whole number"),
        (["--baseline", "1s", "--data-type", "hsh"], {"ORGANIZATIONS": "3"}, "--data-type is 'hsh'; it must be one of"),
        (
            ["--baseline", "1s", "--abort-if", "p99=1s", "--abort-if", "failed=200%"],
            {},
            "--abort-if is 'p99=1s', 'failed=200%'; it must be conditions",
        ),
    ],
)
def test_a_value_is_told_as_it_was_written(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "a.toml"
    lines = ['strategy = "copy"', 'baseline = "77h"']
    if arguments[:2] == ["--baseline", "1s"]:
        lines[1:] = [
            'redis_data_type = "string"',
            f"organizations = {'3' if len(arguments) > 2 else chr(34) + 'many' + chr(34)}",
        ]
    file.write_text("\n".join(lines))
    assert call(["rehearse", "--config", str(file), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_run_and_rehearse_take_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    def ran(settings: Settings, *_: object, **__: object) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(driving, "run_until_stopped", ran)
    file = tmp_path / "a.toml"
    lines = ['strategy = "replicate,copy"', "max_lost = 3", 'abort_if = ["p99=1s"]', "queries_per_second = 77"]
    # After it `run` ends, and a rehearsal with its verdict.
    lines.append('duration = "9s"')
    file.write_text("\n".join(lines))
    assert call(["run", "--config", str(file)]) == 0
    monkeypatch.setattr(rehearsing, "rehearse_each", ran)
    assert call(["rehearse", "--config", str(file)]) == 0
    assert [(each.queries_per_second, each.duration) for each in seen] == [(77, 9.0), (77, None)]


def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    assert call(["init", str(file)]) == 0
    assert file.read_text() == scenario_text()
    file.write_text("mine")
    assert call(["init", str(file)]) == 2
    assert file.read_text() == "mine"
    assert "is there already" in capsys.readouterr().err
    assert call(["init", str(tmp_path / "nowhere" / "mine.toml")]) == 2
